/**
 * Keeps the quotas of rate limits (see domain/RateLimit). A keeper is this process alone, or a server that several processes share. It is
 * asked before work is done, so it answers quickly or fails; whether a failure lets the work through is the caller's decision
 * (services/RateLimits).
 */
import { Context, Effect, Schema } from "effect"
import type { RateAnswer, RateKey, RatePolicy } from "../../domain/RateLimit.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class RateLimiterError extends Schema.TaggedError<RateLimiterError>()("RateLimiterError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

export class RateLimiter extends Context.Service<
  RateLimiter,
  {
    /**
     * Takes `cost` (default 1) of the key's quota under this policy, or answers that it is not there and takes nothing. Quotas of other
     * keys, kinds and policies are not touched. Invalid for a cost that is no whole number from 1 to the limit, and for an id that is
     * empty or longer than 200 characters.
     */
    take(key: RateKey, policy: RatePolicy, cost?: number): Effect.Effect<RateAnswer, RateLimiterError>
  }
>()("rdev/ports/RateLimiter") {}

/** What every keeper checks before it looks. */
export const checked = (key: RateKey, policy: RatePolicy, cost: number): Effect.Effect<void, RateLimiterError> => {
  const wrong = (field: string, message: string) =>
    Effect.fail(new RateLimiterError({ operation: "RateLimiter.take", reason: { _tag: "Invalid", field, message } }))
  if (!Number.isInteger(cost) || cost < 1 || cost > policy.limit)
    return wrong("cost", `${cost} is no whole number from 1 to ${policy.limit}`)
  if (key.id === "" || key.id.length > 200) return wrong("id", "expected 1 to 200 characters")
  return Effect.void
}
