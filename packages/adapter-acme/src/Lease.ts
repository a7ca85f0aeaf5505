/**
 * One worker on a certificate at a time, among all processes: two orders for one name would overwrite each other's TXT values, and count
 * twice against the authority's limits. A claim of the stores, renewed while the work goes on; one whose holder is gone ends by itself.
 */
import { claimMillis, type IdempotencyStore } from "@rdev/core/ports/stores/IdempotencyStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Clock, Effect, Schedule } from "effect"
import { randomUUID } from "node:crypto"
import { type AcmeFailure, unavailable } from "./AcmeFailure.ts"

const lost = (error: StoreError) => unavailable(`the claim of a certificate: ${error.message}`)

/** `patienceMillis`: how long somebody else's work is waited for. */
export const make =
  (claims: IdempotencyStore["Service"], patienceMillis: number) =>
  <A, R>(what: string, work: Effect.Effect<A, AcmeFailure, R>): Effect.Effect<A, AcmeFailure, R> =>
    Effect.suspend(() => {
      const key = { principal: "system", route: "acme", key: what }
      const token = randomUUID()
      const take = Effect.gen(function* () {
        const nowMillis = yield* Clock.currentTimeMillis
        const begun = yield* Effect.mapError(
          claims.begin(key, { bodyHash: "", nowMillis, token, resumable: true }),
          lost
        )
        if (begun._tag !== "Fresh") return yield* unavailable(`${what} is being worked on by another process`)
      })
      const isHeld = ({ reason }: AcmeFailure) =>
        reason._tag === "Unavailable" && reason.message.endsWith("another process")
      const renewing = Effect.gen(function* () {
        yield* Effect.sleep(claimMillis / 3)
        const held = yield* Effect.result(claims.renew(key, token, yield* Clock.currentTimeMillis))
        if (held._tag === "Failure")
          yield* Effect.logWarning(`acme: the claim of ${what} could not be renewed: ${held.failure.message}`)
      }).pipe(Effect.forever)
      return Effect.acquireUseRelease(
        Effect.retry(take, {
          schedule: Schedule.spaced("250 millis"),
          times: Math.ceil(patienceMillis / 250),
          while: isHeld
        }),
        () => Effect.raceFirst(work, renewing),
        () =>
          Effect.catch(claims.release(key, token), (error) =>
            Effect.logWarning(`acme: the claim of ${what} ends in ${claimMillis / 1000} s: ${error.message}`)
          )
      )
    })
