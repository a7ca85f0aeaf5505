/**
 * A record of one project that cannot be read must stop neither the server nor the others: it is reported, and what reads many goes
 * on without it.
 */
import { type Damage, Quarantine } from "@rdev/core/ports/stores/Quarantine"
import { Effect } from "effect"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { attempt, type LocalFailure } from "../LocalFailure.ts"

interface Failure {
  readonly reason: PortReason
}
export interface Whose {
  readonly projectId: string | null
  readonly part: string
  readonly repair: string
}

/**
 * Trouble of the machine (a full disk, no descriptors left) is nobody's record and not to be taken for damage; a file that this user may
 * not read, or a folder in its place, is.
 */
const machine: ReadonlySet<string> = new Set(["ResourceExhausted", "Unsupported", "Unavailable"])
export const isDamage = (failure: Failure): boolean => !machine.has(failure.reason._tag)

/** Whatever lies on this machine is a project's. */
export const damageOf = ({ part, projectId, repair }: Whose, message: string): Damage => ({
  owner: projectId,
  part,
  repair,
  message
})
export const report = (whose: Whose, failure: Failure): Effect.Effect<void> =>
  Effect.flatMap(Quarantine, (quarantine) => quarantine.report(damageOf(whose, failure.reason.message)))

/** It was read without fault, or made anew. */
export const clear = ({ part, projectId }: Whose): Effect.Effect<void> =>
  projectId === null ? Effect.void : Effect.flatMap(Quarantine, (quarantine) => quarantine.clear(projectId, part))

/** For who reads one record: its damage is reported, and fails the work too. A good result clears what was reported before. */
export const told = <A, E extends Failure, R>(whose: Whose, work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  work.pipe(
    Effect.tap(() => clear(whose)),
    Effect.tapError((failure) => (isDamage(failure) ? report(whose, failure) : Effect.void))
  )

/** The result, or null after its damage was reported. A good one clears what was reported before. */
export const unless = <A, E extends Failure, R>(
  whose: Whose,
  work: Effect.Effect<A, E, R>
): Effect.Effect<A | null, E, R> => Effect.catchIf(told(whose, work), isDamage, () => Effect.succeed(null))

/** Results of those that can be read, in their order. */
export const each = <T, A>(
  all: ReadonlyArray<T>,
  whose: (one: T) => Whose,
  read: (one: T) => Promise<A>
): Effect.Effect<ReadonlyArray<A>, LocalFailure> =>
  Effect.map(
    Effect.forEach(
      all,
      (one) =>
        unless(
          whose(one),
          Effect.map(
            attempt(() => read(one)),
            (value) => [value]
          )
        ),
      { concurrency: 8 }
    ),
    (found) => found.flatMap((one) => one ?? [])
  )
