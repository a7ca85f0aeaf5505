/** Has an issue told when its feature moved on. Every process hears of an event; the number of the event makes one task of them. */
import { Effect, Layer, Option, Schedule, Stream } from "effect"
import type { Event } from "../../domain/Event.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import { ForgeIssues } from "../../ports/forge/ForgeIssues.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"
import type { WorkQueue } from "../../queue/WorkQueue.ts"
import * as IssueTask from "./IssueTask.ts"

const types: ReadonlySet<string> = new Set(["feature.moved", "feature.decided"])
const prefix = "project:"

const after = Effect.fn("IssueFeed.after")(function* ({ seq, stream, subject }: Event) {
  const projectId = stream.slice(prefix.length) as ProjectId
  if (subject.feature === undefined) return
  const link = yield* (yield* IssueStore).bySlug(projectId, subject.feature)
  if (Option.isSome(link)) yield* IssueTask.tell(projectId, link.value.number, seq)
})

export const layer: Layer.Layer<never, never, EventLog | IssueStore | WorkQueue> = Layer.effectDiscard(
  Effect.gen(function* () {
    if ((yield* ForgeIssues) === null) return
    const log = yield* EventLog
    const follow = Stream.runForEach(log.live(), (event) =>
      types.has(event.type)
        ? Effect.catch(after(event), (error) =>
            Effect.logWarning("an issue was not told how far its feature is; the next step will", error)
          )
        : Effect.void
    )
    yield* Effect.forkScoped(
      follow.pipe(
        Effect.tapError((error) => Effect.logWarning("what features did cannot be followed", error)),
        Effect.retry(Schedule.spaced("1 second"))
      )
    )
  })
)
