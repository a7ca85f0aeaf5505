/**
 * What Gitea posts, read: signed with the project's secret (`X-Gitea-Signature`, HMAC-SHA-256 in hex), its event and its id in headers.
 * Gitea tries once and waits 5 s for the answer, so nothing is asked of it here.
 */
import { type Delivery, ForgeHookError, type ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import { header, json, orMalformed } from "@rdev/core/ports/forge/HookReading"
import * as HookSignature from "@rdev/core/ports/forge/HookSignature"
import { Effect } from "effect"
import * as GiteaEvents from "./GiteaEvents.ts"

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
    const login = me()
    const read = yield* orMalformed(GiteaEvents.read(event, yield* json(body), (one) => one === login))
    return { id, event, ...read } satisfies Delivery
  })
})
