/**
 * Rate limits as services ask for them: a keeper that fails or does not answer in time lets everything through, because limits protect
 * what works and must not be what stops it. That is counted, and said once when it begins and once when it is over.
 */
import { Clock, Effect, Metric } from "effect"
import type { RateAnswer, RateKey, RatePolicy } from "../domain/RateLimit.ts"
import type { RateLimiter, RateLimiterError } from "../ports/infra/RateLimiter.ts"

/** How long a request waits for its quota at most. */
export const patienceMillis = 250
/** After a failure the keeper is left alone for this long: a request in ten thousand waits for it, not each. */
export const pauseMillis = 1_000

const refused = Metric.counter("rdev_rate_limited_total", {
  description: "Requests that were over their limit, by kind of key",
  incremental: true
})
const open = Metric.counter("rdev_rate_limit_unchecked_total", {
  description: "Requests that were let through because the keeper of limits failed, by reason",
  incremental: true
})

export interface RateLimits {
  /** null = nobody could say; it goes on. Never fails. */
  take(key: RateKey, policy: RatePolicy, cost?: number): Effect.Effect<RateAnswer | null>
}

export const make = (limiter: RateLimiter["Service"]): RateLimits => {
  let failing = false
  let pausedUntil = 0
  const count = (reason: string) => Metric.update(Metric.withAttributes(open, { reason }), 1)
  const failed = (reason: string, message: string) =>
    Effect.gen(function* () {
      // What is wrong with one question says nothing of the next.
      if (reason !== "Invalid") pausedUntil = (yield* Clock.currentTimeMillis) + pauseMillis
      yield* count(reason)
      if (failing) return null
      failing = true
      yield* Effect.logWarning(`rate limits are not checked: ${message}. Requests go on without them until it is back`)
      return null
    })
  const answered = (answer: RateAnswer, key: RateKey) =>
    Effect.gen(function* () {
      if (failing) {
        failing = false
        yield* Effect.logInfo("rate limits are checked again")
      }
      if (!answer.allowed) yield* Metric.update(Metric.withAttributes(refused, { kind: key.kind }), 1)
      return answer
    })
  const asked = (key: RateKey, policy: RatePolicy, cost?: number) =>
    limiter.take(key, policy, cost).pipe(
      Effect.timeoutOrElse({ duration: patienceMillis, orElse: () => Effect.succeed(null) }),
      Effect.flatMap((answer): Effect.Effect<RateAnswer | null> =>
        answer === null ? failed("Timeout", `no answer within ${patienceMillis} ms`) : answered(answer, key)
      ),
      Effect.catch((error: RateLimiterError) => failed(error.reason._tag, error.message))
    )
  return {
    take: (key, policy, cost) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        // One asks whether it is back; the others are not held up.
        now < pausedUntil ? Effect.as(count("Paused"), null) : asked(key, policy, cost)
      )
  }
}
