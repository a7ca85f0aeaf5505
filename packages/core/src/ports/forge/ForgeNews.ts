/**
 * Whether something moved at a forge since somebody looked: what was read of a repository may be remembered for as long as its
 * `generation` is the same, and no longer than `believedMillis`. Where the forge is known to tell us of everything that is long, else
 * short. Of one process; each hears of what is told to any. An installation makes one for its forge and its services.
 */
import { Context, Effect, Layer } from "effect"

export interface ForgeNews {
  /** Another one after everything that was told of the project's repository. */
  generation(projectId: string): number
  /** How long a look at the project's repository may be believed. */
  believedMillis(projectId: string): number
  /** Something moved: what was read before is old. */
  moved(projectId: string): void
  /** The forge tells of this repository: a delivery came, or nothing had moved without one. */
  heard(projectId: string): void
  /** Something had moved that nobody told of. */
  missed(projectId: string): void
  /** Whether this process hears what others are told; while it does not, nothing is believed for long. */
  listening(is: boolean): void
}

/** Without word from the forge; as long as a person needs for the next command. */
export const shortMillis = 2_000
/** With word from it: against a word that got lost. */
export const longMillis = 60_000
/** Projects of which something is remembered; the oldest goes. */
const most = 10_000

export const make = (): ForgeNews => {
  const known = new Map<string, { generation: number; hears: boolean }>()
  let listens = false
  let last = 0
  const of = (projectId: string) => {
    const found = known.get(projectId) ?? { generation: 0, hears: false }
    known.set(projectId, found)
    const [oldest] = known.keys()
    if (known.size > most && oldest !== undefined) known.delete(oldest)
    return found
  }
  return {
    // Of one that was forgotten too: a number that was given out for it before never comes again.
    generation: (projectId) => known.get(projectId)?.generation ?? last,
    believedMillis: (projectId) => (listens && known.get(projectId)?.hears === true ? longMillis : shortMillis),
    moved: (projectId) => {
      of(projectId).generation = ++last
    },
    heard: (projectId) => {
      const found = of(projectId)
      if (!found.hears) found.generation = ++last
      found.hears = true
    },
    missed: (projectId) => {
      const found = of(projectId)
      found.generation = ++last
      found.hears = false
    },
    listening: (is) => {
      // What was told meanwhile was missed by all.
      if (is && !listens) for (const found of known.values()) found.generation = ++last
      listens = is
    }
  }
}

export const ForgeNews: Context.Reference<ForgeNews> = Context.Reference<ForgeNews>("rdev/ports/ForgeNews", {
  defaultValue: make
})
export const layer: Layer.Layer<never> = Layer.sync(ForgeNews, make)
/** For whoever reads: the answer of `look`, or one that was read before under the same generation. */
export const service: Effect.Effect<ForgeNews> = Effect.service(ForgeNews)
