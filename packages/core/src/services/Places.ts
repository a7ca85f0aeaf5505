/**
 * Places for work that a machine can do only so much of at once, shared out fairly. One project, or one key, never takes all of them: each
 * has its own bound. Who finds no place waits in a queue with a bound of its own, is told for what, and gets the next place that fits in
 * the order of who runs least; after a time it is refused. Of one process: each replica has its own places.
 */
import { Data, Effect } from "effect"

export interface Limits {
  /** At once in this process. */
  readonly total: number
  readonly perProject: number
  readonly perKey: number
  /** Requests that wait, of all projects; of one project at most a quarter. */
  readonly waiting: number
  readonly waitMillis: number
}
/** What is counted, in the plural, and where each bound is set. */
export interface Words {
  readonly what: string
  readonly total: string
  readonly perProject: string
  readonly perKey: string
}

export interface Seat {
  readonly project: string
  readonly key: string
}
type Whose = "project" | "key" | "installation"
type Block = { readonly whose: Whose; readonly limit: number }

/** No place came free in time, or too many wait. */
export class NoPlace extends Data.TaggedError("NoPlace")<{ readonly whose: Whose; readonly message: string }> {}

const count = (seats: Iterable<Seat>, fits: (seat: Seat) => boolean): number => [...seats].filter(fits).length

/** Pure: what keeps a request from running now; null = nothing does. */
export const blocked = (seat: Seat, running: Iterable<Seat>, limits: Limits): Block | null => {
  const all = [...running]
  if (count(all, (one) => one.project === seat.project) >= limits.perProject)
    return { whose: "project", limit: limits.perProject }
  if (count(all, (one) => one.key === seat.key) >= limits.perKey) return { whose: "key", limit: limits.perKey }
  return all.length >= limits.total ? { whose: "installation", limit: limits.total } : null
}

/** Pure: who of those that wait, oldest first, runs next: one that nothing blocks, of the project that runs least. */
export const next = <A extends Seat>(waiting: Iterable<A>, running: Iterable<Seat>, limits: Limits): A | null => {
  const all = [...running]
  let best: { readonly seat: A; readonly runs: number } | null = null
  for (const seat of waiting) {
    if (blocked(seat, all, limits) !== null) continue
    const runs = count(all, (one) => one.project === seat.project)
    if (best === null || runs < best.runs) best = { seat, runs }
  }
  return best?.seat ?? null
}

interface Waiting extends Seat {
  readonly go: () => void
}

export class Places {
  private readonly running = new Set<Seat>()
  private readonly waiting = new Set<Waiting>()
  private readonly limits: Limits
  private readonly words: Words
  /** Neither a project nor a key has all places, whatever is configured, where there are two. */
  constructor(limits: Limits, words: Words) {
    const most = Math.max(1, limits.total - 1)
    this.limits = { ...limits, perProject: Math.min(limits.perProject, most), perKey: Math.min(limits.perKey, most) }
    this.words = words
  }

  private why({ limit, whose }: Block): string {
    const { perKey, perProject, total, what } = this.words
    if (whose === "project")
      return `${limit} ${what} of this project run at once already, which is its limit${perProject}`
    if (whose === "key") return `${limit} ${what} of this key run at once already, which is its limit${perKey}`
    return `${limit} ${what} run at once already, as many as this installation runs${total}`
  }
  private refusal(block: Block, more: string): NoPlace {
    return new NoPlace({ whose: block.whose, message: `${this.why(block)}; ${more}` })
  }

  private leave(seat: Seat): void {
    if (!this.running.delete(seat)) return
    for (
      let one = next(this.waiting, this.running, this.limits);
      one !== null;
      one = next(this.waiting, this.running, this.limits)
    ) {
      this.waiting.delete(one)
      this.running.add(one)
      one.go()
    }
  }

  private enter(seat: Seat, waits: (why: string) => Effect.Effect<void>): Effect.Effect<Seat, NoPlace> {
    return Effect.suspend(() => {
      const block = blocked(seat, this.running, this.limits)
      if (block === null) {
        const own = { ...seat }
        this.running.add(own)
        return Effect.succeed<Seat>(own)
      }
      const mine = count(this.waiting, (one) => one.project === seat.project)
      if (this.waiting.size >= this.limits.waiting || mine >= Math.ceil(this.limits.waiting / 4))
        return Effect.fail(
          this.refusal(
            block,
            `${mine} requests of this project and ${this.waiting.size} in all wait for a place; wait for some to end`
          )
        )
      const turn = Effect.callback<Seat>((resume) => {
        const one: Waiting = { ...seat, go: () => resume(Effect.succeed<Seat>(one)) }
        this.waiting.add(one)
        // A place that was given in the moment in which nobody waits for it any more goes to the next.
        return Effect.sync(() => {
          if (!this.waiting.delete(one)) this.leave(one)
        })
      })
      return Effect.andThen(
        waits(this.why(block)),
        Effect.timeoutOrElse(turn, {
          duration: this.limits.waitMillis,
          orElse: () =>
            Effect.fail(
              this.refusal(
                blocked(seat, this.running, this.limits) ?? block,
                `it waited ${this.limits.waitMillis / 1000} s for a place; wait for one to end, or end one`
              )
            )
        })
      )
    })
  }

  /** Runs `work` with a place; what it is given ends the hold on it, a failure does so by itself. */
  within<A, E>(
    seat: Seat,
    waits: (why: string) => Effect.Effect<void>,
    work: (leave: Effect.Effect<void>) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | NoPlace> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(this.enter(seat, waits)), (own) => {
        const leave = Effect.sync(() => this.leave(own))
        return Effect.onError(restore(work(leave)), () => leave)
      })
    )
  }
}
