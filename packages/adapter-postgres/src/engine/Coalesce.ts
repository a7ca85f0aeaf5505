/**
 * Many small signals as few sends: the first goes out at once, those that come while it is sent and in the millisecond after go
 * out together. Bounded: at most `capacity` keys wait, then the oldest is dropped (signals are hints, their receivers poll).
 */
import { Effect, type Scope } from "effect"
import { realPause } from "./realPause.ts"

/** A NOTIFY takes a lock of the whole server at commit; more than one per millisecond slows every writer down. */
const pause = realPause(1)
export const capacity = 1024

export const make = <V>(options: {
  readonly merge: (waiting: V, next: V) => V
  readonly send: (entries: ReadonlyArray<readonly [string, V]>) => Effect.Effect<void>
}): Effect.Effect<(key: string, value: V) => Effect.Effect<void>, never, Scope.Scope> =>
  Effect.map(Effect.scope, (scope) => {
    const waiting = new Map<string, V>()
    const state = { sending: false }
    const loop = Effect.gen(function* () {
      while (waiting.size > 0) {
        const entries = [...waiting]
        waiting.clear()
        yield* options.send(entries)
        yield* pause
      }
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          state.sending = false
        })
      )
    )
    return (key, value) =>
      Effect.suspend(() => {
        const before = waiting.get(key)
        waiting.set(key, before === undefined ? value : options.merge(before, value))
        if (waiting.size > capacity)
          for (const oldest of waiting.keys()) {
            waiting.delete(oldest)
            break
          }
        if (state.sending) return Effect.void
        state.sending = true
        return Effect.asVoid(Effect.forkIn(loop, scope))
      })
  })
