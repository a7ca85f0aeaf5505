/**
 * The task that follows an issue: it looks at what the forge says of it then. One for each word that came, so that nothing said during
 * one look is lost; those of one issue run one at a time.
 */
import { Effect } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { WorkQueue } from "../../queue/WorkQueue.ts"

export const kind = "issue"
const timeoutMillis = 5 * 60_000
/** A person waits for an answer. */
const priority = 60

const add = Effect.fn("IssueTask.add")(function* (
  projectId: ProjectId,
  payload: { readonly number: number; readonly progress?: true },
  dedupeKey: string | null
) {
  const queue = yield* WorkQueue
  yield* queue.enqueue({
    owner: projectId,
    kind,
    payload,
    priority,
    dedupeKey,
    concurrencyKey: `issue:${payload.number}`,
    concurrencyLimit: 1,
    maxAttempts: 8,
    timeoutMillis
  })
})

/** Joins the surrounding transaction. */
export const enqueue = (projectId: ProjectId, number: number, dedupeKey: string | null = null) =>
  add(projectId, { number }, dedupeKey)

/** Only the comment on progress, after the event of this number. */
export const tell = (projectId: ProjectId, number: number, seq: number) =>
  add(projectId, { number, progress: true }, `issue:${number}:told:${seq}`)
