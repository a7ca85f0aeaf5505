/**
 * Who may run a command now. One project, or one key, never takes all places: each has its own bound. Who finds no place waits in a queue
 * with a bound of its own, is told for what, and gets the next place that fits in the order of who runs least; after a time it is refused.
 */
import { WorkspaceError } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Effect from "effect/Effect"

export interface Limits {
  /** Commands at once in this process. */
  readonly total: number
  readonly perProject: number
  readonly perKey: number
  /** Requests that wait, of all projects; of one project at most a quarter. */
  readonly waiting: number
  readonly waitMillis: number
}
export const defaults: Limits = { total: 64, perProject: 16, perKey: 32, waiting: 256, waitMillis: 20_000 }

export interface Seat {
  readonly project: string
  readonly key: string
}
type Block = { readonly whose: "project" | "key" | "installation"; readonly why: string }

const count = (seats: Iterable<Seat>, fits: (seat: Seat) => boolean): number => [...seats].filter(fits).length

/** Pure: what keeps a request from running now; null = nothing does. */
export const blocked = (seat: Seat, running: Iterable<Seat>, limits: Limits): Block | null => {
  const all = [...running]
  if (count(all, (one) => one.project === seat.project) >= limits.perProject)
    return {
      whose: "project",
      why: `${limits.perProject} commands of this project run at once already, which is its limit (RDEV_PROJECT_EXECS)`
    }
  if (count(all, (one) => one.key === seat.key) >= limits.perKey)
    return {
      whose: "key",
      why: `${limits.perKey} commands of this key run at once already, which is its limit (RDEV_KEY_EXECS)`
    }
  if (all.length >= limits.total)
    return {
      whose: "installation",
      why: `${limits.total} commands run at once already, as many as this installation runs (RDEV_EXECS)`
    }
  return null
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

const retryMillis = 5_000
const refuse = ({ whose, why }: Block, more: string): WorkspaceError =>
  new WorkspaceError({
    operation: "Execs.start",
    reason:
      whose === "installation"
        ? { _tag: "ResourceExhausted", message: `${why}; ${more}` }
        : { _tag: "RateLimited", message: `${why}; ${more}`, retryAfterMillis: retryMillis }
  })

interface Waiting extends Seat {
  readonly go: () => void
}

export class Admission {
  private readonly running = new Set<Seat>()
  private readonly waiting = new Set<Waiting>()
  private readonly limits: Limits
  /** Neither a project nor a key has all places, whatever is configured, where there are two. */
  constructor(limits: Limits) {
    const most = Math.max(1, limits.total - 1)
    this.limits = { ...limits, perProject: Math.min(limits.perProject, most), perKey: Math.min(limits.perKey, most) }
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

  private enter(seat: Seat, waits: (why: string) => Effect.Effect<void>): Effect.Effect<Seat, WorkspaceError> {
    return Effect.suspend(() => {
      const block = blocked(seat, this.running, this.limits)
      if (block === null) {
        const own = { ...seat }
        this.running.add(own)
        return Effect.succeed<Seat>(own)
      }
      const mine = count(this.waiting, (one) => one.project === seat.project)
      if (this.waiting.size >= this.limits.waiting || mine >= Math.ceil(this.limits.waiting / 4)) {
        return Effect.fail(
          refuse(
            block,
            `${mine} requests of this project and ${this.waiting.size} in all wait for a place; wait for some to end`
          )
        )
      }
      const turn = Effect.callback<Seat>((resume) => {
        const one: Waiting = { ...seat, go: () => resume(Effect.succeed<Seat>(one)) }
        this.waiting.add(one)
        // A place that was given in the moment in which nobody waits for it any more goes to the next.
        return Effect.sync(() => {
          if (!this.waiting.delete(one)) this.leave(one)
        })
      })
      return Effect.andThen(
        waits(block.why),
        Effect.timeoutOrElse(turn, {
          duration: this.limits.waitMillis,
          orElse: () =>
            Effect.fail(
              refuse(
                blocked(seat, this.running, this.limits) ?? block,
                `it waited ${this.limits.waitMillis / 1000} s for a place; wait for a command to end, or end one`
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
  ): Effect.Effect<A, E | WorkspaceError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(restore(this.enter(seat, waits)), (own) => {
        const leave = Effect.sync(() => this.leave(own))
        return Effect.onError(restore(work(leave)), () => leave)
      })
    )
  }
}
