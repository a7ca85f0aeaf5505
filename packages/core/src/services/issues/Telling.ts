/** Tells an issue how far its feature is, in one comment that is changed, and puts the feature's questions there, one comment each. */
import { Effect, Option } from "effect"
import type { FeatureIndex } from "../../domain/FeatureIndex.ts"
import type { IssueLink } from "../../domain/forge/IssueLink.ts"
import type { Project } from "../../domain/Project.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import { FeatureStore } from "../../ports/stores/FeatureStore.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"
import { Features } from "../Features.ts"
import * as Progress from "./Progress.ts"

/** The question that is open, put once. */
const ask = Effect.fn("Telling.ask")(function* (project: Project, link: IssueLink, feature: FeatureIndex) {
  if (feature.decision?.action !== "await-escalation") return link
  const found = yield* (yield* Features).snapshot(project.id, link.slug).pipe(
    // Gone, or damaged: that is told where the feature is looked at.
    Effect.catchTag("FeatureError", () => Effect.succeed(null))
  )
  const open = found?.snapshot.state.escalations[0]
  if (open === undefined || open.id === link.question?.escalation) return link
  const comment = yield* (yield* RepositoryHost).ensureComment(
    { projectId: project.id, name: project.name },
    link.number,
    { key: Progress.questionKey(open.id), body: Progress.questionOf(open.text) }
  )
  const next: IssueLink = { ...link, question: { escalation: open.id, comment: Number(comment.id) } }
  yield* (yield* IssueStore).put(next)
  return next
})

/** Nobody merges the pull request of a feature that was given up. */
const close = Effect.fn("Telling.close")(function* (project: Project, link: IssueLink, feature: FeatureIndex) {
  const number = feature.pullRequest ?? link.pullRequest
  if (!Progress.isGivenUp(feature) || number === null) return
  const target = { projectId: project.id, name: project.name }
  yield* (yield* RepositoryHost).setPullRequestState(target, number, "closed").pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "Conflict" || reason._tag === "NotFound",
      () => Effect.void
    )
  )
})

export const tell = Effect.fn("Telling.tell")(function* (project: Project, from: IssueLink) {
  const feature = Option.getOrNull(yield* (yield* FeatureStore).get(project.id, from.slug))
  const link = feature === null ? from : yield* ask(project, from, feature)
  const body = Progress.progressOf(link, feature)
  if (body === link.progress) return
  if (feature !== null) yield* close(project, link, feature)
  const target = { projectId: project.id, name: project.name }
  yield* (yield* RepositoryHost).ensureComment(target, link.number, { key: Progress.key, body })
  yield* (yield* IssueStore).put({ ...link, progress: body })
})
