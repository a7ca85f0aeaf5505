/** The project's record as the ledger of its operation says: status, resources, environments. Pure but for reading and writing it. */
import { DateTime, Effect, Option, Result, Schema } from "effect"
import type { Operation, OperationStep } from "../../domain/Operation.ts"
import { Project, type ResourceStatus } from "../../domain/Project.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import { DeploymentOutput, RepositoryOutput } from "./ProvisionInput.ts"

export const kinds = ["repository", "ci", "dns", "tls", "database", "cache", "deployment"] as const
type Kind = (typeof kinds)[number]
const providers: Readonly<Record<Kind, string>> = {
  repository: "forge",
  ci: "ci",
  dns: "dns",
  tls: "tls",
  database: "database",
  cache: "cache",
  deployment: "deployer"
}
type Resource = Project["resources"][number]

const isNamed = Schema.is(Schema.Struct({ externalId: Schema.String }))
const isHosts = Schema.is(Schema.Struct({ hosts: Schema.Array(Schema.String) }))
const nameIn = (output: Schema.Json | null): string | null =>
  isNamed(output) ? output.externalId : isHosts(output) ? output.hosts.join(" ") : null

export const pending = (): ReadonlyArray<Resource> =>
  kinds.map((kind) => ({ kind, status: "pending", provider: providers[kind], externalId: null, detail: null }))

/** What a provisioning's rows say about each resource. */
export const provisioned = (rows: ReadonlyArray<OperationStep>): ReadonlyArray<Resource> =>
  kinds.map((kind) => {
    const row = rows.find((step) => step.key === kind && step.phase === "do")
    const undo = rows.find((step) => step.key === kind && step.phase === "undo")
    const status = ((): ResourceStatus => {
      if (undo?.status === "done") return "deleted"
      if (undo?.status === "failed" || row?.status === "failed") return "failed"
      return row?.status === "done" ? "ready" : row?.status === "skipped" ? "unavailable" : "pending"
    })()
    const detail =
      undo?.error?.message ?? row?.error?.message ?? (status === "unavailable" ? (row?.changeReason ?? null) : null)
    return { kind, status, provider: providers[kind], externalId: nameIn(row?.output ?? null), detail }
  })

/** What a sync's rows say; of what it did not come to, nothing new is known. */
export const synced = (
  before: ReadonlyArray<Resource>,
  rows: ReadonlyArray<OperationStep>
): ReadonlyArray<Resource> => {
  const now = provisioned(rows)
  return before.map((resource) => {
    const found = now.find((one) => one.kind === resource.kind)
    return found === undefined || found.status === "pending"
      ? resource
      : { ...found, externalId: found.externalId ?? resource.externalId }
  })
}

/** What a deletion's rows say: gone, or not. */
export const removed = (before: ReadonlyArray<Resource>, rows: ReadonlyArray<OperationStep>): ReadonlyArray<Resource> =>
  before.map((resource): Resource => {
    const row = rows.find((step) => step.key === resource.kind)
    if (row?.status === "failed") return { ...resource, status: "failed", detail: row.error?.message ?? null }
    // Whether there was anything that this installation can no longer reach is not known.
    if (row?.status === "skipped") return { ...resource, status: "unavailable", detail: row.changeReason }
    return row?.status === "done" ? { ...resource, status: "deleted", detail: null } : resource
  })

const outputOf = <A>(
  rows: ReadonlyArray<OperationStep>,
  key: string,
  schema: Schema.Codec<A, Schema.Json>
): Option.Option<A> =>
  Result.getSuccess(
    Schema.decodeResult(schema)(rows.find((row) => row.key === key && row.phase === "do")?.output ?? null)
  )

export const environments = (project: Project, rows: ReadonlyArray<OperationStep>): Project["environments"] => {
  const releases = Option.match(outputOf(rows, "deployment", DeploymentOutput), {
    onNone: () => [],
    onSome: (output) => output.releases
  })
  return project.environments.map((environment) => {
    const release = releases.find((one) => one.environment === environment.name)
    return release === undefined
      ? environment
      : { ...environment, url: release.url, sha: release.sha, releaseId: release.releaseId }
  })
}
export const cloneUrl = (rows: ReadonlyArray<OperationStep>): string | null =>
  Option.match(outputOf(rows, "repository", RepositoryOutput), {
    onNone: () => null,
    onSome: (output) => output.cloneUrl
  })

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
      reason: { _tag: "NotFound", entity: "project", id: operation.projectId ?? "(none)" }
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
