/**
 * The environments of a project: staging and production from the start, each with a record of its own. Records of projects that an earlier
 * version wrote hold theirs inside; those get records of their own when somebody asks for them first.
 */
import { Clock, DateTime, Effect, Option } from "effect"
import { createHash } from "node:crypto"
import { Environment, type EnvironmentKind } from "../../domain/Environment.ts"
import * as Hosts from "../../domain/hosts/Hosts.ts"
import type { EnvironmentId, ProjectId } from "../../domain/Ids.ts"
import { Project } from "../../domain/Project.ts"
import { Dns } from "../../ports/infra/Dns.ts"
import { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"
import { ProjectSettings } from "./ProjectSettings.ts"

/** Those of every project, in the order in which people are told of them. */
export const standard: ReadonlyArray<{ readonly name: "production" | "staging"; readonly kind: EnvironmentKind }> = [
  { name: "production", kind: "production" },
  { name: "staging", kind: "staging" }
]

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
/**
 * The id of an environment that every project has, from the project's: a plan that was looked at and the operation that is started from it
 * mean the same one. Its time is the project's; the rest is a digest, so that no two projects share one.
 */
export const idOf = (projectId: ProjectId, name: string): EnvironmentId => {
  const digest = createHash("sha256").update(`${projectId}/${name}`).digest()
  const rest = Array.from(digest.subarray(0, 16), (byte) => crockford[byte % 32]).join("")
  return `env_${projectId.slice("proj_".length, "proj_".length + 10)}${rest}` as EnvironmentId
}

/** New ones, not stored yet. */
export const make = Effect.fnUntraced(function* (projectId: ProjectId, name: string) {
  const dns = yield* Dns
  const settings = yield* ProjectSettings
  const now = yield* Clock.currentTimeMillis
  return standard.map((one) => {
    const host = dns.hostFor(Hosts.nameOf({ project: name, kind: one.kind, name: one.name, component: null }))
    return Environment.make({
      id: idOf(projectId, one.name),
      projectId,
      name: one.name,
      kind: one.kind,
      hosts: [host],
      url: settings.urlOf(host),
      bindings: [],
      release: null,
      conditions: [],
      createdAtMillis: now,
      updatedAtMillis: now,
      revision: 1
    })
  })
})

export const changed = (environment: Environment, fields: Partial<Environment>, nowMillis: number): Environment =>
  Environment.make({ ...environment, ...fields, updatedAtMillis: nowMillis, revision: environment.revision + 1 })

/** What records of projects held for each environment before. */
const boundBefore: ReadonlySet<string> = new Set(["dns", "tls", "deployment"])

/** Takes what a project's record holds of its environments into records of their own. */
const adopt = Effect.fn("Environments.adopt")(function* (project: Project) {
  const store = yield* EnvironmentStore
  const projects = yield* ProjectStore
  const { environments: before = [], ...rest } = project
  const now = yield* Clock.currentTimeMillis
  const made = (yield* make(project.id, project.name)).map((environment) => {
    const old = before.find(({ name }) => name === environment.name)
    return Environment.make({
      ...environment,
      url: old?.url ?? environment.url,
      release:
        old === undefined || old.sha === null || old.releaseId === null
          ? null
          : { id: old.releaseId, sha: old.sha, url: old.url, atMillis: now },
      bindings: project.resources
        .filter(({ kind }) => boundBefore.has(kind) && (kind !== "deployment" || (old?.releaseId ?? null) !== null))
        .map((resource) => ({
          ...resource,
          externalId:
            resource.kind === "deployment"
              ? (old?.releaseId ?? null)
              : resource.externalId === null
                ? null
                : environment.hosts.join(" ")
        }))
    })
  })
  const resources = project.resources.filter(({ kind }) => !boundBefore.has(kind))
  yield* Effect.forEach(made, (one) => store.insert(one), { discard: true })
  yield* projects.update(
    Project.make({ ...rest, resources, updatedAt: yield* DateTime.now, revision: project.revision + 1 })
  )
})

const order = (name: string) => {
  const at = standard.findIndex((one) => one.name === name)
  return at === -1 ? standard.length : at
}
export const sorted = (all: ReadonlyArray<Environment>): ReadonlyArray<Environment> =>
  [...all].sort((a, b) => order(a.name) - order(b.name) || (a.name < b.name ? -1 : 1))

/** Those of the project, production first. Joins a surrounding transaction. */
export const of = Effect.fn("Environments.of")(function* (projectId: ProjectId) {
  const store = yield* EnvironmentStore
  const found = yield* store.ofProjects([projectId])
  if (found.length > 0) return sorted(found)
  const project = Option.getOrNull(yield* (yield* ProjectStore).byId(projectId))
  if (project === null || project.environments === undefined || project.status === "deleted") return []
  if (project.status === "damaged") return []
  yield* (yield* UnitOfWork).transact(adopt(project)).pipe(
    // Somebody else did the same at the same time.
    Effect.catchIf(
      (error) => error.reason._tag === "AlreadyExists" || error.reason._tag === "Conflict",
      () => Effect.void
    )
  )
  return sorted(yield* store.ofProjects([projectId]))
})

/** Of several projects at once, as far as they have records of their own; for lists. */
export const ofAll = Effect.fn("Environments.ofAll")(function* (projects: ReadonlyArray<Project>) {
  const found = yield* (yield* EnvironmentStore).ofProjects(projects.map(({ id }) => id))
  const byProject = Map.groupBy(found, ({ projectId }) => projectId)
  const all = new Map<ProjectId, ReadonlyArray<Environment>>()
  for (const project of projects) {
    const own = byProject.get(project.id)
    all.set(project.id, own !== undefined ? sorted(own) : yield* of(project.id))
  }
  return all
})

/** Reads and writes one back as changed; joins the surrounding transaction. */
export const edit = Effect.fn("Environments.edit")(function* (
  id: EnvironmentId,
  change: (environment: Environment) => Partial<Environment>
) {
  const store = yield* EnvironmentStore
  const found = yield* store.byId(id)
  if (Option.isNone(found)) return
  const fields = change(found.value)
  yield* store.update(changed(found.value, fields, yield* Clock.currentTimeMillis))
})
