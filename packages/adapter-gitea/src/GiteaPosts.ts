/**
 * What Gitea posts, read: signed with the project's secret (`X-Gitea-Signature`, HMAC-SHA-256 in hex), its event and its id in headers.
 * Gitea tries once and waits 5 s for the answer, so nothing is asked of it here.
 */
import { type Delivery, ForgeHookError, type ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import * as HookSignature from "@rdev/core/ports/forge/HookSignature"
import { Effect } from "effect"
import * as GiteaEvents from "./GiteaEvents.ts"

const malformed = (field: string, message: string) =>
  Effect.fail(new ForgeHookError({ reason: { _tag: "Malformed", field, message } }))
const utf8 = new TextDecoder("utf-8", { fatal: true })
const parsed = (body: Uint8Array): { readonly json: unknown } | null => {
  try {
    return { json: JSON.parse(utf8.decode(body)) }
  } catch {
    return null
  }
}
const header = (value: string | undefined, name: string, pattern: RegExp) =>
  value !== undefined && pattern.test(value)
    ? Effect.succeed(value)
    : malformed(name, value === undefined ? "missing" : "not as Gitea sends it")

/** `me`: the login that rdev works as, as far as it is known. */
export const make = (url: string, me: () => string | null): ForgeHooks => ({
  adapter: "gitea",
  events: GiteaEvents.events,
  unreachable: (target) => HookSignature.unreachable(url, target),
  read: Effect.fn("GiteaPosts.read")(function* ({ body, headers }, secrets) {
    if (!HookSignature.isSigned(body, headers["x-gitea-signature"], secrets))
      return yield* new ForgeHookError({
        reason: {
          _tag: "BadSignature",
          message: "X-Gitea-Signature is missing, or is not the body's by the secret of this project"
        }
      })
    const id = yield* header(headers["x-gitea-delivery"], "X-Gitea-Delivery", /^[\x21-\x7e]{1,200}$/)
    const event = yield* header(headers["x-gitea-event"], "X-Gitea-Event", /^[a-z_]{1,60}$/)
    const found = parsed(body)
    if (found === null) return yield* malformed("body", "not JSON in UTF-8")
    const login = me()
    const read = GiteaEvents.read(event, found.json, (one) => one === login)
    if ("field" in read) return yield* malformed(read.field, read.message)
    return { id, event, ...read } satisfies Delivery
  })
})
