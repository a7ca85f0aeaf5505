/**
 * Reads and writes files below a folder in which somebody hostile works. Every path segment is opened relative to the one before
 * (through `/proc/self/fd`, Node's way to openat) without following links; links are resolved here and only inside the folder.
 * Only plain files are opened; writes are to a new file that is renamed into place.
 */
import { randomBytes } from "node:crypto"
import { constants, type Stats } from "node:fs"
import { type FileHandle, mkdir, open, readlink, realpath, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import { invalid } from "./LocalFailure.ts"

export const maxFileBytes = 256 * 1024 * 1024
const maxLinks = 16

export interface Owner { readonly uid: number; readonly gid: number }
export interface Confined {
  /** The folder on the host. */
  readonly root: string
  /** The same folder as the inside calls it: absolute links to it are understood. */
  readonly inside: string
  readonly owner: Owner | null
}

const viaDescriptors = process.platform === "linux"
const code = (cause: unknown): string | null => cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : null

/** `a/./b` → [a, b]; an absolute path must lie inside. `..` never leads anywhere. */
export const segmentsOf = (path: string, inside: string): Array<string> => {
  if (path.includes("\0")) throw invalid("path", "it contains a NUL character")
  let relative = path
  if (path.startsWith("/")) {
    if (path !== inside && !path.startsWith(`${inside}/`)) throw invalid("path", `${path} is outside ${inside}`)
    relative = path.slice(inside.length)
  }
  const segments = relative.split("/").filter((segment) => segment !== "" && segment !== ".")
  if (segments.includes("..")) throw invalid("path", `${path} contains ".."`)
  if (segments.length === 0) throw invalid("path", `${JSON.stringify(path)} names no file`)
  return segments
}

/** Where a link inside the folder leads, as segments from the folder; refuses those that lead out. */
const resolveLink = (target: string, before: ReadonlyArray<string>, inside: string, path: string): Array<string> => {
  const absolute = target === inside || target.startsWith(`${inside}/`)
  if (target.startsWith("/") && !absolute) throw invalid("path", `${path} is a symbolic link that leads out of the workspace`)
  const resolved = absolute ? [] : [...before]
  for (const segment of (absolute ? target.slice(inside.length) : target).split("/")) {
    if (segment === "" || segment === ".") continue
    if (segment !== "..") resolved.push(segment)
    else if (resolved.pop() === undefined) throw invalid("path", `${path} is a symbolic link that leads out of the workspace`)
  }
  return resolved
}

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const at = (folder: { readonly handle: FileHandle; readonly path: string }, name: string) =>
  viaDescriptors ? `/proc/self/fd/${folder.handle.fd}/${name}` : join(folder.path, name)

interface Folder { readonly handle: FileHandle; readonly path: string }

const openFolder = async (parent: Folder, name: string, make: Owner | null | false): Promise<Folder> => {
  const path = join(parent.path, name)
  try {
    return { handle: await open(at(parent, name), folderFlags), path }
  } catch (cause) {
    if (code(cause) !== "ENOENT" || make === false) throw cause
  }
  await mkdir(at(parent, name), { mode: 0o755 }).catch((cause: unknown) => { if (code(cause) !== "EEXIST") throw cause })
  const handle = await open(at(parent, name), folderFlags)
  if (make !== null) await handle.chown(make.uid, make.gid)
  return { handle, path }
}

const isLink = (cause: unknown) => ["ELOOP", "ENOTDIR", "EMLINK"].includes(code(cause) ?? "")

/**
 * Walks to the folder that holds the last segment and hands it to `use` with the name. Links on the way, and the last segment when
 * `use` answers null, are resolved inside the folder.
 */
const walk = async <A>(confined: Confined, path: string, make: boolean, use: (folder: Folder, name: string) => Promise<A | null>): Promise<A> => {
  let segments = segmentsOf(path, confined.inside)
  for (let links = 0; links <= maxLinks; links++) {
    const opened: Array<Folder> = []
    try {
      let folder: Folder = { handle: await open(await realpath(confined.root), folderFlags), path: await realpath(confined.root) }
      opened.push(folder)
      let redirected: Array<string> | null = null
      for (const [index, name] of segments.entries()) {
        const last = index === segments.length - 1
        if (last) {
          const answer = await use(folder, name)
          if (answer !== null) return answer
        } else {
          try {
            folder = await openFolder(folder, name, make ? confined.owner : false)
            opened.push(folder)
            continue
          } catch (cause) {
            if (!isLink(cause)) throw cause
          }
        }
        const target = await readlink(at(folder, name)).catch((cause: unknown) => {
          throw code(cause) === "EINVAL" ? invalid("path", `${path}: ${name} is not a ${last ? "plain file" : "folder"}`) : cause
        })
        redirected = [...resolveLink(target, segments.slice(0, index), confined.inside, path), ...segments.slice(index + 1)]
        break
      }
      if (redirected === null || redirected.length === 0) throw invalid("path", `${path} is a folder`)
      segments = redirected
    } finally {
      for (const { handle } of opened) await handle.close()
    }
  }
  throw invalid("path", `${path} goes through more than ${maxLinks} symbolic links`)
}

const requirePlain = (found: Stats, path: string): void => {
  if (!found.isFile()) throw invalid("path", `${path} is not a plain file`)
  if (found.size > maxFileBytes) throw invalid("path", `${path} has ${found.size} bytes, more than ${maxFileBytes}`)
}

export const read = (confined: Confined, path: string): Promise<Uint8Array> =>
  walk(confined, path, false, async (folder, name) => {
    let handle: FileHandle
    try {
      // O_NONBLOCK: opening a pipe that nobody writes to must not hang.
      handle = await open(at(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    } catch (cause) {
      if (code(cause) === "ENXIO") throw invalid("path", `${path} is not a plain file`)
      if (isLink(cause)) return null
      throw cause
    }
    try {
      requirePlain(await handle.stat(), path)
      const chunks: Array<Buffer> = []
      let size = 0
      for await (const chunk of handle.createReadStream({ autoClose: false, end: maxFileBytes })) {
        size += (chunk as Buffer).byteLength
        // It may grow while it is read.
        if (size > maxFileBytes) throw invalid("path", `${path} has more than ${maxFileBytes} bytes`)
        chunks.push(chunk as Buffer)
      }
      return Buffer.concat(chunks)
    } finally {
      await handle.close()
    }
  })

export const write = async (confined: Confined, path: string, content: Uint8Array | string): Promise<void> => {
  await walk(confined, path, true, async (folder, name) => {
    let mode = 0o644
    try {
      const there = await open(at(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const found = await there.stat().finally(() => there.close())
      if (!found.isFile()) throw invalid("path", `${path} is not a plain file`)
      mode = found.mode & 0o777
    } catch (cause) {
      if (isLink(cause)) return null
      if (code(cause) === "ENXIO") throw invalid("path", `${path} is not a plain file`)
      if (code(cause) !== "ENOENT") throw cause
    }
    const temporary = `.rdev-${randomBytes(8).toString("hex")}`
    const file = await open(at(folder, temporary), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, mode)
    try {
      await file.writeFile(content)
      await file.chmod(mode)
      if (confined.owner !== null) await file.chown(confined.owner.uid, confined.owner.gid)
    } finally {
      await file.close()
    }
    await rename(at(folder, temporary), at(folder, name)).catch(async (cause: unknown) => {
      await rm(at(folder, temporary), { force: true })
      throw cause
    })
    return true
  })
}
