/**
 * Keeps features going without anybody asking: a pass after every task of a feature and after every push that may concern it, and a look
 * at those that nothing was heard of.
 */
import { Clock, Duration, Effect, Layer, Option, Schedule, Stream } from "effect"
import { type Event, system } from "../../../domain/Event.ts"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { ProjectId } from "../../../domain/Ids.ts"
import type { Project } from "../../../domain/Project.ts"
import { BranchName } from "../../../ports/infra/Forge.ts"
import { GitObjects } from "../../../ports/infra/GitObjects.ts"
import { EventLog } from "../../../ports/stores/EventLog.ts"
import { FeatureStore } from "../../../ports/stores/FeatureStore.ts"
import { ProjectStore } from "../../../ports/stores/ProjectStore.ts"
import type { WorkQueue } from "../../../queue/WorkQueue.ts"
import * as ForgeFeed from "../../forge/ForgeFeed.ts"
import * as PushFeed from "../../pushes/PushFeed.ts"
import * as Observe from "../read/Observe.ts"
import type { RepositoryReader } from "../read/RepositoryReader.ts"
import * as Reverts from "../read/Reverts.ts"
import * as Wake from "./Wake.ts"

/** How often it is looked for features whose wake-up was lost, and how long one may be silent while there is something to do. */
const sweepInterval = Duration.seconds(30)
/** How long one that waits for somebody or something outside may be silent: what it waits for wakes it, unless that got lost. */
const waitingInterval = Duration.minutes(10)
/** Features looked at per sweep; those beyond come with the next. First who has something to do, then the longest silent. */
const page = 100

/** Before every time there is. */
const never = -1

const ends: ReadonlySet<string> = new Set(["task.completed", "task.failed", "task.cancelled"])
const projectOf = (event: Event) => event.stream.slice("project:".length) as ProjectId

/** Whether somebody tells when it goes on. A freeze ends by the clock, and nobody does. */
const isWoken = ({ decision }: FeatureIndex): boolean =>
  decision?.kind === "approve" || (decision?.kind === "wait" && decision.action !== "wait-freeze")
const silentMillis = (feature: FeatureIndex): number =>
  Duration.toMillis(isWoken(feature) ? waitingInterval : sweepInterval)

/** Live features that were silent for too long. `looked` keeps when each was last looked at; at first all are due, as nothing was heard of before. */
const sweep = Effect.fn("FeatureDriver.sweep")(function* (looked: Map<string, number>) {
  const store = yield* FeatureStore
  const now = yield* Clock.currentTimeMillis
  const live = (yield* store.live(null)).filter(({ decision, held }) => held === undefined && decision?.kind !== "hold")
  const lastOf = (feature: FeatureIndex) => {
    const last = looked.get(feature.id)
    return last === undefined ? never : Math.max(last, feature.updatedAtMillis)
  }
  const due = live
    .filter((feature) => lastOf(feature) === never || lastOf(feature) <= now - silentMillis(feature))
    .sort((a, b) => Number(isWoken(a)) - Number(isWoken(b)) || lastOf(a) - lastOf(b))
  const known = new Set<string>(live.map(({ id }) => id))
  for (const id of looked.keys()) if (!known.has(id)) looked.delete(id)
  yield* Effect.forEach(
    due.slice(0, page),
    (feature) =>
      Effect.andThen(
        Wake.look(feature),
        Effect.sync(() => looked.set(feature.id, now))
      ),
    { discard: true }
  )
})

const afterTask = Effect.fn("FeatureDriver.afterTask")(function* (event: Event) {
  const { taskId } = event.subject
  // Tasks of the system end in its own stream.
  if (taskId === undefined || event.stream === system) return
  const projectId = projectOf(event)
  const feature = (yield* (yield* FeatureStore).live(projectId)).find((candidate) => candidate.taskId === taskId)
  if (feature !== undefined) yield* Wake.after(event, feature)
})

/** Features that are done and whose merge a push may have taken back; read only where one of its commits says so. */
const reverted = Effect.fn("FeatureDriver.reverted")(function* (project: Project, event: Event) {
  const target = { projectId: project.id, name: project.name }
  const told = PushFeed.moveOf(event, project.defaultBranch)
  const head =
    told?.new ?? Option.getOrNull(yield* (yield* GitObjects).head(target, BranchName.make(project.defaultBranch)))
  if (head === null || !(yield* Reverts.any(target, head, told?.old ?? null))) return []
  return (yield* Observe.siblings({ project })).filter(
    ({ lifecycle, live, phase }) => !live && phase === "released" && lifecycle === "active"
  )
})

/**
 * Of what the platform's own account did the pass that did it knows. Somebody else may work under that account: who stands elsewhere
 * than where it was seen last is looked at.
 */
const afterOwn = Effect.fn("FeatureDriver.afterOwn")(function* (
  project: Project,
  features: ReadonlyArray<FeatureIndex>
) {
  const target = { projectId: project.id, name: project.name }
  const heads = new Map((yield* (yield* GitObjects).branches(target)).map(({ name, sha }) => [name, sha]))
  yield* Effect.forEach(
    features,
    (feature) =>
      feature.branch !== null && heads.get(feature.branch) === feature.intactSha ? Effect.void : Wake.look(feature),
    { discard: true }
  )
})

/** A push to a feature's branch concerns that feature, one to the default branch all of them. */
const afterPush = Effect.fn("FeatureDriver.afterPush")(function* (event: Event) {
  const projectId = projectOf(event)
  const found = yield* (yield* ProjectStore).byId(projectId)
  if (Option.isNone(found)) return
  const branches = PushFeed.branchesOf(event)
  const everyone = branches === null || branches.has(found.value.defaultBranch)
  const concerned = (yield* (yield* FeatureStore).live(projectId)).filter(
    ({ branch }) => everyone || (branch !== null && branches.has(branch))
  )
  const wake = (feature: FeatureIndex) => Wake.after(event, feature)
  if (ForgeFeed.concerned(event).own === true) return yield* afterOwn(found.value, concerned)
  yield* Effect.forEach(concerned, wake, { discard: true })
  if (everyone) yield* Effect.forEach(yield* reverted(found.value, event), wake, { discard: true })
})

/** A pull request or a check concerns the feature whose branch, number or commit it names. */
const afterWord = Effect.fn("FeatureDriver.afterWord")(function* (event: Event) {
  const { branch, head, number, own, sha } = ForgeFeed.concerned(event)
  if (own === true) return
  const concerned = (yield* (yield* FeatureStore).live(projectOf(event))).filter(
    (feature) =>
      (feature.branch !== null && (feature.branch === head || feature.branch === branch)) ||
      (number !== undefined && feature.pullRequest === number) ||
      (sha !== undefined && feature.intactSha === sha)
  )
  yield* Effect.forEach(concerned, (feature) => Wake.after(event, feature), { discard: true })
})
const words: ReadonlySet<string> = new Set([ForgeFeed.typeOf.PullRequest, ForgeFeed.typeOf.Check])

const follow = Effect.fn("FeatureDriver.follow")(function* () {
  const log = yield* EventLog
  yield* Stream.runForEach(log.live(), (event) => {
    const after = ends.has(event.type)
      ? afterTask(event)
      : event.type === PushFeed.type
        ? afterPush(event)
        : words.has(event.type)
          ? afterWord(event)
          : Effect.void
    return Effect.catch(after, (error) =>
      Effect.logWarning(`a feature was not woken after ${event.type}; the sweep will`, error)
    )
  })
})

/** Keeps features going: run it once per server process. */
export const layer: Layer.Layer<
  never,
  never,
  EventLog | FeatureStore | GitObjects | ProjectStore | RepositoryReader | WorkQueue
> = Layer.effectDiscard(
  Effect.gen(function* () {
    const again = Schedule.spaced("1 second")
    const looked = new Map<string, number>()
    yield* Effect.forkScoped(
      follow().pipe(
        Effect.tapError((error) => Effect.logWarning("the event log cannot be followed", error)),
        Effect.retry(again)
      )
    )
    yield* Effect.forkScoped(
      sweep(looked).pipe(
        Effect.tapError((error) => Effect.logWarning("features were not swept", error)),
        Effect.retry(again),
        Effect.repeat(Schedule.spaced(sweepInterval))
      )
    )
  })
)
