/**
 * The records of a project and its environments as the ledger of an operation says: status, resources, what is bound to environments, what
 * is live. Pure but for reading and writing them.
 */
import { Clock, DateTime, Effect, Option, Result, Schema } from "effect"
import type { Environment, EnvironmentRelease, Resource, ResourceStatus } from "../../domain/Environment.ts"
import type { Operation, OperationStep } from "../../domain/Operation.ts"
import { Project, ProjectSetup } from "../../domain/Project.ts"
import { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import * as Environments from "./Environments.ts"

/** A step's resource: whose it is, and the step's key. */
export interface Entry {
  readonly key: string
  readonly kind: string
  readonly provider: string
  /** Name of the environment, or null for the project. */
  readonly environment: string | null
}
type Rows = ReadonlyArray<OperationStep>
/** What an operation did to resources: made them, looked after them, took them away. */
export type How = "provisioned" | "synced" | "removed"

const isNamed = Schema.is(Schema.Struct({ externalId: Schema.String }))
const isHosts = Schema.is(Schema.Struct({ hosts: Schema.Array(Schema.String) }))
const nameIn = (output: Schema.Json | null): string | null =>
  isNamed(output) ? output.externalId : isHosts(output) ? output.hosts.join(" ") : null

export const pending = ({ kind, provider }: Entry): Resource => ({
  kind,
  status: "pending",
  provider,
  externalId: null,
  detail: null
})

/** What a making's rows say about a resource. */
const provisioned = (entry: Entry, rows: Rows): Resource => {
  const row = rows.find((step) => step.key === entry.key && step.phase === "do")
  const undo = rows.find((step) => step.key === entry.key && step.phase === "undo")
  const status = ((): ResourceStatus => {
    if (undo?.status === "done") return "deleted"
    if (undo?.status === "failed" || row?.status === "failed") return "failed"
    return row?.status === "done" ? "ready" : row?.status === "skipped" ? "unavailable" : "pending"
  })()
  const detail =
    undo?.error?.message ?? row?.error?.message ?? (status === "unavailable" ? (row?.changeReason ?? null) : null)
  return { kind: entry.kind, status, provider: entry.provider, externalId: nameIn(row?.output ?? null), detail }
}

/** What a sync's rows say; of what it did not come to, nothing new is known. */
const synced = (before: Resource | undefined, entry: Entry, rows: Rows): Resource => {
  const now = provisioned(entry, rows)
  if (now.status === "pending") return before ?? now
  return { ...now, externalId: now.externalId ?? before?.externalId ?? null }
}

/** What a deletion's rows say: gone, or not. */
const removed = (before: Resource | undefined, entry: Entry, rows: Rows): Resource => {
  const was = before ?? pending(entry)
  const row = rows.find((step) => step.key === entry.key)
  if (row?.status === "failed") return { ...was, status: "failed", detail: row.error?.message ?? null }
  // Whether there was anything that this installation can no longer reach is not known.
  if (row?.status === "skipped") return { ...was, status: "unavailable", detail: row.changeReason }
  return row?.status === "done" ? { ...was, status: "deleted", detail: null } : was
}

/** The resources of one owner after the operation; those it did not know of stay as they are. */
export const after = (
  how: How,
  before: ReadonlyArray<Resource>,
  entries: ReadonlyArray<Entry>,
  rows: Rows
): ReadonlyArray<Resource> => {
  const next = entries.flatMap((entry) => {
    const was = before.find(({ kind }) => kind === entry.kind)
    if (how === "provisioned") return [provisioned(entry, rows)]
    if (how === "synced") return [synced(was, entry, rows)]
    // What never was is not said to be gone.
    return was === undefined ? [] : [removed(was, entry, rows)]
  })
  return [...next, ...before.filter(({ kind }) => !entries.some((entry) => entry.kind === kind))]
}

const Live = Schema.Struct({ releaseId: Schema.String, sha: Schema.String, url: Schema.String })
/** As version 1 recorded it, and as every later version does. */
const LiveOutput = Schema.Union([
  Schema.Struct({ releases: Schema.Array(Schema.Struct({ environment: Schema.String, ...Live.fields })) }),
  Schema.Struct({ attributes: Live })
])
const decodeLive = Schema.decodeUnknownResult(LiveOutput)

/** The release that the rows say was made, or found, in the environment. */
export const release = (name: string, rows: Rows): Omit<EnvironmentRelease, "atMillis"> | null => {
  const row = rows.find(({ key, phase }) => phase === "do" && (key === "deployment" || key === `deployment.${name}`))
  const output = Option.getOrNull(Result.getSuccess(decodeLive(row?.output ?? null)))
  if (output === null) return null
  const live =
    "attributes" in output ? output.attributes : output.releases.find(({ environment }) => environment === name)
  return live === undefined ? null : { id: live.releaseId, sha: live.sha, url: live.url }
}

const Cloned = Schema.Union([
  Schema.Struct({ cloneUrl: Schema.String }),
  Schema.Struct({ attributes: Schema.Struct({ cloneUrl: Schema.String }) })
])
const decodeCloned = Schema.decodeUnknownResult(Cloned)
export const cloneUrl = (rows: Rows): string | null => {
  const row = rows.find(({ key, phase }) => key === "repository" && phase === "do")
  const output = Option.getOrNull(Result.getSuccess(decodeCloned(row?.output ?? null)))
  return output === null ? null : "attributes" in output ? output.attributes.cloneUrl : output.cloneUrl
}

const decodeSetup = Schema.decodeUnknownResult(Schema.Struct({ setup: ProjectSetup }))
/** What the step `setup` says; empty when there was none. */
export const setup = (rows: Rows): Pick<Project, "setup"> => {
  const row = rows.find(({ key, phase }) => key === "setup" && phase === "do")
  return Option.match(Result.getSuccess(decodeSetup(row?.output ?? null)), {
    onNone: () => ({}),
    onSome: (found) => found
  })
}

export const changed = (project: Project, fields: Partial<Project>, now: DateTime.Utc): Project =>
  Project.make({ ...project, ...fields, updatedAt: now, revision: project.revision + 1 })

/** Reads the operation's project and writes it back as changed; joins the surrounding transaction. */
export const edit = Effect.fn("ProjectRecord.edit")(function* (
  operation: Operation,
  change: (project: Project) => Partial<Project> | null
) {
  const projects = yield* ProjectStore
  const found = operation.projectId === null ? Option.none() : yield* projects.byId(operation.projectId)
  if (Option.isNone(found))
    return yield* new StoreError({
      operation: "ProjectRecord.edit",
      reason: { _tag: "NotFound", entity: "project", id: operation.projectId ?? "none" }
    })
  const fields = change(found.value)
  if (found.value.status === "damaged" && fields?.status !== "deleting" && fields?.status !== "deleted") {
    return yield* new StoreError({
      operation: "ProjectRecord.edit",
      reason: {
        _tag: "Corrupt",
        message: `the record of project ${found.value.name} is damaged: restore it from a backup, or delete the project`
      }
    })
  }
  if (fields === null)
    return yield* new StoreError({
      operation: "ProjectRecord.edit",
      reason: { _tag: "Invalid", field: "project", message: `project ${found.value.name} is ${found.value.status}` }
    })
  yield* projects.update(changed(found.value, fields, yield* DateTime.now))
})

/** The project begins to change; a deleted one no longer does: its name may be another's. */
export const take = (operation: Operation, fields: Partial<Project>) =>
  edit(operation, (project) => (project.status === "deleted" ? null : { ...fields, operationId: operation.id }))

/** Changes every environment of the operation's project. */
export const editEnvironments = Effect.fn("ProjectRecord.editEnvironments")(function* (
  operation: Operation,
  change: (environment: Environment, nowMillis: number) => Partial<Environment>
) {
  if (operation.projectId === null) return
  const store = yield* EnvironmentStore
  const now = yield* Clock.currentTimeMillis
  for (const environment of yield* Environments.of(operation.projectId))
    yield* store.update(Environments.changed(environment, change(environment, now), now))
})

/** Where each of its resources is before anything was done. */
export const begin = Effect.fnUntraced(function* (operation: Operation, entries: ReadonlyArray<Entry>) {
  const of = (environment: string | null) => entries.filter((entry) => entry.environment === environment).map(pending)
  yield* take(operation, { status: "provisioning", resources: of(null) })
  yield* editEnvironments(operation, ({ name }) => ({ bindings: of(name) }))
})

/** What the ledger says of all resources, and the fields of the project that follow from it. */
export const settle = Effect.fnUntraced(function* (
  operation: Operation,
  how: How,
  entries: ReadonlyArray<Entry>,
  rows: Rows,
  fields: (project: Project) => Partial<Project>
) {
  const of = (environment: string | null) => entries.filter((entry) => entry.environment === environment)
  yield* edit(operation, (project) => ({
    ...fields(project),
    resources: after(how, project.resources, of(null), rows)
  }))
  yield* editEnvironments(operation, (environment, now) => {
    const made = how === "removed" ? null : release(environment.name, rows)
    const isNew = made !== null && environment.release?.id !== made.id
    return {
      bindings: after(how, environment.bindings, of(environment.name), rows),
      ...(isNew && operation.status === "completed" ? { release: { ...made, atMillis: now }, url: made.url } : {})
    }
  })
})
