/**
 * Asks for a pass over a feature. Passes of one project run one at a time (concurrency key), so that slots and merges are never
 * contended; asking twice costs a pass that finds nothing to do.
 */
import { Effect } from "effect"
import type { Event } from "../../../domain/Event.ts"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { ProjectId } from "../../../domain/Ids.ts"
import { FeatureStore } from "../../../ports/stores/FeatureStore.ts"
import { WorkQueue } from "../../../queue/WorkQueue.ts"

const passTimeoutMillis = 10 * 60_000
/** Above agents' work: a pass is short and lets others go on. */
const priority = 50

const enqueue = Effect.fn("Wake.enqueue")(function* (projectId: ProjectId, slug: string, dedupeKey: string | null) {
  const queue = yield* WorkQueue
  return yield* queue.enqueue({
    owner: projectId,
    kind: "feature",
    payload: { slug },
    priority,
    dedupeKey,
    concurrencyKey: "features",
    concurrencyLimit: 1,
    maxAttempts: 8,
    timeoutMillis: passTimeoutMillis
  })
})

/** Whether it may go on without being asked for: one that was made without being started waits for whoever asks for its first pass. */
export const isBegun = ({ held }: FeatureIndex): boolean => held === undefined

/** After a change: never merged with a pass that may have read the state already. */
export const feature = (projectId: ProjectId, slug: string) => enqueue(projectId, slug, null)

/** After an event that every server process hears of: they ask for one pass, and it reads what the event tells of. */
export const after = (event: Pick<Event, "seq">, index: FeatureIndex) =>
  isBegun(index) ? Effect.asVoid(enqueue(index.projectId, index.slug, `after:${event.seq}:${index.slug}`)) : Effect.void

/** Without a change, to look again: at most one such pass of a feature waits or runs. */
export const look = (index: FeatureIndex) =>
  isBegun(index) ? Effect.asVoid(enqueue(index.projectId, index.slug, `look:${index.slug}`)) : Effect.void

const waits = (other: FeatureIndex) =>
  other.decision !== null &&
  (other.decision.action === "wait-slot" ||
    other.decision.action === "wait-merge" ||
    other.decision.action === "wait-dependency" ||
    other.decision.action === "resolve-dependency")

/** The project's features that wait for a slot, for another feature or for their turn to land. */
export const waiting = Effect.fn("Wake.waiting")(function* (projectId: ProjectId, except: string) {
  const store = yield* FeatureStore
  const live = yield* store.live(projectId)
  yield* Effect.forEach(
    live.filter((other) => other.slug !== except && waits(other)),
    look,
    { discard: true }
  )
})
