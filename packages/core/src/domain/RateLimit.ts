/**
 * How many of something may happen in a span of time, and the arithmetic of it (the generic cell rate algorithm, ITU-T I.371): of each
 * key one number is kept, the time at which its whole quota is there again. A quota may be used at once, and comes back evenly. Pure, in
 * whole microseconds, so that every keeper of limits reckons to the same answer.
 */
import { Schema } from "effect"

/** Up to `limit` at once, and as many in each `windowSeconds` in the long run. */
export const RatePolicy = Schema.Struct({
  /** Tells policies of one key apart; shown to clients, e.g. `key`. */
  name: Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9-]{0,31}$/)),
  limit: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000 })),
  windowSeconds: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 86_400 }))
})
export type RatePolicy = typeof RatePolicy.Type

/** Whose quota it is. */
export interface RateKey {
  readonly kind: "key" | "project" | "owner" | "address"
  /** 1 to 200 characters. */
  readonly id: string
}

export interface RateAnswer {
  readonly allowed: boolean
  readonly limit: number
  /** What could be used up now at once. */
  readonly remaining: number
  /** Until the whole quota is there again, if nothing more is used. */
  readonly resetSeconds: number
  /** Until this much could be used; 0 when it was allowed. */
  readonly retryAfterSeconds: number
}

export interface Taken {
  readonly answer: RateAnswer
  /** To be kept for the key; null = as it was. After this time it may be forgotten. */
  readonly fullAtMicros: number | null
}

/** The time in which one of the quota comes back; rounded up, so that the rate is never above the policy's. */
export const intervalMicros = ({ limit, windowSeconds }: RatePolicy): number =>
  Math.ceil((windowSeconds * 1_000_000) / limit)

const seconds = (micros: number): number => Math.ceil(micros / 1_000_000)

/**
 * Takes `cost` (1 to `limit`) of the quota, if it is there. `fullAtMicros` is what was kept for the key, or null. A refusal uses nothing
 * up. A kept time further off than an empty quota (the policy became narrower, a clock went back) becomes an empty quota.
 */
export const take = (policy: RatePolicy, fullAtMicros: number | null, nowMicros: number, cost = 1): Taken => {
  const interval = intervalMicros(policy)
  const whole = interval * policy.limit
  const before = Math.min(Math.max(fullAtMicros ?? nowMicros, nowMicros), nowMicros + whole)
  const after = before + interval * cost
  const allowed = after - nowMicros <= whole
  const stands = allowed ? after : before
  return {
    answer: {
      allowed,
      limit: policy.limit,
      remaining: Math.floor((whole - (stands - nowMicros)) / interval),
      resetSeconds: seconds(stands - nowMicros),
      retryAfterSeconds: allowed ? 0 : seconds(after - whole - nowMicros)
    },
    fullAtMicros: allowed ? after : fullAtMicros !== null && fullAtMicros > before ? before : null
  }
}

/**
 * What the headers `RateLimit` and `RateLimit-Policy` say (draft-ietf-httpapi-ratelimit-headers): the quota that is left and the seconds
 * until it is whole again, and the quota and its window.
 */
export const headersOf = (
  { limit, name, windowSeconds }: RatePolicy,
  { remaining, resetSeconds }: RateAnswer
): { readonly ratelimit: string; readonly "ratelimit-policy": string } => ({
  ratelimit: `"${name}";r=${remaining};t=${resetSeconds}`,
  "ratelimit-policy": `"${name}";q=${limit};w=${windowSeconds}`
})
