/**
 * What GitHub posts, read: signed with the project's secret (`X-Hub-Signature-256`, HMAC-SHA-256), its event and its id in headers. GitHub
 * waits 10 s for the answer, so nothing is asked of it here.
 */
import { type Delivery, ForgeHookError, type ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import { header, json, orMalformed } from "@rdev/core/ports/forge/HookReading"
import * as HookSignature from "@rdev/core/ports/forge/HookSignature"
import { Effect } from "effect"
import * as Events from "./Events.ts"

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
    const login = me()
    const read = yield* orMalformed(Events.read(event, yield* json(body), (one) => one === login))
    return { id, event, ...read } satisfies Delivery
  })
})
