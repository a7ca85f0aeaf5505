/**
 * The operations `project.provision`, `project.sync` and `project.delete`: which steps there are, how they depend on each other, and what
 * their ends mean for the records of the project and its environments. A version's steps never change: another list of steps is another
 * version, and older ones stay for as long as a store can hold them (docs/decisions/0056).
 */
import { Effect } from "effect"
import type { Operation } from "../../domain/Operation.ts"
import type { ProjectStatus } from "../../domain/Project.ts"
import * as Definition from "../../operations/Definition.ts"
import type { Dns } from "../../ports/infra/Dns.ts"
import type { WorkspaceHost } from "../../ports/infra/WorkspaceHost.ts"
import type { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { FeatureStore } from "../../ports/stores/FeatureStore.ts"
import { ForgeStore } from "../../ports/stores/ForgeStore.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"
import type { OutputStore } from "../../ports/stores/OutputStore.ts"
import { PolicyStore } from "../../ports/stores/PolicyStore.ts"
import type { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import type { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"
import * as Cells from "../resources/Cells.ts"
import { ours, type Infrastructure as Ports } from "../resources/Providers.ts"
import * as ProjectRecord from "./ProjectRecord.ts"
import { DeleteInput, ProvisionInput, SyncInput } from "./ProvisionInput.ts"
import * as Version1 from "./Version1.ts"
import * as Version1Input from "./Version1Input.ts"
import * as Version2 from "./Version2.ts"

export const provisionKind = "project.provision"
export const syncKind = "project.sync"
export const deleteKind = "project.delete"

/** The ports that provisioning and deletion speak to. */
export type Infrastructure = Exclude<Ports, PolicyStore> | CredentialStore
type Needs =
  | Infrastructure
  | Dns
  | EnvironmentStore
  | FeatureStore
  | ForgeStore
  | IssueStore
  | OutputStore
  | PolicyStore
  | ProjectStore
  | UnitOfWork
  | WorkspaceHost

const statusAfter = (operation: Operation, onCompleted: ProjectStatus, meanwhile: ProjectStatus): ProjectStatus =>
  operation.status === "completed" ? onCompleted : operation.status === "parked" ? meanwhile : "failed"

const entriesOf = (plan: Cells.Plan): ReadonlyArray<ProjectRecord.Entry> =>
  Cells.of(plan).map(({ environment, key, resource }) => ({
    key,
    kind: resource.kind,
    provider: resource.provider,
    environment: environment?.name ?? null
  }))
/** Of a deletion: every kind in every place. */
const entriesOfAll = ({ environments, resources }: DeleteInput) =>
  entriesOf({
    resources,
    environments: environments.map((one) => ({ ...one, release: true })),
    components: [{ name: "", needs: resources.map(({ kind }) => kind) }]
  })
/** One step for each kind, for all environments together; only those of `released` get a release. */
const entriesBefore = (released: ReadonlyArray<string>): ReadonlyArray<ProjectRecord.Entry> =>
  ours.flatMap(({ kind, per, provider }) =>
    (per === "project" ? [null] : kind === "deployment" ? released : ["production", "staging"]).map((environment) => ({
      key: kind,
      kind,
      provider,
      environment
    }))
  )

const provisionEnd = (operation: Operation, entries: ReadonlyArray<ProjectRecord.Entry>, rows: ReadonlyArray<Step>) =>
  ProjectRecord.settle(operation, "provisioned", entries, rows, () => ({
    status: statusAfter(operation, "ready", "provisioning"),
    ...ProjectRecord.setup(rows),
    ...(operation.status === "completed" ? { cloneUrl: ProjectRecord.cloneUrl(rows) } : {})
  }))
const syncEnd = (
  operation: Operation,
  entries: ReadonlyArray<ProjectRecord.Entry>,
  rows: ReadonlyArray<Step>,
  from: ProjectStatus
) =>
  ProjectRecord.settle(operation, "synced", entries, rows, (project) => ({
    status: operation.status === "completed" ? "ready" : operation.status === "parked" ? "provisioning" : from,
    cloneUrl: ProjectRecord.cloneUrl(rows) ?? project.cloneUrl
  }))
const deleteEnd = (operation: Operation, entries: ReadonlyArray<ProjectRecord.Entry>, rows: ReadonlyArray<Step>) =>
  Effect.gen(function* () {
    yield* ProjectRecord.settle(operation, "removed", entries, rows, () => ({
      status: statusAfter(operation, "deleted", "deleting")
    }))
    if (operation.status !== "completed" || operation.projectId === null) return
    yield* (yield* FeatureStore).removeAll(operation.projectId)
    yield* (yield* PolicyStore).removeAll(operation.projectId)
    yield* (yield* EnvironmentStore).removeAll(operation.projectId)
    yield* (yield* ForgeStore).removeAll(operation.projectId)
    yield* (yield* IssueStore).removeAll(operation.projectId)
  })
type Step = Parameters<typeof ProjectRecord.settle>[3][number]

/** A failed provisioning is undone and leaves the project `failed`; its name may be taken again unless an undo failed (see Projects.create). */
export const provision = Definition.make<ProvisionInput, Needs>({
  kind: provisionKind,
  version: 2,
  input: ProvisionInput,
  onFailure: "compensate",
  steps: (input, identity) => Version2.creations(input, identity, false),
  started: (operation, input) => ProjectRecord.begin(operation, entriesOf(input)),
  settled: (operation, rows, input) => provisionEnd(operation, entriesOf(input), rows)
})

/**
 * Brings a project's infrastructure back to what it should be: what is missing or differs is made, what is there stays. A step that
 * fails keeps no other from running, and nothing is undone; the project is as usable afterwards as it was before.
 */
export const sync = Definition.make<SyncInput, Needs>({
  kind: syncKind,
  version: 2,
  input: SyncInput,
  onFailure: "continue",
  steps: (input, identity) => Version2.creations(input, identity, true),
  started: (operation) => ProjectRecord.take(operation, { status: "provisioning" }),
  settled: (operation, rows, input) => syncEnd(operation, entriesOf(input), rows, input.from)
})

/** Everything is tried; what could not be removed adds up to the operation's error and stays in the project's record. */
export const destroy = Definition.make<DeleteInput, Needs>({
  kind: deleteKind,
  version: 2,
  input: DeleteInput,
  onFailure: "continue",
  steps: (input, identity) => Version2.removals(input, identity),
  started: (operation) => ProjectRecord.take(operation, { status: "deleting" }),
  settled: (operation, rows, input) => deleteEnd(operation, entriesOfAll(input), rows)
})

const provision1 = Definition.make<Version1Input.ProvisionInput, Needs>({
  kind: provisionKind,
  version: 1,
  input: Version1Input.ProvisionInput,
  onFailure: "compensate",
  steps: (input, identity) => Version1.creations(input, identity, false),
  started: (operation, input) => ProjectRecord.begin(operation, entriesBefore(input.firstRelease)),
  settled: (operation, rows, input) => provisionEnd(operation, entriesBefore(input.firstRelease), rows)
})

const sync1 = Definition.make<Version1Input.SyncInput, Needs>({
  kind: syncKind,
  version: 1,
  input: Version1Input.SyncInput,
  onFailure: "continue",
  steps: (input, identity) => Version1.creations(input, identity, true),
  started: (operation) => ProjectRecord.take(operation, { status: "provisioning" }),
  settled: (operation, rows, input) => syncEnd(operation, entriesBefore(input.firstRelease), rows, input.from)
})

const destroy1 = Definition.make<Version1Input.DeleteInput, Needs>({
  kind: deleteKind,
  version: 1,
  input: Version1Input.DeleteInput,
  onFailure: "continue",
  steps: (input, identity) => Version1.removals(input, identity),
  started: (operation) => ProjectRecord.take(operation, { status: "deleting" }),
  settled: (operation, rows) => deleteEnd(operation, entriesBefore(["production", "staging"]), rows)
})

export const definitions = [provision, sync, destroy, provision1, sync1, destroy1] as const
