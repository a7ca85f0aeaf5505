/**
 * Who follows a wake-up first. Every worker hears it and one can have the task; where all ask, most ask in vain, and it takes longer for
 * the one. So they come one after the other, an idle worker before one that was given long tasks; a later one finds what the earlier
 * ones were too busy to take.
 */
import type { WorkerRank } from "../../ports/stores/WorkQueueStore.ts"

export const stepMillis = 20
const maxSteps = 4

/** Milliseconds to wait before the claim. `more`: long tasks running here beyond those running when the rank was given. Pure. */
export const patience = ({ ahead, workers }: WorkerRank, more: number): number =>
  workers < 2 ? 0 : stepMillis * Math.min(maxSteps, ahead + workers * Math.max(0, more))
