/**
 * All-or-none for stores in memory. A write records how to undo it; a table written to stays locked until the transaction ends,
 * so that nobody builds on what may be undone. Reads see what is not committed yet: stores in memory are for tests and
 * single-process use. Transactions of one UnitOfWork run one at a time, so they cannot wait for each other in a circle.
 */
import { Context, Effect, Semaphore } from "effect"

interface Transaction {
  readonly undo: Array<() => void>
  readonly hooks: Array<Effect.Effect<void>>
  readonly held: Set<Semaphore.Semaphore>
  open: boolean
}
const Current = Context.Reference<Transaction | null>("rdev/memory/Transaction", { defaultValue: () => null })
const current = Effect.map(Effect.service(Current), (tx) => (tx !== null && tx.open ? tx : null))

/** Runs when the surrounding transaction has committed, never if it did not; at once outside of one. */
export const afterCommit = (effect: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.flatMap(current, (tx) =>
    tx === null
      ? effect
      : Effect.sync(() => {
          tx.hooks.push(effect)
        })
  )

/** Runs while nobody else holds the lock; in a transaction the lock is kept until its end. */
export const exclusively = <A, E, R>(
  lock: Semaphore.Semaphore,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(current, (tx) => {
    if (tx === null) return lock.withPermits(1)(effect)
    if (tx.held.has(lock)) return effect
    return Effect.uninterruptibleMask((restore) =>
      restore(lock.take(1)).pipe(
        Effect.andThen(
          Effect.sync(() => {
            tx.held.add(lock)
          })
        ),
        Effect.andThen(restore(effect))
      )
    )
  })

/** Says how to take a write back, should the surrounding transaction fail. */
export const onRollback = (undo: () => void): Effect.Effect<void> =>
  Effect.map(current, (tx) => {
    tx?.undo.push(undo)
  })

export interface Table<V> {
  readonly rows: ReadonlyMap<string, V>
  /** One atomic change; `put` with undefined removes. */
  write<A>(change: (put: (key: string, value: V | undefined) => void) => A): Effect.Effect<A>
}

/** A map whose changes are undone with the transaction they were made in. */
export const table = <V>(): Effect.Effect<Table<V>> =>
  Effect.map(Semaphore.make(1), (lock) => {
    const rows = new Map<string, V>()
    const set = (key: string, value: V | undefined) => {
      if (value === undefined) rows.delete(key)
      else rows.set(key, value)
    }
    return {
      rows,
      write: (change) =>
        exclusively(
          lock,
          Effect.flatMap(current, (tx) =>
            Effect.sync(() =>
              change((key, value) => {
                const before = rows.get(key)
                tx?.undo.push(() => set(key, before))
                set(key, value)
              })
            )
          )
        )
    }
  })

/** What UnitOfWork.transact is in memory; nested calls join. */
export const transact =
  (turn: Semaphore.Semaphore) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(current, (outer) =>
      outer !== null
        ? effect
        : turn.withPermits(1)(
            Effect.uninterruptibleMask((restore) =>
              Effect.gen(function* () {
                const tx: Transaction = { undo: [], hooks: [], held: new Set(), open: true }
                const exit = yield* Effect.exit(restore(Effect.provideService(effect, Current, tx)))
                tx.open = false
                if (exit._tag === "Failure") for (const undo of tx.undo.reverse()) undo()
                else for (const hook of tx.hooks) yield* hook
                for (const lock of tx.held) yield* lock.release(1)
                return yield* exit
              })
            )
          )
    )
