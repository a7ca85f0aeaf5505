/**
 * The operations `project.provision`, `project.sync` and `project.delete`: which steps there are, how they depend on each other, and what their ends
 * mean for the project's record.
 */
import { Effect } from "effect"
import type { Operation } from "../../domain/Operation.ts"
import type { ProjectStatus } from "../../domain/Project.ts"
import * as Definition from "../../operations/Definition.ts"
import type { Step } from "../../operations/Step.ts"
import type { Ci } from "../../ports/infra/Ci.ts"
import type { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import type { GitObjects } from "../../ports/infra/GitObjects.ts"
import type { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import type { Deployer } from "../../ports/infra/Deployer.ts"
import type { Dns } from "../../ports/infra/Dns.ts"
import { FeatureStore } from "../../ports/stores/FeatureStore.ts"
import { PolicyStore } from "../../ports/stores/PolicyStore.ts"
import type { OutputStore } from "../../ports/stores/OutputStore.ts"
import type { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import type { Templates } from "../../ports/infra/Templates.ts"
import type { TenantCache } from "../../ports/infra/TenantCache.ts"
import type { TenantDatabase } from "../../ports/infra/TenantDatabase.ts"
import type { Tls } from "../../ports/infra/Tls.ts"
import type { WorkspaceHost } from "../../ports/infra/WorkspaceHost.ts"
import * as ProjectRecord from "./ProjectRecord.ts"
import { DeleteInput, ProvisionInput, SyncInput } from "./ProvisionInput.ts"
import * as RepositorySteps from "./RepositorySteps.ts"
import * as TenantSteps from "./TenantSteps.ts"

export const provisionKind = "project.provision"
export const syncKind = "project.sync"
export const deleteKind = "project.delete"

/** The ports that provisioning and deletion speak to. */
export type Infrastructure =
  | Ci
  | CredentialStore
  | Deployer
  | Dns
  | GitObjects
  | RepositoryHost
  | Templates
  | TenantCache
  | TenantDatabase
  | Tls
type Needs = Infrastructure | FeatureStore | OutputStore | PolicyStore | ProjectStore | WorkspaceHost

const statusAfter = (operation: Operation, onCompleted: ProjectStatus, meanwhile: ProjectStatus): ProjectStatus =>
  operation.status === "completed" ? onCompleted : operation.status === "parked" ? meanwhile : "failed"

/** A failed provisioning is undone and leaves the project `failed`; its name may be taken again unless an undo failed (see Projects.create). */
export const provision = Definition.make<ProvisionInput, Needs>({
  kind: provisionKind,
  version: 1,
  input: ProvisionInput,
  onFailure: "compensate",
  steps: (input, identity) => {
    const repository = RepositorySteps.repository(input, identity)
    return [
      repository,
      RepositorySteps.ci(input, identity),
      TenantSteps.dns(input, identity),
      TenantSteps.tls(input, identity),
      TenantSteps.database(input, identity),
      TenantSteps.cache(input, identity),
      RepositorySteps.deployment(input, identity, repository)
    ]
  },
  started: (operation) => ProjectRecord.take(operation, { status: "provisioning", resources: ProjectRecord.pending() }),
  settled: (operation, rows) =>
    ProjectRecord.edit(operation, (project) => ({
      status: statusAfter(operation, "ready", "provisioning"),
      resources: ProjectRecord.provisioned(rows),
      ...(operation.status === "completed"
        ? { environments: ProjectRecord.environments(project, rows), cloneUrl: ProjectRecord.cloneUrl(rows) }
        : {})
    }))
})

/** An existing project is never taken back: its resources were there before, and so were the releases and commits in them. */
const keeping = <R>(step: Step<R>): Step<R> => ({ ...step, undo: null })

/**
 * Brings a project's infrastructure back to what it should be: what is missing or differs is made, what is there stays. A step that
 * fails keeps no other from running, and nothing is undone; the project is as usable afterwards as it was before.
 */
export const sync = Definition.make<SyncInput, Needs>({
  kind: syncKind,
  version: 1,
  input: SyncInput,
  onFailure: "continue",
  steps: (input, identity) => {
    const repository = RepositorySteps.repository(input, identity)
    return [
      keeping(repository),
      keeping(RepositorySteps.ci(input, identity)),
      keeping(TenantSteps.dns(input, identity)),
      keeping(TenantSteps.tls(input, identity)),
      keeping(TenantSteps.database(input, identity)),
      keeping(TenantSteps.cache(input, identity)),
      keeping(RepositorySteps.deployment(input, identity, repository, "missing"))
    ]
  },
  started: (operation) => ProjectRecord.take(operation, { status: "provisioning" }),
  settled: (operation, rows, input) =>
    ProjectRecord.edit(operation, (project) => ({
      status: operation.status === "completed" ? "ready" : operation.status === "parked" ? "provisioning" : input.from,
      resources: ProjectRecord.synced(project.resources, rows),
      environments: ProjectRecord.environments(project, rows),
      cloneUrl: ProjectRecord.cloneUrl(rows) ?? project.cloneUrl
    }))
})

/** Everything is tried; what could not be removed adds up to the operation's error and stays in the project's record. */
export const destroy = Definition.make<DeleteInput, Needs>({
  kind: deleteKind,
  version: 1,
  input: DeleteInput,
  onFailure: "continue",
  steps: (input, identity) => {
    const { ci, deployment, repository } = RepositorySteps.removals(input, identity)
    return [deployment, ...TenantSteps.removals(input, identity), ci, repository]
  },
  started: (operation) => ProjectRecord.take(operation, { status: "deleting" }),
  settled: (operation, rows) =>
    Effect.gen(function* () {
      yield* ProjectRecord.edit(operation, (project) => ({
        status: statusAfter(operation, "deleted", "deleting"),
        resources: ProjectRecord.removed(project.resources, rows)
      }))
      if (operation.status === "completed" && operation.projectId !== null) {
        yield* (yield* FeatureStore).removeAll(operation.projectId)
        yield* (yield* PolicyStore).removeAll(operation.projectId)
      }
    })
})

export const definitions = [provision, sync, destroy] as const
