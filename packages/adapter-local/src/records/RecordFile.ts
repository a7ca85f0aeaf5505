/** Small JSON records on disk: a reader sees the old or the new content, never a half-written one. */
import { randomBytes } from "node:crypto"
import { mkdir, open, readFile, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import { DamagedRecord } from "../LocalFailure.ts"

const missing = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR")

/** The record, or null when there is none. Content that is not what it should be is a DamagedRecord that names the file. */
export const read = async <A>(path: string, decode: (json: unknown) => A): Promise<A | null> => {
  let text: string
  try {
    text = await readFile(path, "utf8")
  } catch (cause) {
    if (missing(cause)) return null
    throw cause
  }
  try {
    return decode(JSON.parse(text))
  } catch (cause) {
    throw new DamagedRecord(path, cause)
  }
}
/** The same for records that others can do without. */
export const readable = async <A>(path: string, decode: (json: unknown) => A): Promise<A | null | "damaged"> => {
  try {
    return await read(path, decode)
  } catch (cause) {
    if (cause instanceof DamagedRecord) return "damaged"
    throw cause
  }
}

/** Writes, flushes and renames. `mode` is the permission of the file (default 0600: records may hold what others must not read). */
export const write = async (path: string, json: unknown, mode = 0o600): Promise<void> => {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`
  const file = await open(temporary, "wx", mode)
  try {
    await file.writeFile(`${JSON.stringify(json)}\n`)
    await file.datasync()
  } finally {
    await file.close()
  }
  try {
    await rename(temporary, path)
  } catch (cause) {
    await rm(temporary, { force: true })
    throw cause
  }
}
