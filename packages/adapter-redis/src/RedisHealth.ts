/** What `rdev doctor` asks Redis: whether it answers, is of a version that will do, and lets us do what a slot needs. Changes nothing. */
import type { Health } from "@rdev/core/adapter/Adapter"
import { describe as reasonText } from "@rdev/core/ports/infra/PortReason"
import { Effect } from "effect"
import { type Address, describe } from "./Address.ts"
import * as RedisClient from "./RedisClient.ts"

type Check = { readonly name: string; readonly ok: boolean; readonly detail: string }
const timing: RedisClient.Timing = { commandMillis: 3_000, waits: true }

const versionOf = (info: unknown): { readonly name: string; readonly version: string } => {
  const text = String(info)
  const valkey = /^valkey_version:(\S+)/m.exec(text)?.[1]
  const redis = /^redis_version:(\S+)/m.exec(text)?.[1] ?? "?"
  return valkey === undefined ? { name: "Redis", version: redis } : { name: "Valkey", version: valkey }
}
const check = (
  name: string,
  effect: Effect.Effect<unknown, RedisClient.RedisFailure>,
  say: (answer: unknown) => string | Check
): Effect.Effect<Check> =>
  Effect.match(effect, {
    onSuccess: (answer) => {
      const said = say(answer)
      return typeof said === "string" ? { name, ok: true, detail: said } : said
    },
    onFailure: ({ reason }) => ({ name, ok: false, detail: reasonText(reason) })
  })

/** Each question in turn; what stands first says most. */
const asked = (
  address: Address,
  questions: (client: RedisClient.Client) => ReadonlyArray<Effect.Effect<Check>>
): Effect.Effect<Health> =>
  Effect.scoped(
    Effect.gen(function* () {
      const client = yield* RedisClient.make(address, timing)
      const answer = yield* Effect.result(client.call("INFO", "server"))
      if (answer._tag === "Failure")
        return { ok: false, detail: `${describe(address)}: ${reasonText(answer.failure.reason)}` }
      const { name, version } = versionOf(answer.success)
      const recent: Check = {
        name: "version",
        ok: Number(version.split(".")[0]) >= 7,
        detail: `${name} ${version}${Number(version.split(".")[0]) >= 7 ? "" : ": 7.0 or newer is needed"}`
      }
      const checks = [recent, ...(yield* Effect.forEach(questions(client), (one) => one))]
      const wrong = checks.find(({ ok }) => !ok)
      return {
        ok: wrong === undefined,
        detail: wrong === undefined ? `${name} ${version} at ${describe(address)}` : wrong.detail,
        checks
      }
    })
  )

const pair = (answer: unknown): string => (Array.isArray(answer) ? String(answer[1] ?? "") : "")
export const cache = (address: Address, keep: "file" | "memory"): Effect.Effect<Health> =>
  asked(address, (client) => [
    check("users", client.call("ACL", "LIST"), (answer) => `${Array.isArray(answer) ? answer.length : 0} users`),
    check("users are kept", client.call("CONFIG", "GET", "aclfile"), (answer) => {
      if (pair(answer) !== "") return `in ${pair(answer)}`
      const detail = "the server has no aclfile: users of projects are lost when it stops"
      return { name: "users are kept", ok: keep === "memory", detail }
    }),
    check("memory", client.call("CONFIG", "GET", "maxmemory"), (answer) =>
      pair(answer) === "0"
        ? "no maxmemory: one project can use all of the machine's"
        : `maxmemory ${pair(answer)} for all projects together`
    )
  ])
export const limits = (address: Address): Effect.Effect<Health> =>
  asked(address, (client) => [check("scripts", client.call("SCRIPT", "EXISTS", "0".repeat(40)), () => "may be run")])
export const notifier = (address: Address): Effect.Effect<Health> =>
  asked(address, (client) => [check("channels", client.call("PUBSUB", "NUMPAT"), () => "may be used")])
