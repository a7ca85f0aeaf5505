/**
 * Releases on disk: `<dataDir>/releases/<projectId>/<environment>/<releaseId>/` holds `release.json`, `env.json` (0600: it may hold
 * secrets) and, of a static release, `site` (what is served; only the server writes it); `current` beside them is a link to the live one,
 * switched by rename. What a service runs from is the artifact's (see build/Artifacts); releases of earlier versions have `files` of their own.
 */
import * as Ids from "@rdev/core/domain/Ids"
import type { EnvironmentName, Release } from "@rdev/core/ports/infra/Deployer"
import { Schema } from "effect"
import { createHash, randomBytes } from "node:crypto"
import { readdir, readlink, rename, rm, symlink } from "node:fs/promises"
import { join } from "node:path"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as RecordFile from "../records/RecordFile.ts"

/** Releases kept per environment, the live one included. */
export const kept = 5
export const environments: ReadonlyArray<EnvironmentName> = ["staging", "production"]

const Config = Schema.Union([
  Schema.Struct({
    kind: Schema.Literal("static"),
    build: Schema.Array(Schema.String),
    publish: Schema.String,
    health: Schema.String
  }),
  Schema.Struct({
    kind: Schema.Literal("node"),
    build: Schema.Array(Schema.String),
    start: Schema.String,
    health: Schema.String,
    idle: Schema.optionalKey(Schema.Union([Schema.Literal("never"), Schema.Finite]))
  })
])
const ReleaseRecord = Schema.Struct({
  id: Ids.ReleaseId,
  environment: Schema.Literals(["staging", "production"]),
  sha: Schema.String,
  url: Schema.String,
  deployedAtMillis: Schema.Int,
  config: Config,
  /** Left out: its files are its own. */
  artifact: Schema.optionalKey(Schema.Struct({ id: Ids.ArtifactId, path: Schema.String }))
})
export type ReleaseRecord = typeof ReleaseRecord.Type
const Mark = Schema.Struct({ name: Schema.String, createdAtMillis: Schema.Int })
const decodeRelease = Schema.decodeUnknownSync(ReleaseRecord)
const decodeMark = Schema.decodeUnknownSync(Mark)
const decodeKey = Schema.decodeUnknownSync(Schema.Struct({ releaseId: Ids.ReleaseId }))
const decodeEnv = Schema.decodeUnknownSync(Schema.Record(Schema.String, Schema.String))
const isReleaseId = Schema.is(Ids.ReleaseId)
export const isProjectId = Schema.is(Ids.ProjectId)

const absent = (cause: unknown) =>
  cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")
export const names = (folder: string): Promise<ReadonlyArray<string>> =>
  readdir(folder).catch((cause: unknown) => {
    if (absent(cause)) return []
    throw cause
  })

export const rootOf = (dataDir: string) => join(dataDir, "releases")
export const projectFolder = (dataDir: string, projectId: string) => join(rootOf(dataDir), projectId)
const environmentFolder = (dataDir: string, projectId: string, environment: EnvironmentName) =>
  join(projectFolder(dataDir, projectId), environment)
export const folderOf = (dataDir: string, projectId: string, environment: EnvironmentName, id: string) =>
  join(environmentFolder(dataDir, projectId, environment), id)

/** What it was built to. */
export const filesOf = (dataDir: string, projectId: string, { artifact, environment, id }: ReleaseRecord) =>
  artifact?.path ?? join(folderOf(dataDir, projectId, environment, id), "files")
/** Name of the published copy in a release's folder. */
export const siteName = "site"
export const view = (record: ReleaseRecord, live: boolean): Release => ({
  id: record.id,
  environment: record.environment,
  sha: record.sha,
  status: live ? "live" : "superseded",
  url: record.url,
  deployedAtMillis: record.deployedAtMillis,
  backend: { _tag: "Server" }
})

export const readMark = (dataDir: string, projectId: string) =>
  RecordFile.read(join(projectFolder(dataDir, projectId), "project.json"), decodeMark)
export const writeMark = (dataDir: string, projectId: string, mark: typeof Mark.Type) =>
  RecordFile.write(join(projectFolder(dataDir, projectId), "project.json"), mark)

/** Projects that have a folder here, whether or not their records can be read. */
export const projectIds = async (dataDir: string): Promise<ReadonlyArray<Ids.ProjectId>> =>
  (await names(rootOf(dataDir))).filter((name): name is Ids.ProjectId => isProjectId(name))

export const read = async (
  dataDir: string,
  projectId: string,
  environment: EnvironmentName,
  id: string
): Promise<ReleaseRecord | null> =>
  isReleaseId(id)
    ? RecordFile.read(join(folderOf(dataDir, projectId, environment, id), "release.json"), decodeRelease)
    : null
export const write = (dataDir: string, projectId: string, record: ReleaseRecord) =>
  RecordFile.write(join(folderOf(dataDir, projectId, record.environment, record.id), "release.json"), record)

export const readEnv = async (
  dataDir: string,
  projectId: string,
  record: ReleaseRecord
): Promise<Readonly<Record<string, string>>> =>
  (await RecordFile.read(join(folderOf(dataDir, projectId, record.environment, record.id), "env.json"), decodeEnv)) ??
  {}
export const writeEnv = (
  dataDir: string,
  projectId: string,
  environment: EnvironmentName,
  id: string,
  env: Readonly<Record<string, string>>
) => RecordFile.write(join(folderOf(dataDir, projectId, environment, id), "env.json"), env)

/** Ids of releases, complete or not, oldest first. */
export const ids = async (
  dataDir: string,
  projectId: string,
  environment: EnvironmentName
): Promise<ReadonlyArray<string>> =>
  (await names(environmentFolder(dataDir, projectId, environment))).filter((name) => isReleaseId(name)).sort()

/** Id of the live release. */
export const current = (dataDir: string, projectId: string, environment: EnvironmentName): Promise<string | null> =>
  readlink(join(environmentFolder(dataDir, projectId, environment), "current")).catch((cause: unknown) => {
    if (absent(cause)) return null
    throw cause
  })
export const switchTo = async (
  dataDir: string,
  projectId: string,
  environment: EnvironmentName,
  id: string
): Promise<void> => {
  const folder = environmentFolder(dataDir, projectId, environment)
  const temporary = join(folder, `.current-${randomBytes(6).toString("hex")}`)
  await symlink(id, temporary)
  await rename(temporary, join(folder, "current"))
}

/** From here on nothing is live there. */
export const switchOff = (dataDir: string, projectId: string, environment: EnvironmentName): Promise<void> =>
  rm(join(environmentFolder(dataDir, projectId, environment), "current"), { force: true })

const keyFile = (dataDir: string, projectId: string, environment: EnvironmentName, key: string) =>
  join(
    environmentFolder(dataDir, projectId, environment),
    "keys",
    `${createHash("sha256").update(key).digest("hex")}.json`
  )
export const releaseOfKey = async (
  dataDir: string,
  projectId: string,
  environment: EnvironmentName,
  key: string
): Promise<ReleaseRecord | null> => {
  const found = await RecordFile.readable(keyFile(dataDir, projectId, environment, key), decodeKey)
  return found === null || found === "damaged" ? null : read(dataDir, projectId, environment, found.releaseId)
}
export const writeKey = (
  dataDir: string,
  projectId: string,
  environment: EnvironmentName,
  key: string,
  releaseId: string
) => RecordFile.write(keyFile(dataDir, projectId, environment, key), { releaseId })

/**
 * Removes all releases but the newest `kept` of those given, the live one and those in `spared` (whose records cannot be read): also
 * folders without a record, of builds that did not come through. And keys of what is gone.
 */
export const prune = async (
  dataDir: string,
  projectId: string,
  environment: EnvironmentName,
  records: ReadonlyArray<ReleaseRecord>,
  spared: ReadonlyArray<string>
): Promise<void> => {
  const folder = environmentFolder(dataDir, projectId, environment)
  const live = await current(dataDir, projectId, environment)
  const keep = new Set([
    ...records.slice(-kept).map((record) => record.id as string),
    ...spared,
    ...(live === null ? [] : [live])
  ])
  for (const name of await names(folder)) {
    if (isReleaseId(name) && !keep.has(name)) await ConfinedTree.remove(join(folder, name))
  }
  for (const name of await names(join(folder, "keys"))) {
    // A key that cannot be read names no release: with it the next deployment of that key builds anew.
    const key = await RecordFile.readable(join(folder, "keys", name), decodeKey)
    if (key === "damaged" || (key !== null && !keep.has(key.releaseId)))
      await rm(join(folder, "keys", name), { force: true })
  }
}
