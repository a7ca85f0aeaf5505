/** The real clock plus an offset that a test moves forward: time passes without waiting, for stores that read the Clock. */
import { Clock, Effect } from "effect"

export interface ShiftedClock extends Clock.Clock {
  advance(millis: number): void
}

export const make: Effect.Effect<ShiftedClock> = Effect.map(Clock.Clock, (real): ShiftedClock => {
  let offset = 0
  const nanos = () => BigInt(offset) * 1_000_000n
  const currentTimeMillisUnsafe = () => real.currentTimeMillisUnsafe() + offset
  const currentTimeNanosUnsafe = () => real.currentTimeNanosUnsafe() + nanos()
  const monotonicTimeNanosUnsafe = () => real.monotonicTimeNanosUnsafe() + nanos()
  return {
    advance: (millis) => {
      offset += millis
    },
    currentTimeMillisUnsafe,
    currentTimeNanosUnsafe,
    monotonicTimeNanosUnsafe,
    currentTimeMillis: Effect.sync(currentTimeMillisUnsafe),
    currentTimeNanos: Effect.sync(currentTimeNanosUnsafe),
    monotonicTimeNanos: Effect.sync(monotonicTimeNanosUnsafe),
    sleep: (duration) => real.sleep(duration)
  }
})
