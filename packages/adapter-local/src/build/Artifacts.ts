/**
 * What was built, on disk: `<dataDir>/artifacts/<projectId>/<artifactId>/` holds `files` (what the build worked on; the build can write
 * it), `build.log`, and `artifact.json` once the build has come through. Beside `files`, `files.pins/` has a file for each release that runs
 * from it: what is pinned is not tidied away.
 */
import * as Ids from "@rdev/core/domain/Ids"
import type { Artifact } from "@rdev/core/ports/infra/Builder"
import { Schema } from "effect"
import { appendFile, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as RecordFile from "../records/RecordFile.ts"

/** Artifacts of a project that no release runs from, kept for the next environment or attempt: those of two environments, and the next. */
export const kept = 3

const Stored = Schema.Struct({
  id: Ids.ArtifactId,
  sha: Schema.String,
  run: Schema.Union([
    Schema.Struct({ kind: Schema.Literal("static"), publish: Schema.String, health: Schema.String }),
    Schema.Struct({
      kind: Schema.Literal("node"),
      start: Schema.String,
      health: Schema.String,
      idle: Schema.optionalKey(Schema.Union([Schema.Literal("never"), Schema.Finite]))
    })
  ]),
  builtAtMillis: Schema.Int
})
const decode = Schema.decodeUnknownSync(Stored)
const isArtifactId = Schema.is(Ids.ArtifactId)
const isProjectId = Schema.is(Ids.ProjectId)

const names = (folder: string): Promise<ReadonlyArray<string>> =>
  readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")) return []
    throw cause
  })

const rootOf = (dataDir: string) => join(dataDir, "artifacts")
export const projectFolder = (dataDir: string, projectId: string) => join(rootOf(dataDir), projectId)
export const folderOf = (dataDir: string, projectId: string, id: string) => join(projectFolder(dataDir, projectId), id)
export const filesOf = (folder: string) => join(folder, "files")
/** Of files anywhere. */
const pinsOf = (files: string) => `${files}.pins`

const maxLogBytes = 1024 * 1024
/** Appends to the build's log while it has less than 1 MiB: `written` counts what came before. */
export const log = async (folder: string, text: string, written: number): Promise<void> => {
  if (written <= maxLogBytes) await appendFile(join(folder, "build.log"), text, { mode: 0o600 })
}

export const write = (dataDir: string, projectId: string, { builtAtMillis, id, run, sha }: Artifact) =>
  RecordFile.write(join(folderOf(dataDir, projectId, id), "artifact.json"), { id, sha, run, builtAtMillis })

const ids = async (dataDir: string, projectId: string) =>
  (await names(projectFolder(dataDir, projectId))).filter((name) => isArtifactId(name)).sort()

/** Null when it did not come through, lost its files, or has a record that cannot be read: it is then built anew. */
const read = async (dataDir: string, projectId: string, id: string): Promise<Artifact | null> => {
  const folder = folderOf(dataDir, projectId, id)
  const found = await RecordFile.readable(join(folder, "artifact.json"), decode)
  if (found === null || found === "damaged" || !ConfinedTree.isFolder(filesOf(folder))) return null
  return { ...found, content: { _tag: "Folder", path: filesOf(folder) } }
}

/** The newest of the commit. */
export const ofCommit = async (dataDir: string, projectId: string, sha: string): Promise<Artifact | null> => {
  for (const id of (await ids(dataDir, projectId)).reverse()) {
    const artifact = await read(dataDir, projectId, id)
    if (artifact?.sha === sha) return artifact
  }
  return null
}

/** Keeps the files for a release, also over restarts. */
export const pin = (files: string, releaseId: string) => RecordFile.write(join(pinsOf(files), releaseId), {})
export const unpin = (files: string, releaseId: string) => rm(join(pinsOf(files), releaseId), { force: true })

/** Takes away the pins of releases that are no more: a process may have died before it did so itself. */
export const unpinOthers = async (dataDir: string, projectId: string, releases: ReadonlySet<string>): Promise<void> => {
  for (const id of await ids(dataDir, projectId)) {
    const files = filesOf(folderOf(dataDir, projectId, id))
    for (const name of await names(pinsOf(files))) if (!releases.has(name)) await unpin(files, name)
  }
}

/** Removes what did not come through, and of what nothing runs from all but the newest. Whoever calls builds nothing of it meanwhile. */
export const prune = async (dataDir: string, projectId: string): Promise<void> => {
  let spare = kept
  for (const id of (await ids(dataDir, projectId)).reverse()) {
    const folder = folderOf(dataDir, projectId, id)
    if ((await names(pinsOf(filesOf(folder)))).length > 0) continue
    if ((await read(dataDir, projectId, id)) !== null && spare-- > 0) continue
    await ConfinedTree.remove(folder)
  }
}

/** Projects that something was built of, with the time of the oldest. */
export const projects = async (dataDir: string) => {
  const found: Array<{ readonly projectId: Ids.ProjectId; readonly artifactId: string }> = []
  for (const projectId of await names(rootOf(dataDir))) {
    const [artifactId] = isProjectId(projectId) ? await ids(dataDir, projectId) : []
    if (artifactId !== undefined) found.push({ projectId: projectId as Ids.ProjectId, artifactId })
  }
  return found
}
