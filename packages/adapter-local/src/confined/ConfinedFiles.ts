/**
 * Reads and writes files below a folder in which somebody hostile works. Links are resolved here, by ConfinedFolder's rules, and only
 * inside the folder. Only plain files are opened; writes are to a new file that is renamed into place.
 */
import { randomBytes } from "node:crypto"
import * as Folder from "./ConfinedFolder.ts"
import { invalid } from "../LocalFailure.ts"

export const maxFileBytes = 256 * 1024 * 1024
const maxLinks = 16

export interface Owner {
  readonly uid: number
  readonly gid: number
}
export interface Confined {
  /** The folder on the host. */
  readonly root: string
  /** The same folder as the inside calls it: absolute links to it are understood. */
  readonly inside: string
  readonly owner: Owner | null
}

/** `a/./b` → [a, b]; an absolute path must lie inside. `..` never leads anywhere. */
export const segmentsOf = (path: string, inside: string): Array<string> => {
  if (path.includes("\0")) throw invalid("path", "it contains a NUL character")
  let relative = path
  if (path.startsWith("/")) {
    if (path !== inside && !path.startsWith(`${inside}/`))
      throw invalid("path", `${Folder.shown(path)} is outside ${inside}`)
    relative = path.slice(inside.length)
  }
  const segments = relative.split("/").filter((segment) => segment !== "" && segment !== ".")
  if (segments.includes("..")) throw invalid("path", `${Folder.shown(path)} contains ".."`)
  if (segments.length === 0) throw invalid("path", `${JSON.stringify(path)} names no file`)
  return segments
}

/** Where a link that stands in `before` leads, as segments from the root; null when it leads out. */
export const resolveLink = (target: string, before: ReadonlyArray<string>, inside: string): Array<string> | null => {
  const absolute = target === inside || target.startsWith(`${inside}/`)
  if (target.startsWith("/") && !absolute) return null
  const resolved = absolute ? [] : [...before]
  for (const segment of (absolute ? target.slice(inside.length) : target).split("/")) {
    if (segment === "" || segment === ".") continue
    if (segment !== "..") resolved.push(segment)
    else if (resolved.pop() === undefined) return null
  }
  return resolved
}

export interface Way {
  readonly segments: ReadonlyArray<string>
  /** For messages. */
  readonly path: string
  readonly inside: string
  /** What the root is, for messages. */
  readonly of: string
  /** Folders on the way are made, for this owner; false = they must be there. */
  readonly make: Owner | null | false
}
/** The folder that holds the last segment, its name, and both as segments from the root, links resolved. */
export type Use<A> = (folder: Folder.Folder, name: string, segments: ReadonlyArray<string>) => Promise<A | null>

const step = (folder: Folder.Folder, name: string, make: Way["make"]): Folder.Folder | null => {
  try {
    return Folder.openFolder(folder, name)
  } catch (cause) {
    if (Folder.isNoFolder(cause)) return null
    if (make === false || !Folder.isMissing(cause)) throw cause
  }
  const { folder: inner, made } = Folder.makeFolder(folder, name, 0o755)
  if (made && make !== null) Folder.chown(inner, make.uid, make.gid)
  return inner
}
/** Null when it is no link. */
const targetOf = (folder: Folder.Folder, name: string): string | null => {
  try {
    return Folder.linkTarget(folder, name)
  } catch (cause) {
    if (Folder.codeOf(cause) === "EINVAL") return null
    throw cause
  }
}

/**
 * Walks to the folder that holds the last segment and hands it to `use` with the name. Links on the way, and the last segment when
 * `use` answers null, are resolved inside the root.
 */
export const walk = async <A>(root: Folder.Folder, way: Way, use: Use<A>): Promise<A> => {
  const { inside, make } = way
  const path = Folder.shown(way.path)
  let { segments } = way
  for (let links = 0; links <= maxLinks; links++) {
    const opened: Array<Folder.Folder> = []
    try {
      let folder = root
      let redirected: Array<string> | null = null
      for (const [index, name] of segments.entries()) {
        const last = index === segments.length - 1
        if (last) {
          const answer = await use(folder, name, segments)
          if (answer !== null) return answer
        } else {
          const inner = step(folder, name, make)
          if (inner !== null) {
            opened.push(inner)
            folder = inner
            continue
          }
        }
        const target = targetOf(folder, name)
        if (target === null)
          throw invalid("path", `${path}: ${Folder.shown(name)} is not a ${last ? "plain file" : "folder"}`)
        const resolved = resolveLink(target, segments.slice(0, index), inside)
        if (resolved === null) throw invalid("path", `${path} is a symbolic link that leads out of ${way.of}`)
        redirected = [...resolved, ...segments.slice(index + 1)]
        break
      }
      if (redirected === null || redirected.length === 0) throw invalid("path", `${path} is a folder`)
      segments = redirected
    } finally {
      for (const one of opened) Folder.close(one)
    }
  }
  throw invalid("path", `${path} goes through more than ${maxLinks} symbolic links`)
}

const within = async <A>(confined: Confined, path: string, make: boolean, use: Use<A>): Promise<A> => {
  const segments = segmentsOf(path, confined.inside)
  const root = Folder.openRoot(confined.root)
  try {
    return await walk(
      root,
      { segments, path, inside: confined.inside, of: "the workspace", make: make ? confined.owner : false },
      use
    )
  } finally {
    Folder.close(root)
  }
}

const notPlain = (path: string) => invalid("path", `${Folder.shown(path)} is not a plain file`)
const tooLarge = (path: string, has: string) => invalid("path", `${Folder.shown(path)} has ${has}`)

export const read = (confined: Confined, path: string): Promise<Uint8Array> =>
  within(confined, path, false, async (folder, name) => {
    const found = Folder.openFile(folder, name)
    if (found === "link") return null
    if (typeof found === "string") throw notPlain(path)
    const { fd, stats } = found
    try {
      if (stats.size > maxFileBytes) throw tooLarge(path, `${stats.size} bytes, more than ${maxFileBytes}`)
      const chunks: Array<Buffer> = []
      let size = 0
      for await (const chunk of Folder.contents(fd, 0, maxFileBytes)) {
        size += chunk.byteLength
        // It may grow while it is read.
        if (size > maxFileBytes) throw tooLarge(path, `more than ${maxFileBytes} bytes`)
        chunks.push(chunk)
      }
      return Buffer.concat(chunks)
    } finally {
      Folder.close(found)
    }
  })

/** Permission bits of the plain file that a write replaces, those of a new file when there is none; null = a link. */
const modeAt = (folder: Folder.Folder, name: string, path: string): number | null => {
  try {
    const { kind, stats } = Folder.look(folder, name)
    if (kind === "link") return null
    if (kind !== "file") throw notPlain(path)
    return stats.mode & 0o777
  } catch (cause) {
    if (Folder.isMissing(cause)) return 0o644
    throw cause
  }
}

export const write = async (confined: Confined, path: string, content: Uint8Array | string): Promise<void> => {
  await within(confined, path, true, async (folder, name) => {
    const mode = modeAt(folder, name, path)
    if (mode === null) return null
    const temporary = `.rdev-${randomBytes(8).toString("hex")}`
    const fd = Folder.createFile(folder, temporary, mode)
    try {
      await Folder.writeAll(fd, content)
      Folder.chmod({ fd }, mode)
      if (confined.owner !== null) Folder.chown({ fd }, confined.owner.uid, confined.owner.gid)
      Folder.move(folder, temporary, folder, name)
    } catch (cause) {
      Folder.removeFile(folder, temporary)
      throw cause
    } finally {
      Folder.close({ fd })
    }
    return true
  })
}
