/**
 * The one way in which the host enters a tree that a sandbox could write: one segment at a time, each relative to the open folder
 * before it, never through a link. What a name stands for is looked at without opening it, so that a pipe, a socket or a device is
 * neither waited for nor touched.
 *
 * On Linux a folder is held by its descriptor and its entries are named `/proc/self/fd/<n>/<name>`, Node's way to openat(2): a folder
 * that is swapped for a link meanwhile leads nowhere. macOS has no such names: there each open carries O_NOFOLLOW_ANY (no segment may
 * be a link), but a change (make, rename, remove, chown) goes by its path, and a process that swaps a folder in that very moment can
 * lead it astray. Neither resolves links; whoever wants that reads them and decides (ConfinedFiles, ConfinedCopy).
 *
 * These calls do not yield: on a local disk one takes microseconds, and handing it to a thread takes ten times that (on a busy machine
 * a thousand times). Work on whole trees takes a `breath` between entries.
 */
import {
  chmodSync,
  closeSync,
  constants,
  createReadStream,
  type Dirent,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  opendirSync,
  openSync,
  read,
  readlinkSync,
  readSync,
  realpathSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  write,
  writeSync
} from "node:fs"
import { basename, dirname, join } from "node:path"
import type { Readable } from "node:stream"
import { setImmediate } from "node:timers/promises"
import { promisify } from "node:util"
import { invalid } from "../LocalFailure.ts"

export const viaDescriptors = process.platform === "linux"
/** Linux: what is at a name, without opening it. Node has no constant for it. */
const O_PATH = 0x200000
/** macOS 11 and newer: no segment of the path may be a link. */
const noFollow = constants.O_NOFOLLOW | (process.platform === "darwin" ? 0x20000000 : 0)
const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | noFollow

/** One segment. Bytes where it may be a name that is not UTF-8. */
export type Name = string | Buffer
export interface Folder {
  readonly fd: number
  /** Where it was found; only for messages on Linux. */
  readonly path: string
}

export const codeOf = (cause: unknown): string | null =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null
export const isMissing = (cause: unknown): boolean => codeOf(cause) === "ENOENT"
/** Opening a folder failed because there is a link, or something else that is no folder. */
export const isNoFolder = (cause: unknown): boolean => ["ELOOP", "ENOTDIR", "EMLINK"].includes(codeOf(cause) ?? "")
/** A path for a message: no control characters, no end in sight cut off. */
export const shown = (path: string): string => {
  const text = path.length > 300 ? `${path.slice(0, 300)}…` : path
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return /[\u0000-\u001f\u007f-\u009f]/.test(text) ? JSON.stringify(text) : text
}

/** So much is read or written in one go without handing it to a thread. */
export const smallBytes = 64 * 1024
const sliceMillis = 4
/** To be awaited now and then in a long piece of work: lets others have their turn when it has gone on for 4 ms. */
export const breath = (): (() => Promise<void> | undefined) => {
  let since = performance.now()
  return () =>
    performance.now() - since < sliceMillis
      ? undefined
      : setImmediate().then(() => {
          since = performance.now()
        })
}

const requireSegment = (name: Name): void => {
  const text = typeof name === "string" ? name : name.toString("latin1")
  if (text === "" || text === "." || text === ".." || text.includes("/") || text.includes("\0"))
    throw invalid("path", `${JSON.stringify(text)} is not one segment of a path`)
}
/** The path of an entry, for system calls. */
export const at = (folder: Folder, name: Name): string | Buffer => {
  requireSegment(name)
  if (!viaDescriptors) return join(folder.path, name.toString())
  const prefix = `/proc/self/fd/${folder.fd}/`
  return typeof name === "string" ? prefix + name : Buffer.concat([Buffer.from(prefix), name])
}
const self = (folder: Folder): string => (viaDescriptors ? `/proc/self/fd/${folder.fd}` : folder.path)

export const close = (opened: { readonly fd: number }): void => closeSync(opened.fd)

/**
 * The folder at a path whose parents only the server writes (they may be links). The last segment is not trusted: a link in its
 * place is refused.
 */
export const openRoot = (path: string): Folder => {
  const real = viaDescriptors ? path : join(realpathSync(dirname(path)), basename(path))
  try {
    return { fd: openSync(real, folderFlags), path: real }
  } catch (cause) {
    throw isNoFolder(cause)
      ? invalid("path", `${path} is not a folder but a link or a file; it was changed from outside`)
      : cause
  }
}
/** The real path of such a folder, for programs that take a path. */
export const realRoot = (path: string): string => {
  close(openRoot(path))
  return join(realpathSync(dirname(path)), basename(path))
}
/** The folder around a path, whose last segment only the server writes too. */
export const openParent = (path: string): Folder => openRoot(realpathSync(dirname(path)))

export const openFolder = (parent: Folder, name: Name): Folder => ({
  fd: openSync(at(parent, name), folderFlags),
  path: join(parent.path, name.toString())
})

/** Opens it, made before when it is not there. */
export const makeFolder = (
  parent: Folder,
  name: Name,
  mode: number
): { readonly folder: Folder; readonly made: boolean } => {
  let made = true
  try {
    mkdirSync(at(parent, name), { mode })
  } catch (cause) {
    if (codeOf(cause) !== "EEXIST") throw cause
    made = false
  }
  return { folder: openFolder(parent, name), made }
}

export type Kind = "file" | "folder" | "link" | "other"
export interface Found {
  readonly kind: Kind
  readonly stats: Stats
}
const foundOf = (stats: Stats): Found => ({
  stats,
  kind: stats.isFile() ? "file" : stats.isDirectory() ? "folder" : stats.isSymbolicLink() ? "link" : "other"
})

/** What stands at a name, held while `use` is asked about it; `path` leads to just that, for changing its mode or opening it. */
const pinned = <A>(folder: Folder, name: Name, use: (found: Found, path: string | Buffer) => A): A => {
  if (!viaDescriptors) return use(foundOf(lstatSync(at(folder, name))), at(folder, name))
  const fd = openSync(at(folder, name), O_PATH | constants.O_NOFOLLOW)
  try {
    return use(foundOf(fstatSync(fd)), `/proc/self/fd/${fd}`)
  } finally {
    closeSync(fd)
  }
}
export const look = (folder: Folder, name: Name): Found => foundOf(lstatSync(at(folder, name)))

export interface PlainFile {
  readonly fd: number
  readonly stats: Stats
}
/** The plain file of that name, opened; otherwise what stands there instead. */
export const openFile = (folder: Folder, name: Name): PlainFile | Exclude<Kind, "file"> =>
  pinned(folder, name, ({ kind, stats: before }, path) => {
    if (kind !== "file") return kind
    // Only where nothing is pinned may it be something else by now: then no link, and no pipe that nobody writes to.
    const fd = openSync(
      path,
      constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | (viaDescriptors ? 0 : noFollow)
    )
    const stats = fstatSync(fd)
    if (stats.isFile() && stats.ino === before.ino && stats.dev === before.dev) return { fd, stats }
    closeSync(fd)
    throw invalid("path", "it was changed while it was read")
  })

/** Bytes from `start` to `end`, that one included. The descriptor stays open. */
export const contents = (fd: number, start: number, end: number): Readable & AsyncIterable<Buffer> =>
  createReadStream("", { fd, autoClose: false, start, end })
const writeSome = promisify(write)
/** Writes everything at the descriptor's position. A little at once, more by a thread. */
export const writeAll = async (fd: number, content: Uint8Array | string): Promise<void> => {
  const bytes = typeof content === "string" ? Buffer.from(content, "utf8") : content
  for (let done = 0; done < bytes.byteLength;) {
    const rest = bytes.byteLength - done
    done +=
      rest <= smallBytes ? writeSync(fd, bytes, done, rest) : (await writeSome(fd, bytes, done, rest)).bytesWritten
  }
}

const readSome = promisify(read)
/** The next piece; a small buffer is filled at once, a larger one by a thread. */
export const readPiece = async (fd: number, buffer: Buffer): Promise<number> =>
  buffer.byteLength <= smallBytes
    ? readSync(fd, buffer, 0, buffer.byteLength, null)
    : (await readSome(fd, buffer, 0, buffer.byteLength, null)).bytesRead
/** Bytes `from` to `to`, at a place of the file. */
export const writeAt = async (fd: number, bytes: Buffer, from: number, to: number, place: number): Promise<void> => {
  for (let done = from; done < to;)
    done +=
      to - done <= smallBytes
        ? writeSync(fd, bytes, done, to - done, place + done - from)
        : (await writeSome(fd, bytes, done, to - done, place + done - from)).bytesWritten
}
export const setSize = (fd: number, bytes: number): void => ftruncateSync(fd, bytes)

/** A new file of ours; fails when anything has the name. */
export const createFile = (folder: Folder, name: Name, mode: number): number =>
  openSync(at(folder, name), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow, mode)

/** Entries in the system's order, not held in memory together. Their types are a hint of the moment. */
export function* entries(folder: Folder): Generator<Dirent<Buffer>> {
  // The declaration knows names as text only; with this encoding they are bytes.
  const listing = opendirSync(self(folder), { encoding: "buffer" as BufferEncoding, bufferSize: 256 })
  try {
    for (let entry = listing.readSync(); entry !== null; entry = listing.readSync())
      yield entry as unknown as Dirent<Buffer>
  } finally {
    listing.closeSync()
  }
}

export const linkTarget = (folder: Folder, name: Name): string => readlinkSync(at(folder, name))
export const makeLink = (folder: Folder, name: Name, target: string | Buffer): void =>
  symlinkSync(target, at(folder, name))
/** Removes a file, a link or whatever is no folder. */
export const removeFile = (folder: Folder, name: Name): void => unlinkSync(at(folder, name))
export const removeFolder = (folder: Folder, name: Name): void => rmdirSync(at(folder, name))
export const move = (from: Folder, name: Name, to: Folder, newName: Name): void =>
  renameSync(at(from, name), at(to, newName))
/** Changes the owner of the entry itself, also of a link. */
export const chownEntry = (folder: Folder, name: Name, uid: number, gid: number): void =>
  lchownSync(at(folder, name), uid, gid)
export const chown = (opened: { readonly fd: number }, uid: number, gid: number): void =>
  fchownSync(opened.fd, uid, gid)
export const chmod = (opened: { readonly fd: number }, mode: number): void => fchmodSync(opened.fd, mode)

/** Makes a folder accessible for this user, whose it is. Gives the mode that it had, when that was changed. */
export const unlock = (parent: Folder, name: Name): number | null =>
  pinned(parent, name, ({ kind, stats }, path) => {
    if (kind !== "folder" || (stats.mode & 0o700) === 0o700) return null
    chmodSync(path, (stats.mode & 0o7777) | 0o700)
    return stats.mode & 0o7777
  })
/** `openFolder` of one that may forbid it. `mode`: what to give it back, when it was changed. */
export const openByForce = (parent: Folder, name: Name): { readonly folder: Folder; readonly mode: number | null } => {
  const mode = unlock(parent, name)
  return { folder: openFolder(parent, name), mode }
}
