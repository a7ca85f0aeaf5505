/**
 * How fast output goes into the event log. While a write waits the process is not read, and a full pipe holds it up: nothing piles up
 * in memory, and who asks something meanwhile waits for one small write at most.
 */
import type { OutputLine } from "@rdev/core/domain/OutputLines"
import * as Effect from "effect/Effect"

/** Between two writes of a run that prints little at a time; what comes meanwhile goes into the next one. */
export const windowMillis = 50
const smallBytes = 16_384
/** Bytes in a millisecond, of one run and of all that this process reads. */
const runRate = 4 * 1024
const sharedRate = 8 * 1024

class Rate {
  private readonly perMillis: number
  private freeAt = 0
  constructor(perMillis: number) {
    this.perMillis = perMillis
  }
  /** Takes its turn; how long until it comes. */
  take(nowMillis: number, bytes: number): number {
    const at = Math.max(nowMillis, this.freeAt)
    this.freeAt = at + bytes / this.perMillis
    return at - nowMillis
  }
}

export class Shared extends Rate {
  constructor() {
    super(sharedRate)
  }
}

export class Run {
  private readonly shared: Shared
  private readonly own = new Rate(runRate)
  private wroteAt = Number.NEGATIVE_INFINITY

  constructor(shared: Shared) {
    this.shared = shared
  }

  /** Before `lines` are written. */
  wait(nowMillis: number, lines: ReadonlyArray<OutputLine>): Effect.Effect<void> {
    const bytes = lines.reduce((sum, { line }) => sum + line.length + 8, 0)
    const window = bytes < smallBytes ? this.wroteAt + windowMillis - nowMillis : 0
    const pause = Math.max(window, this.own.take(nowMillis, bytes), this.shared.take(nowMillis, bytes), 0)
    this.wroteAt = nowMillis + pause
    return pause < 2 ? Effect.void : Effect.sleep(pause)
  }
}
