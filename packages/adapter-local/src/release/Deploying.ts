/** How a release becomes the live one: brought up, checked, switched to; and how it gives way to the one before, or to none. */
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import type * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import type { Artifact } from "@rdev/core/ports/infra/Builder"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { Clock, Effect, Exit, Scope } from "effect"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as Artifacts from "../build/Artifacts.ts"
import { attempt, fail, type LocalFailure, notFound } from "../LocalFailure.ts"
import { type Entries, entry } from "./Entries.ts"
import { liveIn, type Place, serviceIn } from "./Place.ts"
import * as Releases from "./Releases.ts"
import * as Records from "./ReleaseRecords.ts"
import * as ReleaseStart from "./ReleaseStart.ts"
import * as ServiceRecords from "./ServiceRecords.ts"

type Request = {
  readonly key: string
  readonly environment: EnvironmentName
  readonly artifact: Artifact
  readonly env: Readonly<Record<string, string>>
}

/** Makes a release that is up the live one, in the place of the one before. */
const install = Effect.fnUntraced(function* (
  { dataDir, idleMillis, quarantine }: Place,
  entries: Entries,
  projectId: Ids.ProjectId,
  record: Records.ReleaseRecord,
  up: ReleaseStart.Up,
  scope: Scope.Closeable
) {
  const { environment } = record
  const always = up.kind === "node" && ServiceRecords.idleMillis(record, idleMillis) === null
  if (up.kind === "node") yield* attempt(() => ServiceRecords.writeHome(dataDir, projectId, record, up.service.home))
  if (always) yield* attempt(() => ServiceRecords.mark(dataDir, projectId, environment))
  yield* attempt(() => Records.switchTo(dataDir, projectId, environment, record.id))
  if (!always) yield* attempt(() => ServiceRecords.unmark(dataDir, projectId, environment))
  yield* attempt(() => ServiceRecords.removeFailed(dataDir, projectId, record))
  const before = entries.set(entry(projectId, record, scope, up))
  for (const { part } of [liveIn(projectId, environment), serviceIn(projectId, environment)])
    yield* quarantine.clear(projectId, part)
  if (before !== undefined) yield* entries.retire(before)
})

/** Brings it up and lets `use` have it; whatever fails, nothing of it stays up. */
const upWith = <A>(
  place: Place,
  projectId: Ids.ProjectId,
  record: Records.ReleaseRecord,
  use: (up: ReleaseStart.Up, scope: Scope.Closeable) => Effect.Effect<A, LocalFailure>
): Effect.Effect<A, LocalFailure> =>
  Effect.flatMap(Scope.make(), (scope) =>
    Scope.provide(ReleaseStart.bringUp(place, projectId, record), scope).pipe(
      Effect.flatMap((up) => use(up, scope)),
      Effect.onError(() => Scope.close(scope, Exit.void))
    )
  )

/** The files of an artifact, kept for the release from here on. */
const taken = Effect.fnUntraced(function* ({ content }: Artifact, id: Ids.ReleaseId) {
  if (content._tag !== "Folder")
    return yield* fail({
      _tag: "Unsupported",
      message:
        "the local deployer runs folders, and images not: choose a builder that makes folders, or a deployer that runs images"
    })
  const { path } = content
  yield* attempt(() => Artifacts.pin(path, id))
  if (ConfinedTree.isFolder(path)) return path
  // It was tidied away since it was asked for: asked again, it is built again.
  yield* Effect.ignore(attempt(() => Artifacts.unpin(path, id)))
  return yield* fail({ _tag: "Unavailable", message: "what was built is not there any more; it is built again" })
})

const release = Effect.fnUntraced(function* (
  place: Place,
  entries: Entries,
  target: RepositoryTarget,
  { artifact, env, environment, key }: Request,
  id: Ids.ReleaseId
) {
  const { dataDir } = place
  const { projectId } = target
  yield* place.sandbox.mayWrite
  // Its folder first: a pin without one is nobody's.
  yield* attempt(() => Records.writeEnv(dataDir, projectId, environment, id, env))
  const path = yield* taken(artifact, id)
  const config = { ...artifact.run, build: [] }
  const url = place.urlOf(Hosts.hostOf(Hosts[environment](target.name), place.domain))
  const deployedAtMillis = yield* Clock.currentTimeMillis
  const record: Records.ReleaseRecord = {
    id,
    environment,
    sha: artifact.sha,
    url,
    deployedAtMillis,
    config,
    artifact: { id: artifact.id, path }
  }
  return yield* upWith(place, projectId, record, (up, scope) =>
    Effect.gen(function* () {
      yield* ReleaseStart.check(up, config.health, place.healthTimeoutMillis)
      yield* attempt(() => Records.write(dataDir, projectId, record))
      yield* attempt(() => Records.writeKey(dataDir, projectId, environment, key, id))
      yield* install(place, entries, projectId, record, up, scope)
      // A site is a copy: it needs what it was built from no more.
      if (config.kind === "static") yield* attempt(() => Artifacts.unpin(path, id))
      return record
    })
  )
})

/** What releases of the project that are gone still kept: of those that were known, wherever it lies, and of a process that died. */
const unpinGone = (
  { dataDir }: Place,
  projectId: Ids.ProjectId,
  before: ReadonlyArray<Pick<Records.ReleaseRecord, "artifact" | "id">>
) =>
  attempt(async () => {
    const there = new Set(
      (await Promise.all(Records.environments.map((one) => Records.ids(dataDir, projectId, one)))).flat()
    )
    for (const { artifact, id } of before)
      if (artifact !== undefined && !there.has(id)) await Artifacts.unpin(artifact.path, id)
    await Artifacts.unpinOthers(dataDir, projectId, there)
  })

export const deploy = Effect.fnUntraced(function* (
  place: Place,
  entries: Entries,
  target: RepositoryTarget,
  request: Request
) {
  const { dataDir } = place
  const { projectId } = target
  const { environment } = request
  const there = yield* attempt(() => Records.releaseOfKey(dataDir, projectId, environment, request.key))
  if (there !== null)
    return Records.view(there, (yield* attempt(() => Records.current(dataDir, projectId, environment))) === there.id)
  if ((yield* Releases.marks(place, [projectId])).length === 0) {
    const createdAtMillis = yield* Clock.currentTimeMillis
    yield* attempt(() => Records.writeMark(dataDir, projectId, { name: target.name, createdAtMillis }))
  }
  const id = yield* NewId.make("rel")
  const record = yield* release(place, entries, target, request, id).pipe(
    Effect.onError(() =>
      Effect.ignore(
        attempt(async () => {
          await ConfinedTree.remove(Records.folderOf(dataDir, projectId, environment, id))
          if (request.artifact.content._tag === "Folder") await Artifacts.unpin(request.artifact.content.path, id)
        })
      )
    )
  )
  const { damaged, records } = yield* Releases.all(place, projectId, environment)
  yield* attempt(() => Records.prune(dataDir, projectId, environment, records, damaged))
  yield* unpinGone(place, projectId, records)
  return Records.view(record, true)
})

export const rollback = Effect.fnUntraced(function* (
  place: Place,
  entries: Entries,
  { projectId }: RepositoryTarget,
  environment: EnvironmentName
) {
  const { records } = yield* Releases.all(place, projectId, environment)
  const live = yield* attempt(() => Records.current(place.dataDir, projectId, environment))
  const before = live === null ? undefined : records.filter((record) => record.id < live).at(-1)
  if (before === undefined) return yield* notFound(`there is no release before the live one in ${environment}`)
  yield* upWith(place, projectId, before, (up, scope) =>
    Effect.andThen(
      up.kind === "static" ? Effect.void : ReleaseStart.check(up, before.config.health, place.healthTimeoutMillis),
      install(place, entries, projectId, before, up, scope)
    )
  )
  return Records.view(before, true)
})

/** Off first: from then on nothing wakes it. */
export const remove = Effect.fnUntraced(function* (place: Place, entries: Entries, { projectId }: RepositoryTarget) {
  const { dataDir } = place
  const before = yield* Effect.forEach(Records.environments, (one) => Releases.all(place, projectId, one))
  for (const environment of Records.environments) {
    yield* attempt(() => Records.switchOff(dataDir, projectId, environment))
    yield* attempt(() => ServiceRecords.unmark(dataDir, projectId, environment))
    const there = entries.get(projectId, environment)
    if (there !== undefined) yield* entries.end(there)
  }
  yield* attempt(() => ConfinedTree.remove(Records.projectFolder(dataDir, projectId)))
  yield* unpinGone(
    place,
    projectId,
    before.flatMap(({ records }) => records)
  )
})
