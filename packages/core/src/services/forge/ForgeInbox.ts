/**
 * Takes what a forge posts: whose it is, whether it was the forge, whether it is new; and records it, with all that follows from it, in
 * one transaction. What a delivery says is a hint to look: nothing is decided by it alone, so that one that comes twice, late or in
 * another order changes nothing.
 */
import { Clock, Context, Effect, Layer, Metric, Option, Schema } from "effect"
import { createHash } from "node:crypto"
import type { ForgeEvent } from "../../domain/forge/ForgeEvent.ts"
import type { Project } from "../../domain/Project.ts"
import { ForgeError } from "../../ports/infra/Forge.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import { ForgeHookError, ForgeHooks, type Posted } from "../../ports/forge/ForgeHooks.ts"
import { ForgeIssues } from "../../ports/forge/ForgeIssues.ts"
import { ForgeNews } from "../../ports/forge/ForgeNews.ts"
import type { AuditStore } from "../../ports/stores/AuditStore.ts"
import type { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import type { EventLog } from "../../ports/stores/EventLog.ts"
import { ForgeStore } from "../../ports/stores/ForgeStore.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import type { StoreError } from "../../ports/stores/StoreError.ts"
import { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"
import { WorkQueue, type WorkQueueError } from "../../queue/WorkQueue.ts"
import * as IssueTask from "../issues/IssueTask.ts"
import { ProjectSettings } from "../projects/ProjectSettings.ts"
import * as ForgeFeed from "./ForgeFeed.ts"
import * as HookPlace from "./HookPlace.ts"

/** No forge posts what happened longer ago than this: GitHub sends again for three days. What is older was kept by somebody. */
export const oldMillis = 7 * 86_400_000
/** How long deliveries are remembered: of pushes the body does not say when they were. */
export const keptMillis = 366 * 86_400_000

/** `recorded`; `duplicate`: it was before; `old`: nobody posts that any more; `ignored`: nothing that concerns rdev. */
export const Outcome = Schema.Literals(["recorded", "duplicate", "old", "ignored"])
export interface Receipt {
  readonly outcome: typeof Outcome.Type
  readonly deliveryId: string
  readonly event: string
}

export class ForgeInboxError extends Schema.TaggedError<ForgeInboxError>()("ForgeInboxError", {
  reason: Schema.TaggedUnion({
    /** No project has it, or its forge is another by now. */
    UnknownHook: { adapter: Schema.String, id: Schema.String },
    /** The forge of this installation posts nothing. */
    Conflict: { message: Schema.String },
    ProjectNotFound: { project: Schema.String }
  })
}) {
  override get message(): string {
    switch (this.reason._tag) {
      case "UnknownHook":
        return `no project listens at /hooks/${this.reason.adapter.slice(0, 60)}/${this.reason.id.slice(0, 60)}`
      case "Conflict":
        return this.reason.message
      case "ProjectNotFound":
        return `project ${this.reason.project} does not exist`
    }
  }
}

const count = Metric.counter("rdev_forge_deliveries_total", {
  description: "What forges posted, by what became of it",
  incremental: true
})
const counted = (outcome: string) => Metric.update(Metric.withAttributes(count, { outcome }), 1)

export class ForgeInbox extends Context.Service<
  ForgeInbox,
  {
    /** Whose hook it is; for a look before the body is read. */
    find(adapter: string, id: string): Effect.Effect<Project, ForgeInboxError | StoreError>
    receive(
      adapter: string,
      id: string,
      posted: Posted,
      sourceAddress: string | null
    ): Effect.Effect<Receipt, ForgeInboxError | ForgeHookError | StoreError | WorkQueueError>
    /** Gives the forge another secret; the one before is good until the forge has the new one. */
    replaceSecret(project: string): Effect.Effect<void, ForgeInboxError | ForgeError | StoreError>
  }
>()("rdev/services/ForgeInbox") {}

/** Branches that a push moved, for the look at what nobody told of. */
const headsOf = (events: ReadonlyArray<ForgeEvent>): ReadonlyMap<string, string | null> =>
  new Map(
    events
      .flatMap((event) => (event._tag === "Push" ? event.refs : []))
      .flatMap(({ next, ref }) => (ref.startsWith("refs/heads/") ? [[ref, next] as const] : []))
  )
const issuesOf = (events: ReadonlyArray<ForgeEvent>): ReadonlySet<number> =>
  new Set(
    events.flatMap((event) => {
      if (event._tag === "Comment")
        return event.by.own || event.action !== "created" || event.on !== "issue" ? [] : [event.number]
      return event._tag === "Issue" || event._tag === "Label" || event._tag === "Assignment" ? [event.number] : []
    })
  )

/** One delivery, or what was seen, with everything that follows; false when it was recorded before. */
export const take = Effect.fn("ForgeInbox.take")(function* (
  told: ForgeFeed.Told,
  delivery: { readonly event: string; readonly digest: string; readonly events: ReadonlyArray<ForgeEvent> }
) {
  const store = yield* ForgeStore
  const { transact } = yield* UnitOfWork
  const { projectId } = told
  const atMillis = yield* Clock.currentTimeMillis
  const { digest, event, events } = delivery
  const issues = yield* ForgeIssues
  const isNew = yield* transact(
    Effect.gen(function* () {
      if (!(yield* store.record({ projectId, id: told.deliveryId, digest, event, atMillis }))) return false
      yield* ForgeFeed.record(told, events)
      const heads = headsOf(events)
      if (heads.size > 0) yield* store.moveHeads(projectId, heads)
      if (issues !== null) for (const number of issuesOf(events)) yield* IssueTask.enqueue(projectId, number)
      return true
    })
  )
  const news = yield* ForgeNews
  if (isNew && events.length > 0) news.moved(projectId)
  return isNew
})

const find = Effect.fn("ForgeInbox.find")(function* (adapter: string, id: string) {
  const unknown = new ForgeInboxError({ reason: { _tag: "UnknownHook", adapter, id } })
  const hooks = yield* ForgeHooks
  if (hooks === null || hooks.adapter !== adapter || !HookPlace.isId(id)) return yield* unknown
  const project = yield* (yield* ProjectStore).byId(HookPlace.projectOf(id))
  if (Option.isNone(project) || project.value.status === "deleted") return yield* unknown
  return { hooks, project: project.value, unknown }
})

const receive = Effect.fn("ForgeInbox.receive")(function* (
  adapter: string,
  id: string,
  posted: Posted,
  sourceAddress: string | null
) {
  const { hooks, project, unknown } = yield* find(adapter, id)
  const secrets = yield* HookPlace.secrets(project.id)
  if (secrets.length === 0) return yield* unknown
  const delivery = yield* hooks.read(posted, secrets)
  const answer = (outcome: Receipt["outcome"]): Receipt => ({
    outcome,
    deliveryId: delivery.id,
    event: delivery.event
  })
  const news = yield* ForgeNews
  news.heard(project.id)
  const now = yield* Clock.currentTimeMillis
  if (delivery.atMillis !== null && delivery.atMillis < now - oldMillis) return answer("old")
  if (delivery.events.length === 0) return answer("ignored")
  const digest = createHash("sha256").update(posted.body).digest("hex")
  const isNew = yield* take(
    { projectId: project.id, adapter, deliveryId: delivery.id, sourceAddress, seen: false },
    { event: delivery.event, digest, events: delivery.events }
  )
  return answer(isNew ? "recorded" : "duplicate")
})

const replaceSecret = Effect.fn("ForgeInbox.replaceSecret")(function* (idOrName: string) {
  const found = yield* ProjectStore.find(idOrName)
  if (Option.isNone(found))
    return yield* new ForgeInboxError({ reason: { _tag: "ProjectNotFound", project: idOrName } })
  const hooks = yield* ForgeHooks
  const { apiUrl } = yield* ProjectSettings
  if (hooks === null || apiUrl === undefined)
    return yield* new ForgeInboxError({
      reason: { _tag: "Conflict", message: "the forge of this installation posts nothing; it needs no secret" }
    })
  const { id, name } = found.value
  const url = HookPlace.urlOf(apiUrl, hooks.adapter, id)
  const host = yield* RepositoryHost
  yield* HookPlace.replace(id, (secret) =>
    host.ensureWebhook({ projectId: id, name }, { url, events: hooks.events, secret })
  )
})

type Needs =
  | AuditStore
  | CredentialStore
  | EventLog
  | ForgeStore
  | ProjectStore
  | RepositoryHost
  | UnitOfWork
  | WorkQueue

export const layer: Layer.Layer<ForgeInbox, never, Needs> = Layer.effect(
  ForgeInbox,
  Effect.gen(function* () {
    const context = yield* Effect.context<Needs>()
    return ForgeInbox.of({
      find: (adapter, id) =>
        Effect.provideContext(
          Effect.map(find(adapter, id), ({ project }) => project),
          context
        ),
      receive: (adapter, id, posted, sourceAddress) =>
        receive(adapter, id, posted, sourceAddress).pipe(
          Effect.tap(({ outcome }) => counted(outcome)),
          Effect.tapError((error) => counted(error._tag === "StoreError" ? "failed" : error.reason._tag)),
          Effect.provideContext(context)
        ),
      replaceSecret: (project) => Effect.provideContext(replaceSecret(project), context)
    })
  })
)
