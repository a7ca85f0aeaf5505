/**
 * How long tasks of each kind take, to decide how many to claim ahead: about 50 ms of work, so that short tasks come in
 * batches and a long one is only claimed by a worker that can start it.
 */
export const prefetchMillis = 50
/** More in one lease would only make a lost worker's tasks wait together. */
export const maxPrefetch = 500
/** Weight of the newest duration in the moving average. */
const share = 0.02

export class Durations {
  readonly #byKind = new Map<string, number>()
  readonly #kinds: ReadonlyArray<string>
  constructor(kinds: ReadonlyArray<string>) {
    this.#kinds = kinds
  }

  note(kind: string, millis: number): void {
    const before = this.#byKind.get(kind)
    this.#byKind.set(kind, before === undefined ? millis : before * (1 - share) + millis * share)
  }

  /** A running task of this kind has taken so long already. */
  atLeast(kind: string, millis: number): void {
    if (millis > (this.#byKind.get(kind) ?? 0)) this.#byKind.set(kind, millis)
  }

  /** Tasks to hold besides those running; 0 as long as any kind is long or unknown, since a claim may return any of them. */
  ahead(capacity: number): number {
    let longest = 0
    for (const kind of this.#kinds) longest = Math.max(longest, this.#byKind.get(kind) ?? Number.POSITIVE_INFINITY)
    return Math.min(maxPrefetch, Math.floor((prefetchMillis * capacity) / Math.max(longest, 0.001)))
  }
}
