/**
 * Rate limits of this process alone: what an embedded installation uses. Bounded: beyond `maxKeys` quotas in use the one that was used
 * longest ago is forgotten, as if it were whole.
 */
import { Clock, Effect, Layer } from "effect"
import { type RateKey, type RatePolicy, take } from "../../domain/RateLimit.ts"
import { checked, RateLimiter } from "../../ports/infra/RateLimiter.ts"

export const maxKeys = 100_000
/** Quotas that are looked at for being whole again, at each use of another. */
const sweep = 2

const idOf = (key: RateKey, policy: RatePolicy) => `${policy.name} ${key.kind} ${key.id}`

/** `most`: quotas that are remembered. */
export const make = (most: number = maxKeys): RateLimiter["Service"] & { readonly size: () => number } => {
  /** In the order of their last use. */
  const fullAt = new Map<string, number>()
  const forget = (now: number) => {
    let looked = 0
    for (const [id, at] of fullAt) {
      if (at > now && fullAt.size <= most) return
      if (at <= now || fullAt.size > most) fullAt.delete(id)
      if (++looked >= sweep && fullAt.size <= most) return
    }
  }
  return {
    size: () => fullAt.size,
    take: (key, policy, cost = 1) =>
      Effect.andThen(
        checked(key, policy, cost),
        Effect.map(Clock.currentTimeMillis, (millis) => {
          const now = millis * 1000
          const id = idOf(key, policy)
          const taken = take(policy, fullAt.get(id) ?? null, now, cost)
          if (taken.fullAtMicros !== null) {
            fullAt.delete(id)
            fullAt.set(id, taken.fullAtMicros)
          }
          forget(now)
          return taken.answer
        })
      )
  }
}

export const layer: Layer.Layer<RateLimiter> = Layer.sync(RateLimiter, () => RateLimiter.of(make()))
