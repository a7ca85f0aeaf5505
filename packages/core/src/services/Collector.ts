/**
 * Finds resources that are marked ours while no project has them: left by a lost database, a failed undo that nobody retried, a crash in
 * a provider. A resource is deleted when two sweeps at least `safetyMillis` apart, and every one between, saw it without a record; at most
 * `cap` per sweep. What cannot be listed is not known to be orphaned: a failed listing forgets what was suspected of that provider, and a
 * failed look at the records ends the sweep. Suspicions live in this process: after a restart the window begins anew.
 */
import { Clock, Context, Effect, Layer, Option } from "effect"
import { Installed, type ResourceProvider } from "../adapter/ResourceProvider.ts"
import type { EnvironmentId, ProjectId } from "../domain/Ids.ts"
import type { ProjectName } from "../domain/Project.ts"
import { Builder } from "../ports/infra/Builder.ts"
import { Deployer } from "../ports/infra/Deployer.ts"
import { Dns } from "../ports/infra/Dns.ts"
import { RepositoryHost } from "../ports/infra/RepositoryHost.ts"
import { EnvironmentStore } from "../ports/stores/EnvironmentStore.ts"
import { ProjectStore } from "../ports/stores/ProjectStore.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import { Router } from "../ports/infra/Router.ts"
import { TenantDatabase } from "../ports/infra/TenantDatabase.ts"
import { WorkspaceHost } from "../ports/infra/WorkspaceHost.ts"
import { nameIn } from "./resources/OwnerOf.ts"

export interface CollectorOptions {
  /** Default one hour. */
  readonly safetyMillis?: number
  /** Deletions per sweep. Default 20. */
  readonly cap?: number
}
export interface Orphan {
  /** `route`, `release`, `artifact`, `record`, `repository`, `database`, `workspace`, or the kind that an adapter brought. */
  readonly kind: string
  readonly projectId: ProjectId
  /** Whose it is alone, where that is an environment. */
  readonly environmentId?: EnvironmentId
  readonly externalId: string
}
export interface Sweep {
  readonly deleted: ReadonlyArray<Orphan>
  /** Seen without a record, and still within the window or over the cap. */
  readonly suspected: ReadonlyArray<Orphan>
  /** What could not be listed or deleted, and why. */
  readonly errors: ReadonlyArray<{ readonly what: string; readonly message: string }>
}

export class Collector extends Context.Service<
  Collector,
  {
    /** One sweep. Fails when the records cannot be read; nothing was deleted then. */
    readonly sweep: Effect.Effect<Sweep, StoreError>
  }
>()("rdev/services/Collector") {}

interface Found {
  readonly orphan: Orphan
  readonly createdAtMillis: number | null
  readonly remove: Effect.Effect<void, { readonly message: string }>
}
interface Source {
  readonly kind: Orphan["kind"]
  readonly list: Effect.Effect<ReadonlyArray<Found>, { readonly message: string }>
}

interface Marked {
  readonly projectId: ProjectId
  readonly externalId: string
  readonly createdAtMillis: number
}

/** What an adapter made of a kind that it brought. */
const ofProvider = ({ kind, list, remove }: ResourceProvider): Source => ({
  kind,
  list: Effect.map(list, (found) =>
    found.map(({ createdAtMillis, externalId, owner }): Found => ({
      orphan: {
        kind,
        projectId: owner.project.id,
        ...(owner.environment === null ? {} : { environmentId: owner.id as EnvironmentId }),
        externalId
      },
      createdAtMillis,
      remove: remove(owner)
    }))
  )
})

type Named = (
  kind: Orphan["kind"],
  marked: Marked,
  remove: (name: ProjectName) => Effect.Effect<void, { readonly message: string }>
) => Found

/** What releases are made of, what leads to them first. */
const ofReleases = (
  builder: Builder["Service"],
  deployer: Deployer["Service"],
  router: Router["Service"],
  named: Named
): ReadonlyArray<Source> => [
  {
    kind: "route",
    list: Effect.map(router.list, (found) =>
      found.map((one): Found => ({
        orphan: { kind: "route", projectId: one.projectId, externalId: one.host },
        createdAtMillis: null,
        remove: router.remove(one.projectId, one.host)
      }))
    )
  },
  {
    kind: "release",
    list: Effect.map(deployer.list, (found) =>
      found.map((one) => named("release", one, (name) => deployer.remove({ projectId: one.projectId, name })))
    )
  },
  {
    kind: "artifact",
    list: Effect.map(builder.list, (found) =>
      found.map((one) => named("artifact", one, (name) => builder.remove({ projectId: one.projectId, name })))
    )
  }
]

const sources = Effect.gen(function* () {
  const builder = yield* Builder
  const deployer = yield* Deployer
  const router = yield* Router
  const dns = yield* Dns
  const repositories = yield* RepositoryHost
  const database = yield* TenantDatabase
  const workspaces = yield* WorkspaceHost
  const projects = yield* ProjectStore
  /** The name in a record that was kept, else in the provider's id. */
  const named = (
    kind: Orphan["kind"],
    marked: Marked,
    remove: (name: ProjectName) => Effect.Effect<void, { readonly message: string }>
  ): Found => ({
    orphan: { kind, projectId: marked.projectId, externalId: marked.externalId },
    createdAtMillis: marked.createdAtMillis,
    remove: Effect.flatMap(projects.byId(marked.projectId), (record) => {
      const name = Option.match(record, { onNone: () => nameIn(marked.externalId), onSome: (project) => project.name })
      return name === null
        ? Effect.fail({ message: "the project's name is not known: remove it by hand" })
        : remove(name)
    })
  })
  const all: ReadonlyArray<Source> = [
    ...ofReleases(builder, deployer, router, named),
    {
      kind: "workspace",
      list: Effect.map(workspaces.list, (found) =>
        found.map((one): Found => ({
          orphan: { kind: "workspace", projectId: one.projectId, externalId: one.id },
          createdAtMillis: null,
          remove: workspaces.destroy(one.projectId, one.name)
        }))
      )
    },
    {
      kind: "record",
      list: Effect.map(dns.list, (found) =>
        found.map((one): Found => ({
          orphan: { kind: "record", projectId: one.projectId, externalId: one.host },
          createdAtMillis: null,
          remove: dns.remove(one.projectId, one.host)
        }))
      )
    },
    {
      kind: "database",
      list: Effect.map(database.list, (found) =>
        found.map((one) => named("database", one, (name) => database.remove({ projectId: one.projectId, name })))
      )
    },
    {
      kind: "repository",
      list: Effect.map(repositories.list, (found) =>
        found.map((one) => named("repository", one, (name) => repositories.remove({ projectId: one.projectId, name })))
      )
    }
  ]
  return [...all, ...[...(yield* Installed).values()].map(ofProvider)]
})

const keyOf = (orphan: Orphan) => `${orphan.kind} ${orphan.externalId} ${orphan.projectId}`

const make = (options: CollectorOptions) =>
  Effect.gen(function* () {
    const { cap, safetyMillis } = { safetyMillis: 3_600_000, cap: 20, ...options }
    const projects = yield* ProjectStore
    const environments = yield* EnvironmentStore
    const all = yield* sources
    /** When each was first seen without a record, in an unbroken row of sweeps. */
    let suspects: ReadonlyMap<string, number> = new Map()

    const unrecorded = Effect.fnUntraced(function* (found: ReadonlyArray<Found>) {
      const known = new Map<ProjectId, boolean>()
      for (const { orphan } of found) {
        if (known.has(orphan.projectId)) continue
        const record = yield* projects.byId(orphan.projectId)
        known.set(orphan.projectId, Option.isSome(record) && record.value.status !== "deleted")
      }
      return yield* Effect.filter(found, ({ orphan }) =>
        known.get(orphan.projectId) === false
          ? Effect.succeed(true)
          : orphan.environmentId === undefined
            ? Effect.succeed(false)
            : Effect.map(environments.byId(orphan.environmentId), Option.isNone)
      )
    })

    const sweep = Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      const errors: Array<{ readonly what: string; readonly message: string }> = []
      const seen = new Map<string, number>()
      const due: Array<Found> = []
      const waiting: Array<Orphan> = []
      for (const source of all) {
        const listed = yield* Effect.result(source.list)
        if (listed._tag === "Failure") {
          errors.push({ what: `list of ${source.kind}s`, message: listed.failure.message })
          continue
        }
        for (const found of yield* unrecorded(listed.success)) {
          const key = keyOf(found.orphan)
          const since = suspects.get(key) ?? now
          seen.set(key, since)
          const young = found.createdAtMillis !== null && now - found.createdAtMillis < safetyMillis
          if (suspects.has(key) && now - since >= safetyMillis && !young) due.push(found)
          else waiting.push(found.orphan)
        }
      }
      const deleted: Array<Orphan> = []
      for (const { orphan, remove } of due.slice(0, cap)) {
        // A project may have been recorded since the listing: the last look is right before the deletion.
        if ((yield* unrecorded([{ orphan, createdAtMillis: null, remove }])).length === 0) continue
        const removed = yield* Effect.result(remove)
        if (removed._tag === "Failure")
          errors.push({ what: `${orphan.kind} ${orphan.externalId}`, message: removed.failure.message })
        else {
          deleted.push(orphan)
          seen.delete(keyOf(orphan))
          yield* Effect.logWarning(
            `collector: deleted the orphaned ${orphan.kind} ${orphan.externalId} of ${orphan.projectId}`
          )
        }
      }
      suspects = seen
      return { deleted, suspected: [...waiting, ...due.slice(cap).map((one) => one.orphan)], errors }
    }).pipe(Effect.withSpan("Collector.sweep"))

    return Collector.of({ sweep })
  })

type Needs =
  | Builder
  | Router
  | Deployer
  | Dns
  | EnvironmentStore
  | ProjectStore
  | RepositoryHost
  | TenantDatabase
  | WorkspaceHost

export const layer = (options: CollectorOptions = {}): Layer.Layer<Collector, never, Needs> =>
  Layer.effect(Collector, make(options))

/** Sweeps every `everyMillis` (default half an hour) for as long as its scope is open. One replica is enough; more do no harm. */
export const layerSchedule = ({ everyMillis = 1_800_000 }: { readonly everyMillis?: number } = {}): Layer.Layer<
  never,
  never,
  Collector
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const collector = yield* Collector
      const once = collector.sweep.pipe(
        Effect.tap(({ errors }) =>
          errors.length === 0
            ? Effect.void
            : Effect.logWarning(`collector: ${errors.map((error) => `${error.what}: ${error.message}`).join("; ")}`)
        ),
        Effect.catch((error) =>
          Effect.logWarning(`collector: the records cannot be read, nothing is deleted: ${error.message}`)
        )
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(everyMillis), once)))
    })
  )
