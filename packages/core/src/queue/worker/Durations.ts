/**
 * How long tasks of each kind take, to decide how many to claim ahead: about 20 ms of work, so that short tasks come in
 * batches and a long one is only claimed by a worker that can start it. At most two claims: while one runs the next is on its way.
 */
import { maxClaim } from "../../ports/stores/WorkQueueStore.ts"

export const prefetchMillis = 20
/** Least weight of the newest duration; the first ones weigh more, so that one slow start is soon forgotten. */
const share = 0.02

export class Durations {
  readonly #byKind = new Map<string, { mean: number; count: number }>()
  readonly #kinds: ReadonlyArray<string>
  constructor(kinds: ReadonlyArray<string>) {
    this.#kinds = kinds
  }

  note(kind: string, millis: number): void {
    const kept = this.#byKind.get(kind)
    if (kept === undefined) {
      this.#byKind.set(kind, { mean: millis, count: 1 })
      return
    }
    const weight = Math.max(share, 1 / ++kept.count)
    kept.mean += (millis - kept.mean) * weight
  }

  /** A running task of this kind has taken so long already. */
  atLeast(kind: string, millis: number): void {
    if (millis > (this.#byKind.get(kind)?.mean ?? 0)) this.#byKind.set(kind, { mean: millis, count: 1 })
  }

  /** Tasks to hold besides those running; 0 as long as any kind is long or unknown, since a claim may return any of them. */
  ahead(capacity: number): number {
    let longest = 0
    for (const kind of this.#kinds)
      longest = Math.max(longest, this.#byKind.get(kind)?.mean ?? Number.POSITIVE_INFINITY)
    return Math.min(2 * maxClaim, Math.floor((prefetchMillis * capacity) / Math.max(longest, 0.001)))
  }
}
