/** Who may run a command now (see core's Places), and how a refusal is told. */
import { WorkspaceError } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Places from "@rdev/core/services/Places"
import * as Effect from "effect/Effect"

export type { Limits, Seat } from "@rdev/core/services/Places"
export const defaults: Places.Limits = { total: 64, perProject: 16, perKey: 32, waiting: 256, waitMillis: 20_000 }

const words: Places.Words = {
  what: "commands",
  total: " (RDEV_EXECS)",
  perProject: " (RDEV_PROJECT_EXECS)",
  perKey: " (RDEV_KEY_EXECS)"
}
const retryMillis = 5_000

const refused = ({ message, whose }: Places.NoPlace): WorkspaceError =>
  new WorkspaceError({
    operation: "Execs.start",
    reason:
      whose === "installation"
        ? { _tag: "ResourceExhausted", message }
        : { _tag: "RateLimited", message, retryAfterMillis: retryMillis }
  })

export class Admission {
  private readonly places: Places.Places
  constructor(limits: Places.Limits) {
    this.places = new Places.Places(limits, words)
  }

  /** Runs `work` with a place; what it is given ends the hold on it, a failure does so by itself. */
  within<A, E>(
    seat: Places.Seat,
    waits: (why: string) => Effect.Effect<void>,
    work: (leave: Effect.Effect<void>) => Effect.Effect<A, E>
  ): Effect.Effect<A, E | WorkspaceError> {
    return Effect.mapError(this.places.within(seat, waits, work), (error) =>
      error instanceof Places.NoPlace ? refused(error) : error
    )
  }
}
