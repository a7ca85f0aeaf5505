/**
 * When something that ends is made anew: pure, and the same in every process, so that a restart changes nothing. What is jittered is
 * jittered by a hash of the thing itself.
 */
import { fraction } from "./RetryPolicy.ts"

export interface Term {
  /** Distinguishes it from others that began together, e.g. a serial number. */
  readonly seed: string
  readonly fromMillis: number
  readonly untilMillis: number
}

/** Of the lifetime, before the two thirds: what was made in one hour is not renewed in one hour. */
const jitter = 1 / 20

/**
 * After two thirds of the lifetime, up to a twentieth of it earlier: of 90 days, between day 55.5 and day 60. Let's Encrypt asks for two
 * thirds; a third is then left in which failures can be told and mended.
 */
export const dueAt = ({ fromMillis, seed, untilMillis }: Term): number => {
  const lifetime = Math.max(0, untilMillis - fromMillis)
  return Math.round(fromMillis + lifetime * (2 / 3 - jitter * fraction(seed)))
}

const hourMillis = 3_600_000
/** Let's Encrypt counts five failed validations of a name in an hour, and then refuses all: one is far below it. */
const firstMillis = hourMillis
const capMillis = 24 * hourMillis

/**
 * When it is tried again after the `failures`-th failure in a row: an hour, two, four, up to a day; up to a quarter earlier by jitter. Never
 * later than an eighth of the time that is left, but for an hour: the last day of a certificate has more tries than the first.
 */
export const retryAt = (failures: number, nowMillis: number, term: Term): number => {
  const step = Math.min(capMillis, firstMillis * 2 ** Math.min(16, Math.max(0, failures - 1)))
  const left = Math.max(firstMillis, (term.untilMillis - nowMillis) / 8)
  const wait = Math.min(step, left)
  return Math.round(nowMillis + wait * (1 - fraction(`${term.seed}:${failures}`) / 4))
}
