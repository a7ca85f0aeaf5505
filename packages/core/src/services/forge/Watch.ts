/**
 * Finds what a forge did not tell of: forges post once, and not at all while this server is away. From time to time every project's
 * branches are held against those by what was told, and what moved without a word is told by us. Also forgets old deliveries.
 */
import { Clock, Duration, Effect, Layer, Option, Schedule } from "effect"
import { createHash } from "node:crypto"
import type { ForgeEvent } from "../../domain/forge/ForgeEvent.ts"
import type { Project } from "../../domain/Project.ts"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { ForgeHooks } from "../../ports/forge/ForgeHooks.ts"
import { ForgeIssues } from "../../ports/forge/ForgeIssues.ts"
import { ForgeNews } from "../../ports/forge/ForgeNews.ts"
import type { AuditStore } from "../../ports/stores/AuditStore.ts"
import type { EventLog } from "../../ports/stores/EventLog.ts"
import { ForgeStore } from "../../ports/stores/ForgeStore.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import type { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"
import type { WorkQueue } from "../../queue/WorkQueue.ts"
import * as IssueTask from "../issues/IssueTask.ts"
import * as ForgeInbox from "./ForgeInbox.ts"

/** Between two looks at everything; the first comes after a tenth of it. */
export const interval = Duration.minutes(10)
/** How long a word may be under way. */
const patience = Duration.seconds(5)
const page = 50
/** Issues looked at per project and look. */
const maxIssues = 100
const heads = "refs/heads/"

type Heads = ReadonlyMap<string, string>

/** Branches that stand elsewhere than was told, though nothing was told of them while we waited. */
export const untold = (
  before: Heads,
  there: Heads,
  after: Heads
): ReadonlyArray<{ readonly ref: string; readonly old: string | null; readonly next: string | null }> =>
  [...new Set([...before.keys(), ...there.keys()])].sort().flatMap((ref) => {
    const [told, next] = [before.get(ref) ?? null, there.get(ref) ?? null]
    return told === next || (after.get(ref) ?? null) !== told ? [] : [{ ref, old: told, next }]
  })

/** Tells of branches that moved without a word; true when there were none. */
export const lookAtHeads = Effect.fn("Watch.lookAtHeads")(function* (project: Project, adapter: string) {
  const store = yield* ForgeStore
  const news = yield* ForgeNews
  const target = { projectId: project.id, name: project.name }
  const before = yield* store.heads(project.id)
  news.moved(project.id)
  const there: Heads = new Map(
    (yield* (yield* GitObjects).branches(target)).map(({ name, sha }) => [`${heads}${name}`, sha])
  )
  // What was there before anybody listened was told by its provisioning.
  if (before.size === 0) {
    yield* store.moveHeads(project.id, there)
    return true
  }
  if (untold(before, there, before).length === 0) return true
  yield* Effect.sleep(patience)
  const refs = untold(before, there, yield* store.heads(project.id))
  if (refs.length === 0) return true
  const digest = createHash("sha256")
    .update(JSON.stringify([project.id, refs]))
    .digest("hex")
  const push = { _tag: "Push", refs, by: { login: "unknown", own: false } } satisfies ForgeEvent
  yield* Effect.logInfo(`${refs.length} branches of ${project.name} moved without a word from the forge`)
  const told = {
    projectId: project.id,
    adapter,
    deliveryId: `seen-${digest.slice(0, 40)}`,
    sourceAddress: null,
    seen: true
  }
  yield* ForgeInbox.take(told, { event: "push", digest, events: [push] })
  news.missed(project.id)
  return false
})

/** Issues that changed since the last word; none of what they say is believed here either. */
const lookAtIssues = Effect.fn("Watch.lookAtIssues")(function* (project: Project, since: Map<string, number>) {
  const issues = yield* ForgeIssues
  if (issues === null) return
  const now = yield* Clock.currentTimeMillis
  const last = (yield* (yield* ForgeStore).deliveries(project.id, 1))[0]?.atMillis
  const from = Math.max(since.get(project.id) ?? 0, last ?? 0, now - ForgeInbox.oldMillis) - Duration.toMillis(interval)
  const target = { projectId: project.id, name: project.name }
  for (const number of (yield* issues.changedSince(target, from)).slice(0, maxIssues))
    yield* IssueTask.enqueue(project.id, number, `issue:${number}:seen`)
  since.set(project.id, now)
})

type Needs = AuditStore | EventLog | ForgeStore | GitObjects | ProjectStore | UnitOfWork | WorkQueue

/** One look at every project, in pages. */
export const sweep = Effect.fn("Watch.sweep")(function* (since: Map<string, number>) {
  const hooks = yield* ForgeHooks
  if (hooks === null) return
  const projects = yield* ProjectStore
  for (let after: string | null = null; ;) {
    const found: ReadonlyArray<Project> = yield* projects.list({ after, limit: page, only: null })
    yield* Effect.forEach(
      found.filter(({ status }) => status === "ready"),
      (project) =>
        Effect.gen(function* () {
          yield* lookAtHeads(project, hooks.adapter)
          yield* lookAtIssues(project, since)
        }).pipe(
          Effect.catch((error) =>
            Effect.logWarning(
              `what ${project.name}'s forge did not tell of was not looked for; the next look will`,
              error
            )
          )
        ),
      { concurrency: 4, discard: true }
    )
    if (found.length < page) break
    after = Option.getOrNull(Option.fromNullishOr(found.at(-1)?.id))
  }
  const now = yield* Clock.currentTimeMillis
  yield* (yield* ForgeStore).forget(now - ForgeInbox.keptMillis)
})

export const layer: Layer.Layer<never, never, Needs> = Layer.effectDiscard(
  Effect.gen(function* () {
    if ((yield* ForgeHooks) === null) return
    const since = new Map<string, number>()
    yield* Effect.forkScoped(
      Effect.sleep(Duration.divideUnsafe(interval, 10)).pipe(
        Effect.andThen(
          sweep(since).pipe(
            Effect.catch((error) => Effect.logWarning("forges were not looked at; the next look will", error)),
            Effect.repeat(Schedule.spaced(interval))
          )
        )
      )
    )
  })
)
