/**
 * Runs on disk: `<dataDir>/ci/<projectId>/` holds `ci.json` (the mark), `keys/<digest>.json` (key → run) and
 * `runs/<runId>/run.json` with `events.ndjson` beside it. The log is only appended to; the record is replaced whole.
 */
import * as Ids from "@rdev/core/domain/Ids"
import { linesOf } from "@rdev/core/domain/LineText"
import type { CiEvent, CiRun } from "@rdev/core/ports/infra/Ci"
import { Schema } from "effect"
import { createHash } from "node:crypto"
import { appendFile, mkdir, open, readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import * as RecordFile from "../records/RecordFile.ts"

/** Runs kept per project; the oldest leave with their logs. */
export const keptRuns = 100
/** Log of one run; what comes after is dropped with a note. */
export const maxLogBytes = 16 * 1024 * 1024

const StepRecord = Schema.Struct({
  name: Schema.String,
  status: Schema.Literals(["pending", "running", "success", "failure", "skipped"]),
  exitCode: Schema.NullOr(Schema.Int),
  durationMillis: Schema.NullOr(Schema.Int)
})
export const RunRecord = Schema.Struct({
  id: Ids.RunId,
  sha: Schema.String,
  status: Schema.Literals(["running", "green", "red", "infra", "cancelled"]),
  steps: Schema.Array(StepRecord),
  reason: Schema.NullOr(Schema.String),
  durationMillis: Schema.NullOr(Schema.Int),
  branch: Schema.String,
  event: Schema.String,
  startedAtMillis: Schema.Int
})
export type RunRecord = typeof RunRecord.Type
const LogEvent = Schema.TaggedUnion({
  StepStarted: { step: Schema.String },
  Output: { step: Schema.String, stream: Schema.Literals(["stdout", "stderr"]), line: Schema.String },
  StepEnded: {
    step: Schema.String,
    status: Schema.Literals(["success", "failure", "skipped"]),
    exitCode: Schema.NullOr(Schema.Int),
    durationMillis: Schema.Int
  }
})
export type LogEvent = Exclude<CiEvent, { readonly _tag: "Ended" }>

const decodeRun = Schema.decodeUnknownSync(RunRecord)
const decodeEvent = Schema.decodeUnknownSync(LogEvent)
const decodeKey = Schema.decodeUnknownSync(Schema.Struct({ runId: Ids.RunId }))
const decodeMark = Schema.decodeUnknownSync(Schema.Struct({ name: Schema.String }))
const isProjectId = Schema.is(Ids.ProjectId)
const isRunId = Schema.is(Ids.RunId)

export const view = ({ id, sha, status, steps, reason, durationMillis }: RunRecord): CiRun => ({
  id,
  sha,
  status,
  steps,
  reason,
  durationMillis
})

const names = (folder: string): Promise<ReadonlyArray<string>> =>
  readdir(folder).catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
    throw cause
  })

export const projectFolder = (dataDir: string, projectId: string): string => join(dataDir, "ci", projectId)
const runFolder = (dataDir: string, projectId: string, id: string) =>
  join(projectFolder(dataDir, projectId), "runs", id)
/** Held by the process that executes the run. */
export const lockOf = (dataDir: string, projectId: string, id: string) =>
  join(runFolder(dataDir, projectId, id), "lock")
const cancelFile = (dataDir: string, projectId: string, id: string) =>
  join(runFolder(dataDir, projectId, id), "cancel.json")
/** Says to the process that executes the run that it is to end. */
export const askToCancel = (dataDir: string, projectId: string, id: string) =>
  RecordFile.write(cancelFile(dataDir, projectId, id), {})
export const isToBeCancelled = async (dataDir: string, projectId: string, id: string) =>
  (await RecordFile.read(cancelFile(dataDir, projectId, id), () => true)) === true
const keyFile = (dataDir: string, projectId: string, key: string) =>
  join(projectFolder(dataDir, projectId), "keys", `${createHash("sha256").update(key).digest("hex")}.json`)

export const readMark = (dataDir: string, projectId: string) =>
  RecordFile.read(join(projectFolder(dataDir, projectId), "ci.json"), decodeMark)
export const writeMark = (dataDir: string, projectId: string, name: string) =>
  RecordFile.write(join(projectFolder(dataDir, projectId), "ci.json"), { name })

export const runOfKey = async (dataDir: string, projectId: string, key: string): Promise<RunRecord | null> => {
  const found = await RecordFile.readable(keyFile(dataDir, projectId, key), decodeKey)
  return found === null || found === "damaged" ? null : read(dataDir, projectId, found.runId)
}
export const writeKey = (dataDir: string, projectId: string, key: string, runId: string) =>
  RecordFile.write(keyFile(dataDir, projectId, key), { runId })

export const read = async (dataDir: string, projectId: string, id: string): Promise<RunRecord | null> =>
  isRunId(id) && isProjectId(projectId)
    ? RecordFile.read(join(runFolder(dataDir, projectId, id), "run.json"), decodeRun)
    : null
export const write = (dataDir: string, projectId: string, record: RunRecord): Promise<void> =>
  RecordFile.write(join(runFolder(dataDir, projectId, record.id), "run.json"), record)

export const append = async (
  dataDir: string,
  projectId: string,
  id: string,
  events: ReadonlyArray<LogEvent>
): Promise<void> => {
  const folder = runFolder(dataDir, projectId, id)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await appendFile(join(folder, "events.ndjson"), events.map((event) => `${JSON.stringify(event)}\n`).join(""), {
    mode: 0o600
  })
}

/** Events from a byte offset, at most about 256 KiB of them, and the offset after the last complete line. */
export const readEvents = async (
  dataDir: string,
  projectId: string,
  id: string,
  offset: number
): Promise<{ readonly events: ReadonlyArray<LogEvent>; readonly offset: number }> => {
  const path = join(runFolder(dataDir, projectId, id), "events.ndjson")
  const size = await stat(path).then(
    (s) => s.size,
    (cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return 0
      throw cause
    }
  )
  if (size <= offset) return { events: [], offset }
  const file = await open(path, "r")
  try {
    const buffer = Buffer.alloc(Math.min(size - offset, 256 * 1024))
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, offset)
    const end = buffer.lastIndexOf(10, bytesRead - 1)
    const lines = linesOf(buffer.toString("utf8", 0, end + 1)).filter((line) => line !== "")
    return { events: lines.map((line) => decodeEvent(JSON.parse(line))), offset: offset + end + 1 }
  } finally {
    await file.close()
  }
}

/** Names of the folders in which runs are executed: of the runs. */
export const workFolders = (root: string): Promise<ReadonlyArray<string>> => names(root)

export interface RunRef {
  readonly projectId: string
  readonly id: string
}
/** Every run that has a folder here. */
export const runs = async (dataDir: string): Promise<ReadonlyArray<RunRef>> => {
  const projects = (await names(join(dataDir, "ci"))).filter((name) => isProjectId(name))
  return (
    await Promise.all(
      projects.map(async (projectId) =>
        (await names(join(projectFolder(dataDir, projectId), "runs"))).map((id) => ({ projectId, id }))
      )
    )
  ).flat()
}

/** Removes the oldest ended runs beyond `keptRuns`, with the keys that point to them. */
export const prune = async (dataDir: string, projectId: string): Promise<void> => {
  const ids = [...(await names(join(projectFolder(dataDir, projectId), "runs")))].sort()
  if (ids.length <= keptRuns) return
  const gone = new Set<string>()
  for (const id of ids.slice(0, ids.length - keptRuns)) {
    // One that cannot be read has ended long ago: this is the oldest of more than a hundred.
    const run = isRunId(id)
      ? await RecordFile.readable(join(runFolder(dataDir, projectId, id), "run.json"), decodeRun)
      : null
    if (run !== "damaged" && run?.status === "running") continue
    await rm(runFolder(dataDir, projectId, id), { recursive: true, force: true })
    gone.add(id)
  }
  const keys = join(projectFolder(dataDir, projectId), "keys")
  for (const name of await names(keys)) {
    const key = await RecordFile.readable(join(keys, name), decodeKey)
    if (key === "damaged" || (key !== null && gone.has(key.runId))) await rm(join(keys, name), { force: true })
  }
}
