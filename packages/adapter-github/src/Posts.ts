/**
 * What GitHub posts, read: signed with the project's secret (`X-Hub-Signature-256`, HMAC-SHA-256), its event and its id in headers. GitHub
 * waits 10 s for the answer, so nothing is asked of it here.
 */
import { type Delivery, ForgeHookError, type ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import * as HookSignature from "@rdev/core/ports/forge/HookSignature"
import { Effect } from "effect"
import * as Events from "./Events.ts"

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
    : malformed(name, value === undefined ? "missing" : "not as GitHub sends it")

const scheme = "sha256="

/** `me`: the login that rdev works as, as far as it is known. */
export const make = (url: string, me: () => string | null): ForgeHooks => ({
  adapter: "github",
  events: Events.events,
  unreachable: (target) => HookSignature.unreachable(url, target),
  read: Effect.fn("GitHubPosts.read")(function* ({ body, headers }, secrets) {
    const given = headers["x-hub-signature-256"]
    if (
      !HookSignature.isSigned(
        body,
        given?.startsWith(scheme) === true ? given.slice(scheme.length) : undefined,
        secrets
      )
    )
      return yield* new ForgeHookError({
        reason: {
          _tag: "BadSignature",
          message: "X-Hub-Signature-256 is missing, or is not the body's by the secret of this project"
        }
      })
    const id = yield* header(headers["x-github-delivery"], "X-GitHub-Delivery", /^[\x21-\x7e]{1,200}$/)
    const event = yield* header(headers["x-github-event"], "X-GitHub-Event", /^[a-z_]{1,60}$/)
    const found = parsed(body)
    if (found === null) return yield* malformed("body", "not JSON in UTF-8")
    const login = me()
    const read = Events.read(event, found.json, (one) => one === login)
    if ("field" in read) return yield* malformed(read.field, read.message)
    return { id, event, ...read } satisfies Delivery
  })
})
