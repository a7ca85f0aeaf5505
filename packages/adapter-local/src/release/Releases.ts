/** What is released, by the records: any process may have released it, and may run it. */
import type * as Ids from "@rdev/core/domain/Ids"
import type { EnvironmentName, Health } from "@rdev/core/ports/infra/Deployer"
import { Effect } from "effect"
import { join } from "node:path"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt, DamagedRecord } from "../LocalFailure.ts"
import * as Damaged from "../records/Damaged.ts"
import * as FileLock from "../records/FileLock.ts"
import type { Entries } from "./Entries.ts"
import type { LiveRelease, Place, Reached } from "./Place.ts"
import * as Records from "./ReleaseRecords.ts"
import * as ServiceProbe from "./ServiceProbe.ts"
import * as ServiceRecords from "./ServiceRecords.ts"
import * as ServiceRunner from "./ServiceRunner.ts"
import * as StaticSite from "./StaticSite.ts"

type Where = Pick<Place, "dataDir">

export const marks = ({ dataDir }: Where, projectIds: ReadonlyArray<Ids.ProjectId>) =>
  Effect.map(
    Damaged.each(
      projectIds,
      (projectId) => ({
        projectId,
        part: "the releases' mark",
        repair: "Restore project.json in the folder of its releases from a backup, or remove that file and deploy again"
      }),
      async (projectId) => ({ projectId, mark: await Records.readMark(dataDir, projectId) })
    ),
    (found) => found.flatMap(({ mark, projectId }) => (mark === null ? [] : [{ projectId, ...mark }]))
  )

/** Completed releases, oldest first, and the ids of those whose record cannot be read. */
export const all = Effect.fnUntraced(function* ({ dataDir }: Where, projectId: string, environment: EnvironmentName) {
  const ids = yield* attempt(() => Records.ids(dataDir, projectId, environment))
  const read = yield* Damaged.each(
    ids,
    (id) => ({
      projectId,
      part: `release ${id} in ${environment}`,
      repair: "It cannot be rolled back to; deploy its commit again, or restore its release.json from a backup"
    }),
    async (id) => ({ id, record: await Records.read(dataDir, projectId, environment, id) })
  )
  const known = new Set(read.map(({ id }) => id))
  return {
    records: read.flatMap(({ record }) => (record === null ? [] : [record])),
    damaged: ids.filter((id) => !known.has(id))
  }
})

export const current = async ({ dataDir }: Where, projectId: string, environment: EnvironmentName) => {
  const id = await Records.current(dataDir, projectId, environment)
  return id === null ? null : Records.read(dataDir, projectId, environment, id)
}
/** The same; one that cannot be read is as good as none, so that a sync deploys again. What is damaged was reported when it was looked for at the start. */
export const readable = (place: Where, projectId: string, environment: EnvironmentName) =>
  current(place, projectId, environment).catch((cause: unknown) => {
    if (cause instanceof DamagedRecord) return null
    throw cause
  })

/** The live release, for who answers its host name. */
export const find =
  (
    { dataDir }: Where,
    entries: Entries,
    reach: (projectId: Ids.ProjectId, record: Records.ReleaseRecord) => Promise<Reached>
  ) =>
  async (projectId: Ids.ProjectId, environment: EnvironmentName): Promise<LiveRelease | null> => {
    const here = entries.get(projectId, environment)
    const isLive = here !== undefined && (await Records.current(dataDir, projectId, environment)) === here.record.id
    if (isLive && here.up?.kind === "static") return { kind: "static", id: here.record.id, root: here.up.root }
    const record = isLive ? here.record : await readable({ dataDir }, projectId, environment)
    if (record === null) return null
    if (record.config.kind === "node") return { kind: "node", id: record.id, reach: () => reach(projectId, record) }
    const root = join(Records.folderOf(dataDir, projectId, environment, record.id), Records.siteName)
    return ConfinedTree.isFolder(root) ? { kind: "static", id: record.id, root } : null
  }

interface Checked {
  readonly ok: boolean
  readonly detail: string
}
const answered = (status: number | null): Checked => ({
  ok: status !== null && status >= 200 && status < 300,
  detail: status === null ? "nothing answers" : `answered ${status}`
})

/** Of a service that nothing is heard of: one that may sleep does so, unless it could not be woken. */
const silent = async (place: Place, projectId: Ids.ProjectId, record: Records.ReleaseRecord): Promise<Checked> => {
  if (ServiceRecords.idleMillis(record, place.idleMillis) === null) return answered(null)
  const failed = await ServiceRecords.readFailed(place.dataDir, projectId, record)
  if (failed !== null) return { ok: false, detail: `it could not be woken: ${failed.message}` }
  const home = await ServiceRecords.readHome(place.dataDir, projectId, record)
  const held = FileLock.isHeld(ServiceRecords.lockOf(place.dataDir, projectId, record))
  if (held) return home === null ? { ok: true, detail: "waking" } : answered(null)
  return { ok: true, detail: "asleep" }
}

const check = Effect.fnUntraced(function* (
  place: Place,
  entries: Entries,
  projectId: Ids.ProjectId,
  record: Records.ReleaseRecord
) {
  const { config, environment, id } = record
  const here = entries.get(projectId, environment)
  const up = here?.record.id === id ? here.up : null
  if (config.kind === "static") {
    const folder = Records.folderOf(place.dataDir, projectId, environment, id)
    const root = up?.kind === "static" ? up.root : join(folder, Records.siteName)
    const ok = yield* attempt(async () => ConfinedTree.isFolder(root) && StaticSite.has(root, config.health))
    return { ok, detail: ok ? "served" : "there is no such file" }
  }
  const home = yield* attempt(() => ServiceRecords.readHome(place.dataDir, projectId, record))
  const connect = up?.kind === "node" ? up.service.connect : home === null ? null : ServiceRunner.connectTo(home)
  const status = connect === null ? null : yield* ServiceProbe.probe(connect, config.health)
  return status === null ? yield* attempt(() => silent(place, projectId, record)) : answered(status)
})

export const verify = Effect.fnUntraced(function* (
  place: Place,
  entries: Entries,
  projectId: Ids.ProjectId,
  environment: EnvironmentName
) {
  const record = yield* attempt(() => readable(place, projectId, environment))
  if (record === null)
    return {
      healthy: false,
      checks: [{ name: "release", ok: false, detail: `nothing is released to ${environment}` }]
    } satisfies Health
  const checks = [
    { name: "release", ok: true, detail: record.id },
    { name: `GET ${record.config.health}`, ...(yield* check(place, entries, projectId, record)) }
  ]
  return { healthy: checks.every(({ ok }) => ok), checks } satisfies Health
})
