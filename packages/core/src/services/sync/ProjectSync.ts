/**
 * Looks at what was made for projects, each one from time to time, and makes again what is missing or differs. What was seen stands in the
 * conditions of the project and its environments. When nothing is different from the last time, nothing is written but when it is looked at
 * next. What held data is never made anew without a person: an empty database in the place of a lost one would hide the loss.
 *
 * Which projects are due stands in the store, so that any number of processes share the work and a restart forgets nothing. At most `page`
 * projects every `tickMillis`, one after the other: vendors are asked slowly.
 */
import { canonicalJson } from "@rdev/sdlc/model/Digest"
import { Clock, Context, DateTime, Effect, Layer, Schema } from "effect"
import { createHash } from "node:crypto"
import type { Condition } from "../../domain/Condition.ts"
import type { Environment } from "../../domain/Environment.ts"
import { type NewEvent, ofProject } from "../../domain/Event.ts"
import type { OperationId } from "../../domain/Ids.ts"
import type { Project } from "../../domain/Project.ts"
import { OperationDefinitions } from "../../operations/Definition.ts"
import type { OperationError } from "../../operations/OperationError.ts"
import { Operations } from "../../operations/Operations.ts"
import { Dns } from "../../ports/infra/Dns.ts"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { Templates } from "../../ports/infra/Templates.ts"
import { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import type { StoreError } from "../../ports/stores/StoreError.ts"
import { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"
import { fraction } from "../../queue/RetryPolicy.ts"
import * as Environments from "../projects/Environments.ts"
import { ProjectError } from "../projects/ProjectError.ts"
import { syncKind } from "../projects/ProjectOperations.ts"
import * as ProjectRecord from "../projects/ProjectRecord.ts"
import { SyncInput } from "../projects/ProvisionInput.ts"
import * as Wished from "../projects/Wished.ts"
import { Redaction } from "../redaction/Redaction.ts"
import * as Providers from "../resources/Providers.ts"
import * as Conditions from "./Conditions.ts"
import * as Observe from "./Observe.ts"

export interface Synced {
  readonly project: Project
  /** The operation that makes again what is to be; null when there is nothing, or nothing that may be. */
  readonly operationId: OperationId | null
}
export interface SyncOptions {
  /** Kinds whose loss is accepted: they are made anew, empty. */
  readonly make: ReadonlyArray<string>
}

export class ProjectSync extends Context.Service<
  ProjectSync,
  {
    /** Looks at a project now and repairs it, as it is done from time to time. Conflict while something else is done to it. */
    now(project: Project, options: SyncOptions): Effect.Effect<Synced, ProjectError | OperationError | StoreError>
    /** Looks at those that are due, at most so many; how many there were. */
    page(limit: number): Effect.Effect<number, StoreError>
  }
>()("rdev/services/ProjectSync") {}

/** Time between two looks at a project, a tenth more or less so that they spread. */
export const everyMillis = 30 * 60_000
/** A repair is looked at again sooner. */
export const soonMillis = 60_000
/** How long one look may take all in all, for a process that dies meanwhile. */
export const leaseMillis = 10 * 60_000

const encode = Schema.encodeSync(SyncInput)
const digestOf = (value: Schema.Json): string =>
  createHash("sha256").update(canonicalJson(value)).digest("hex").slice(0, 32)

type Needs =
  | Dns
  | EnvironmentStore
  | EventLog
  | GitObjects
  | OperationDefinitions
  | Operations
  | ProjectStore
  | Templates
  | UnitOfWork

const conflict = (message: string) =>
  new ProjectError({ operation: "ProjectSync.now", reason: { _tag: "Conflict", message } })

interface Look {
  readonly conditions: Conditions.Conditions
  readonly input: Schema.Json
  /** Whether an operation is to run. */
  readonly repairs: boolean
  readonly of: (repairing: string | null) => Conditions.Conditions
  readonly wish: string
}

const look = Effect.fn("ProjectSync.look")(function* (
  project: Project,
  environments: ReadonlyArray<Environment>,
  { make }: SyncOptions,
  /** Of a failed one nothing is made by itself: what was made of it was undone. */
  mayRepair: boolean
) {
  const { input, unknown } = yield* Wished.looked(project, environments)
  const from = project.status === "failed" ? "failed" : "ready"
  const seen = yield* Observe.all(project, environments, input, encode({ ...input, from }))
  const decision = Conditions.decide(seen, new Set(make))
  const resources = input.resources.filter(({ kind }) => !decision.leftOut.has(kind))
  const redactor = yield* (yield* Redaction).of(project.id)
  const of = (repairing: string | null) => {
    const told = Conditions.of(seen, decision, project.name, repairing, unknown)
    const masked = (all: Conditions.Conditions["project"]) =>
      all.map((one) => ({ ...one, message: redactor.text(one.message).slice(0, 1_000) }))
    return {
      project: masked(told.project),
      environments: new Map([...told.environments].map(([name, all]) => [name, masked(all)]))
    }
  }
  return {
    conditions: of(null),
    of,
    input: encode({ ...input, resources, from }),
    repairs: mayRepair && decision.repair.size > 0,
    wish: digestOf(encode({ ...input, from: "ready" }))
  } satisfies Look
})

const eventsOf = (environment: string | null, changed: ReadonlyArray<Condition>): ReadonlyArray<NewEvent> =>
  changed.map(({ message, reason, status, type }) => ({
    type: "condition.changed",
    subject: {},
    data: { environment, type, status, reason, message }
  }))

/** Writes what is different; joins the surrounding transaction. The project as it is then. */
const record = Effect.fn("ProjectSync.record")(function* (
  project: Project,
  environments: ReadonlyArray<Environment>,
  told: Conditions.Conditions,
  wish: string
) {
  const now = yield* Clock.currentTimeMillis
  const before = project.conditions ?? []
  const next = Conditions.merged(before, told.project, now)
  const events = [...eventsOf(null, Conditions.changes(before, next))]
  // A change that was asked for has been counted when it was written; one that came with the repository is counted here.
  const asked = (project.generation ?? 1) !== (project.observedGeneration ?? 0)
  const isOther = project.wish !== wish && project.wish !== undefined
  const generation = (project.generation ?? 1) + (isOther && !asked ? 1 : 0)
  const same =
    next === before &&
    project.wish === wish &&
    project.generation === generation &&
    project.observedGeneration === generation
  const store = yield* EnvironmentStore
  for (const environment of environments) {
    const conditions = Conditions.merged(environment.conditions, told.environments.get(environment.name) ?? [], now)
    const isSame = conditions === environment.conditions && environment.observedGeneration === generation
    if (isSame) continue
    events.push(...eventsOf(environment.name, Conditions.changes(environment.conditions, conditions)))
    yield* store.update(
      Environments.changed(environment, { conditions, generation, observedGeneration: generation }, now)
    )
  }
  if (events.length > 0) yield* (yield* EventLog).append(ofProject(project.id), events)
  if (same) return project
  const changed = ProjectRecord.changed(
    project,
    { conditions: next, generation, observedGeneration: generation, wish },
    yield* DateTime.now
  )
  yield* (yield* ProjectStore).update(changed)
  return changed
})

const sync = Effect.fn("ProjectSync.sync")(function* (
  project: Project,
  environments: ReadonlyArray<Environment>,
  options: SyncOptions,
  mayRepair: boolean
) {
  const found = yield* look(project, environments, options, mayRepair)
  if (!found.repairs) {
    const next = yield* (yield* UnitOfWork).transact(record(project, environments, found.conditions, found.wish))
    return { project: next, operationId: null } satisfies Synced
  }
  const operations = yield* Operations
  return yield* (yield* UnitOfWork).transact(
    Effect.gen(function* () {
      // Something else may have begun since it was looked at.
      const fresh = yield* (yield* ProjectStore).byId(project.id)
      if (fresh._tag === "None" || fresh.value.revision !== project.revision)
        return yield* conflict(`project ${project.name} was changed meanwhile: ask again`)
      const operation = yield* operations.start({
        kind: syncKind,
        projectId: project.id,
        input: found.input,
        idempotencyKey: `${syncKind}/${project.id}/${project.revision}`
      })
      const taken = yield* (yield* ProjectStore).byId(project.id)
      const own = yield* Environments.of(project.id)
      const now = taken._tag === "Some" ? taken.value : project
      const next = yield* record(now, own, found.of(operation.id), found.wish)
      return { project: next, operationId: operation.id } satisfies Synced
    })
  )
})

const now = Effect.fn("ProjectSync.now")(function* (project: Project, options: SyncOptions) {
  if (project.status !== "ready" && project.status !== "failed")
    return yield* conflict(
      `project ${project.name} is ${project.status}: wait for the end of operation ${project.operationId ?? ""}, or cancel it`
    )
  const offered = new Set((yield* Providers.all).map(({ kind }) => kind))
  const unknown = options.make.find((kind) => !offered.has(kind))
  if (unknown !== undefined)
    return yield* new ProjectError({
      operation: "ProjectSync.now",
      reason: {
        _tag: "Invalid",
        field: "make",
        message: `this installation offers no ${JSON.stringify(unknown.slice(0, 40))}; there are ${[...offered].join(", ")}`
      }
    })
  const done = yield* sync(project, yield* Environments.of(project.id), options, true)
  const at = (yield* Clock.currentTimeMillis) + (done.operationId === null ? everyMillis : soonMillis)
  yield* (yield* ProjectStore).schedule([{ id: project.id, atMillis: at }])
  return done
})

/** When it is looked at next: soon after a repair, else after the usual time, at another moment than others. */
const nextOf = (id: string, nowMillis: number, repairing: boolean): number =>
  nowMillis + (repairing ? soonMillis : Math.round(everyMillis * (0.9 + 0.2 * fraction(`${id}:${nowMillis}`))))

const page = Effect.fn("ProjectSync.page")(function* (limit: number) {
  const store = yield* ProjectStore
  const start = yield* Clock.currentTimeMillis
  const due = yield* store.takeDue({ nowMillis: start, untilMillis: start + leaseMillis, limit })
  if (due.length === 0) return 0
  const environments = yield* Environments.ofAll(due)
  const next = yield* Effect.forEach(due, (project) =>
    Effect.gen(function* () {
      if (project.status === "damaged") return { id: project.id, atMillis: nextOf(project.id, start, false) }
      const own = environments.get(project.id) ?? []
      const done = yield* sync(project, own, { make: [] }, project.status === "ready").pipe(
        Effect.catch((error) =>
          // Somebody changed it meanwhile, or the store is away: the next look finds what is to be done.
          Effect.as(Effect.logDebug(`project ${project.name} could not be looked after: ${error.message}`), null)
        )
      )
      const at = yield* Clock.currentTimeMillis
      return { id: project.id, atMillis: nextOf(project.id, at, done?.operationId !== null) }
    })
  )
  yield* store.schedule(next)
  return due.length
})

export const layer: Layer.Layer<ProjectSync, never, Needs> = Layer.effect(
  ProjectSync,
  Effect.gen(function* () {
    const context = yield* Effect.context<Needs>()
    return ProjectSync.of({
      now: (project, options) => Effect.provideContext(now(project, options), context),
      page: (limit) => Effect.provideContext(page(limit), context)
    })
  })
)

/** Looks every `tickMillis` for projects that are due, at most `limit` at a time. A start has more urgent things to do: the first look comes later. */
export const layerSchedule = ({ firstMillis = 120_000, limit = 20, tickMillis = 30_000 } = {}): Layer.Layer<
  never,
  never,
  ProjectSync
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const service = yield* ProjectSync
      const once = Effect.catch(service.page(limit), (error) =>
        Effect.logWarning("projects could not be looked after; tried again later", error)
      )
      const rounds = Effect.forever(Effect.andThen(once, Effect.sleep(tickMillis)))
      yield* Effect.forkScoped(Effect.andThen(Effect.sleep(firstMillis), rounds))
    })
  )
