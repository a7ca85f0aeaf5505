/** How a release becomes the live one: built, brought up, checked, switched to; and how it gives way to the one before, or to none. */
import * as Hosts from "@rdev/core/domain/hosts/Hosts"
import type * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { Clock, Effect, Exit, Scope } from "effect"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt, type LocalFailure, notFound } from "../LocalFailure.ts"
import { type Entries, entry } from "./Entries.ts"
import { liveIn, type Place, serviceIn } from "./Place.ts"
import * as ReleaseBuild from "./ReleaseBuild.ts"
import * as Releases from "./Releases.ts"
import * as Records from "./ReleaseRecords.ts"
import * as ReleaseStart from "./ReleaseStart.ts"
import * as ServiceRecords from "./ServiceRecords.ts"

type Request = {
  readonly key: string
  readonly environment: EnvironmentName
  readonly sha: Sha
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

const release = Effect.fnUntraced(function* (
  place: Place,
  entries: Entries,
  target: RepositoryTarget,
  { env, environment, key, sha }: Request,
  id: Ids.ReleaseId
) {
  const { dataDir } = place
  const { projectId } = target
  const folder = Records.folderOf(dataDir, projectId, environment, id)
  yield* place.sandbox.mayWrite
  const config = yield* ReleaseBuild.readConfig(place, target, sha)
  yield* ReleaseBuild.build(place, target, sha, folder, config.build)
  yield* attempt(() => Records.writeEnv(dataDir, projectId, environment, id, env))
  const host = Hosts.hostOf(Hosts[environment](target.name), place.domain)
  const deployedAtMillis = yield* Clock.currentTimeMillis
  const record: Records.ReleaseRecord = { id, environment, sha, url: place.urlOf(host), deployedAtMillis, config }
  return yield* upWith(place, projectId, record, (up, scope) =>
    Effect.gen(function* () {
      yield* ReleaseStart.check(up, config.health, place.healthTimeoutMillis)
      yield* attempt(() => Records.write(dataDir, projectId, record))
      yield* attempt(() => Records.writeKey(dataDir, projectId, environment, key, id))
      yield* install(place, entries, projectId, record, up, scope)
      // A site is a copy: what it was built from is only disk used up.
      if (config.kind === "static") yield* attempt(() => ConfinedTree.remove(Records.filesOf(folder)))
      return record
    })
  )
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
      Effect.ignore(attempt(() => ConfinedTree.remove(Records.folderOf(dataDir, projectId, environment, id))))
    )
  )
  const { damaged, records } = yield* Releases.all(place, projectId, environment)
  yield* attempt(() => Records.prune(dataDir, projectId, environment, records, damaged))
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
export const remove = Effect.fnUntraced(function* (
  { dataDir }: Place,
  entries: Entries,
  { projectId }: RepositoryTarget
) {
  for (const environment of Records.environments) {
    yield* attempt(() => Records.switchOff(dataDir, projectId, environment))
    yield* attempt(() => ServiceRecords.unmark(dataDir, projectId, environment))
    const there = entries.get(projectId, environment)
    if (there !== undefined) yield* entries.end(there)
  }
  yield* attempt(() => ConfinedTree.remove(Records.projectFolder(dataDir, projectId)))
})
