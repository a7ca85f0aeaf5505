/**
 * What the processes of an installation tell each other about a release's service, as small files in the release's folder: who runs it
 * (`service.lock`), where it is reached once it answers (`service.json`), when others asked for it (`service.asked`), and why it could not be
 * woken (`service.failed`). A service that nobody runs sleeps: no record says so, so that none can be wrong after a crash.
 */
import type * as Ids from "@rdev/core/domain/Ids"
import type { EnvironmentName } from "@rdev/core/ports/infra/Deployer"
import { Schema } from "effect"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import * as RecordFile from "../records/RecordFile.ts"
import * as Records from "./ReleaseRecords.ts"

type Release = Records.ReleaseRecord
const fileOf = (dataDir: string, projectId: string, { environment, id }: Release, name: string) =>
  join(Records.folderOf(dataDir, projectId, environment, id), name)

/** Held by the process that runs the release's service. */
export const lockOf = (dataDir: string, projectId: string, record: Release) =>
  fileOf(dataDir, projectId, record, "service.lock")

const decodeHome = Schema.decodeUnknownSync(Schema.Struct({ home: Schema.String }))
/** The folder with the socket of the release's service, whichever process runs it. */
export const readHome = async (dataDir: string, projectId: string, record: Release): Promise<string | null> =>
  (await RecordFile.read(fileOf(dataDir, projectId, record, "service.json"), decodeHome))?.home ?? null
export const writeHome = (dataDir: string, projectId: string, record: Release, home: string) =>
  RecordFile.write(fileOf(dataDir, projectId, record, "service.json"), { home })
export const removeHome = (dataDir: string, projectId: string, record: Release) =>
  rm(fileOf(dataDir, projectId, record, "service.json"), { force: true })

const decodeAsked = Schema.decodeUnknownSync(Schema.Struct({ atMillis: Schema.Int }))
/** When another process than the one that runs it last passed something on; 0 = never. */
export const readAsked = async (dataDir: string, projectId: string, record: Release): Promise<number> => {
  const found = await RecordFile.readable(fileOf(dataDir, projectId, record, "service.asked"), decodeAsked)
  return found === null || found === "damaged" ? 0 : found.atMillis
}
export const writeAsked = (dataDir: string, projectId: string, record: Release, atMillis: number) =>
  RecordFile.write(fileOf(dataDir, projectId, record, "service.asked"), { atMillis })

const Failed = Schema.Struct({ atMillis: Schema.Int, message: Schema.String })
export type Failed = typeof Failed.Type
const decodeFailed = Schema.decodeUnknownSync(Failed)
/** Why the last attempt to wake it came to nothing; null = it did not fail. */
export const readFailed = async (dataDir: string, projectId: string, record: Release): Promise<Failed | null> => {
  const found = await RecordFile.readable(fileOf(dataDir, projectId, record, "service.failed"), decodeFailed)
  return found === "damaged" ? null : found
}
export const writeFailed = (dataDir: string, projectId: string, record: Release, failed: Failed) =>
  RecordFile.write(fileOf(dataDir, projectId, record, "service.failed"), failed)
export const removeFailed = (dataDir: string, projectId: string, record: Release) =>
  rm(fileOf(dataDir, projectId, record, "service.failed"), { force: true })

/** `<dataDir>/services/<projectId>.<environment>` stands for each environment whose live release has a service that never sleeps, so that few are looked after. */
const servicesOf = (dataDir: string) => join(dataDir, "services")
export const mark = (dataDir: string, projectId: string, environment: EnvironmentName) =>
  RecordFile.write(join(servicesOf(dataDir), `${projectId}.${environment}`), {})
export const unmark = (dataDir: string, projectId: string, environment: EnvironmentName) =>
  rm(join(servicesOf(dataDir), `${projectId}.${environment}`), { force: true })
export const marked = async (
  dataDir: string
): Promise<ReadonlyArray<{ readonly projectId: Ids.ProjectId; readonly environment: EnvironmentName }>> =>
  (await Records.names(servicesOf(dataDir))).flatMap((name) => {
    const [projectId, environment] = name.split(".")
    const known = Records.environments.find((one) => one === environment)
    return known !== undefined && Records.isProjectId(projectId) ? [{ projectId, environment: known }] : []
  })

/** After how long without a request its service sleeps; null = never. */
export const idleMillis = ({ config }: Release, byDefault: number | null): number | null => {
  const idle = config.kind === "node" ? config.idle : undefined
  return idle === undefined ? byDefault : idle === "never" ? null : idle * 60_000
}
