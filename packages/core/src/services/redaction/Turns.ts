/**
 * Long work on text, in turns: the thread that searches output for secrets also answers requests. Of all such work of this process one
 * slice of some milliseconds is done before others get their turn, however many ask; what is short is done at once.
 */
import { Effect, Semaphore } from "effect"

/** A request needs some five turns of the event loop: behind slices of 4 ms each it waits for 20 ms. */
const sliceMillis = 4
/** Shorter ones leave nobody waiting. */
const noticedMillis = 1
/** Some 2 ms of output in which every character is escaped. */
export const pieceBytes = 2_048

const turn = Semaphore.makeUnsafe(1)

/** Does all of `work`, which may be interrupted wherever it yields. */
export const run = <A>(work: () => Generator<unknown, A>): Effect.Effect<A> =>
  Effect.suspend(() => {
    const steps = work()
    let step = steps.next()
    const slice = Effect.suspend(() => {
      const began = performance.now()
      while (step.done !== true && performance.now() - began < sliceMillis) step = steps.next()
      return performance.now() - began < noticedMillis ? Effect.void : Effect.yieldNow
    })
    return Effect.map(
      Effect.whileLoop({ while: () => step.done !== true, body: () => turn.withPermit(slice), step: () => undefined }),
      () => (step as IteratorReturnResult<A>).value
    )
  })

/** What `work` makes of the bytes, piece by piece. */
export const inPieces = <A>(
  bytes: Uint8Array,
  work: (piece: Uint8Array) => ReadonlyArray<A>
): Effect.Effect<ReadonlyArray<A>> =>
  bytes.byteLength <= pieceBytes
    ? Effect.sync(() => work(bytes))
    : run(function* () {
        const made: Array<A> = []
        for (let at = 0; at < bytes.byteLength; at += pieceBytes) {
          for (const one of work(bytes.subarray(at, at + pieceBytes))) made.push(one)
          yield
        }
        return made
      })

/** The same of things of which each takes little. */
export const each = <A, B>(items: ReadonlyArray<A>, work: (item: A) => B): Effect.Effect<ReadonlyArray<B>> =>
  items.length <= 1
    ? Effect.sync(() => items.map(work))
    : run(function* () {
        const made: Array<B> = []
        for (const item of items) {
          made.push(work(item))
          yield
        }
        return made
      })
