/**
 * What was found damaged, by owner: a record of a release, a run, a workspace or a feature that cannot be read. Whoever reads records
 * leaves the damaged one out, reports it here, and goes on with the others: one project's damage is never another's. The API shows it
 * at the project with how to repair it, and each finding becomes an event of the project.
 *
 * Kept in this process alone: every process finds what it reads. A part that is read again without fault is cleared.
 */
import { Context, Effect } from "effect"

export interface Damage {
  /** Whose it is, by id: a project's, an environment's, a webhook's. Null when not even that can be told. */
  readonly owner: string | null
  /** What is damaged, e.g. `release rel_… in production`; names one thing of the project. */
  readonly part: string
  readonly message: string
  /** What somebody can do about it. */
  readonly repair: string
}

export interface Registry {
  report(damage: Damage): Effect.Effect<void>
  clear(owner: string, part: string): Effect.Effect<void>
  /** What is damaged of an owner now; for reading without waiting. */
  of(owner: string): ReadonlyArray<Damage>
  /** Hears of everything reported, first of what was before. The result ends it. */
  listen(hear: (damage: Damage) => void): () => void
}

/** More are logged and not kept: a wholly damaged store must not fill the memory. */
const maxKept = 10_000

export const make = (): Registry => {
  const kept = new Map<string, Damage>()
  const listeners = new Set<(damage: Damage) => void>()
  const keyOf = (owner: string | null, part: string) => `${owner ?? ""} ${part}`
  return {
    report: (damage) =>
      Effect.suspend(() => {
        const key = keyOf(damage.owner, damage.part)
        if (kept.get(key)?.message === damage.message) return Effect.void
        if (kept.has(key) || kept.size < maxKept) kept.set(key, damage)
        for (const hear of listeners) hear(damage)
        return Effect.logWarning(
          `damaged: ${damage.part}${damage.owner === null ? "" : ` of ${damage.owner}`}: ${damage.message}. ${damage.repair}`
        )
      }),
    clear: (owner, part) =>
      Effect.sync(() => {
        kept.delete(keyOf(owner, part))
      }),
    of: (owner) => (kept.size === 0 ? [] : [...kept.values()].filter((damage) => damage.owner === owner)),
    listen: (hear) => {
      for (const damage of kept.values()) hear(damage)
      listeners.add(hear)
      return () => {
        listeners.delete(hear)
      }
    }
  }
}

/** One for the whole process, unless another is provided. */
export const Quarantine = Context.Reference<Registry>("rdev/ports/Quarantine", { defaultValue: make })
