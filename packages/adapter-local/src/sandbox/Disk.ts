/**
 * Room on the disk: how much there is, how much of it only the platform may use, and how much a folder holds. Counted are the blocks that
 * files really take, so that a sparse file costs what it uses; a file that was deleted and is still open is found by its descriptor.
 */
import { readdir, readFile, readlink, stat, statfs } from "node:fs/promises"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as Launch from "@rdev/runtime-node/Launch"
import { systemPath } from "./SandboxScript.ts"

export interface Usage {
  readonly bytes: number
  readonly files: number
}
export interface Quota extends Usage {
  readonly paths: ReadonlyArray<string>
  /** Named in messages, e.g. `workspace main`. */
  readonly what: string
}

/** `low`: the operator should act. `reserved`: commands, builds and pushes are refused. `full`: the platform itself is at risk. */
export type State = "ok" | "low" | "reserved" | "full"
export interface Room {
  readonly state: State
  readonly freeBytes: number
  readonly totalBytes: number
  readonly freeFiles: number
  readonly totalFiles: number
  readonly reserveBytes: number
}

const gibibyte = 1024 ** 3
/** 5 % of the disk, at most 1 GiB and at least 64 MiB. */
export const defaultReserve = (totalBytes: number): number =>
  Math.max(64 * 1024 ** 2, Math.min(gibibyte, Math.floor(totalBytes / 20)))
/** Of the entries that a file system can have. Some have no such number; they say 0. */
const reservedShareOfFiles = 0.01

/** Pure. */
export const judge = (
  free: {
    readonly freeBytes: number
    readonly totalBytes: number
    readonly freeFiles: number
    readonly totalFiles: number
  },
  reserveBytes: number
): Room => {
  const reserveFiles = free.totalFiles * reservedShareOfFiles
  const below = (part: number) =>
    free.freeBytes < reserveBytes * part || (free.totalFiles > 0 && free.freeFiles < reserveFiles * part)
  return { ...free, reserveBytes, state: below(0.25) ? "full" : below(1) ? "reserved" : below(2) ? "low" : "ok" }
}

/** `reserveBytes` null = the default. */
export const room = async (folder: string, reserveBytes: number | null): Promise<Room> => {
  const { bavail, blocks, bsize, ffree, files } = await statfs(folder)
  const totalBytes = blocks * bsize
  return judge(
    { freeBytes: bavail * bsize, totalBytes, freeFiles: ffree, totalFiles: files },
    reserveBytes ?? defaultReserve(totalBytes)
  )
}

/** Whether there is room for what is not the platform's own. */
export const mayWrite = ({ state }: Room): boolean => state === "ok" || state === "low"

export const shown = (bytes: number): string =>
  bytes >= gibibyte
    ? `${(bytes / gibibyte).toFixed(1)} GiB`
    : `${(bytes / 1024 ** 2).toFixed(bytes < 10 * 1024 ** 2 ? 1 : 0)} MiB`

/** Numbers, and what to do. */
export const describe = ({ freeBytes, freeFiles, reserveBytes, state, totalBytes, totalFiles }: Room): string => {
  const numbers = `${shown(freeBytes)} of ${shown(totalBytes)} are free${totalFiles > 0 ? `, ${freeFiles} of ${totalFiles} files` : ""}`
  switch (state) {
    case "ok":
      return numbers
    case "low":
      return `low: ${numbers}; below ${shown(reserveBytes)} commands, builds and pushes are refused. Free some space or enlarge the disk of the data folder`
    case "reserved":
      return `reserved: ${numbers}, which only the platform may use (${shown(reserveBytes)}); commands, builds and pushes are refused until there is more. Remove projects or files, or enlarge the disk of the data folder`
    case "full":
      return `full: ${numbers}; soon nothing can be written any more. Free space on the disk of the data folder now`
  }
}

/** Entries and blocks below folders, by `du`, in a process of its own: a million files would keep this one busy for half a minute. */
const byDu = async (paths: ReadonlyArray<string>): Promise<Usage | null> => {
  const total = async (...args: ReadonlyArray<string>): Promise<number | null> => {
    const child = await Launch.launch({
      program: "du",
      args: ["-s", "-c", ...args, "--", ...paths],
      env: { PATH: systemPath, LC_ALL: "C" }
    })
    child.stdio[2]?.resume()
    let text = ""
    for await (const chunk of child.stdio[1] ?? []) text += String(chunk)
    await child.exit
    const found = /^(\d+)\ttotal$/m.exec(text)?.[1]
    return found === undefined ? null : Number(found)
  }
  const [kibibytes, files] = await Promise.all([total("-k"), total("--inodes")])
  return kibibytes === null || files === null ? null : { bytes: kibibytes * 1024, files }
}

/** The same where `du` cannot count entries. A folder that is not there holds nothing. */
const byWalk = async (paths: ReadonlyArray<string>): Promise<Usage> => {
  const all = await Promise.all(
    paths.map((path) => ConfinedTree.count(path).catch((): Usage => ({ bytes: 0, files: 0 })))
  )
  return { bytes: all.reduce((sum, one) => sum + one.bytes, 0), files: all.reduce((sum, one) => sum + one.files, 0) }
}

let duWorks = process.platform === "linux"
export const usage = async (paths: ReadonlyArray<string>): Promise<Usage> => {
  const counted = duWorks ? await byDu(paths).catch(() => null) : null
  // A folder that has just gone leaves no total; that is no reason to give du up.
  if (counted === null && duWorks && (await byDu(["/dev/null"]).catch(() => null)) === null) duWorks = false
  return counted ?? byWalk(paths)
}

/** Bytes of files on the disk of `folder` that nothing but these processes' descriptors names any more. */
export const deletedBytes = async (pids: ReadonlyArray<number>, folder: string): Promise<number> => {
  const { dev } = await stat(folder)
  const seen = new Map<string, number>()
  for (const pid of pids) {
    for (const descriptor of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const path = `/proc/${pid}/fd/${descriptor}`
      const target = await readlink(path).catch(() => "")
      if (!target.endsWith(" (deleted)")) continue
      const found = await stat(path).catch(() => null)
      if (found?.isFile() === true && found.nlink === 0 && found.dev === dev)
        seen.set(`${found.dev}:${found.ino}`, found.blocks * 512)
    }
  }
  return [...seen.values()].reduce((sum, bytes) => sum + bytes, 0)
}

/** Processes below one, itself included. */
export const descendants = async (root: number): Promise<ReadonlyArray<number>> => {
  const children = new Map<number, Array<number>>()
  for (const name of await readdir("/proc")) {
    if (!/^\d+$/.test(name)) continue
    const text = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "")
    const parent = Number(
      text
        .slice(text.lastIndexOf(")") + 1)
        .trim()
        .split(" ")[1]
    )
    if (Number.isInteger(parent)) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [root]
  for (let i = 0; i < found.length; i++) found.push(...(children.get(found[i] ?? 0) ?? []))
  return found
}

/** Memory of processes that is theirs alone, and what their own /tmp and /dev/shm hold. */
export const memoryOf = async (pids: ReadonlyArray<number>): Promise<number> => {
  let bytes = 0
  for (const pid of pids) {
    const status = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "")
    for (const [, kibibytes] of status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB$/gm)) bytes += Number(kibibytes) * 1024
  }
  const last = pids.at(-1)
  for (const path of last === undefined ? [] : ["tmp", "dev/shm"]) {
    const held = await statfs(`/proc/${last}/root/${path}`).catch(() => null)
    // 0x01021994 = tmpfs: elsewhere /tmp is the machine's.
    if (held !== null && held.type === 0x0102_1994) bytes += (held.blocks - held.bfree) * held.bsize
  }
  return bytes
}
