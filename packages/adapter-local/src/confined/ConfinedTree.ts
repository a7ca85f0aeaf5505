/**
 * What the host does with whole trees that a sandbox could write: removes, measures and re-owns them. Links are never followed; a
 * tree may have any depth, any number of names, and folders that forbid to be read.
 */
import { randomBytes } from "node:crypto"
import { mkdirSync } from "node:fs"
import { basename, dirname } from "node:path"
import * as Confined from "./ConfinedFolder.ts"
import { fail } from "../LocalFailure.ts"

/** Folders of one path that are open at a time while a tree is walked. */
export const maxDepth = 256
const maxPasses = 100_000

/** Nothing when it is gone by now. */
const unlessMissing = <A>(work: () => A): A | undefined => {
  try {
    return work()
  } catch (cause) {
    if (Confined.isMissing(cause)) return undefined
    throw cause
  }
}

/** Empties a folder; sub-folders of others than `top` are moved up into it and not descended into, so that no depth matters. */
const empty = async (
  folder: Confined.Folder,
  top: Confined.Folder,
  breath: () => Promise<void> | undefined
): Promise<void> => {
  let passes = 0
  for (let found = true; found;) {
    found = false
    // Only a process that is still there can fill it faster than it is emptied.
    if (++passes > maxPasses)
      throw fail({ _tag: "Unavailable", message: `${Confined.shown(folder.path)} is filled while it is removed` })
    for (const entry of Confined.entries(folder)) {
      found = true
      if (!entry.isDirectory()) unlessMissing(() => Confined.removeFile(folder, entry.name))
      else if (folder === top) await removeFolder(top, entry.name, breath)
      else {
        unlessMissing(() => {
          // The system moves a folder only for who may write to it.
          Confined.unlock(folder, entry.name)
          Confined.move(folder, entry.name, top, `.rdev-gone-${randomBytes(8).toString("hex")}`)
        })
      }
      await breath()
    }
  }
}
async function removeFolder(
  top: Confined.Folder,
  name: Confined.Name,
  breath: () => Promise<void> | undefined
): Promise<void> {
  const opened = unlessMissing(() => Confined.openByForce(top, name))
  if (opened === undefined) return
  try {
    await empty(opened.folder, top, breath)
  } finally {
    Confined.close(opened.folder)
  }
  unlessMissing(() => Confined.removeFolder(top, name))
}

/** Removes whatever is at the path (whose parents only the server writes); nothing when there is nothing. */
export const remove = async (path: string): Promise<void> => {
  const parent = unlessMissing(() => Confined.openParent(path))
  if (parent === undefined) return
  const name = basename(path)
  try {
    const found = unlessMissing(() => Confined.look(parent, name))
    if (found === undefined) return
    if (found.kind !== "folder") return void unlessMissing(() => Confined.removeFile(parent, name))
    const { folder } = Confined.openByForce(parent, name)
    try {
      await empty(folder, folder, Confined.breath())
    } finally {
      Confined.close(folder)
    }
    unlessMissing(() => Confined.removeFolder(parent, name))
  } finally {
    Confined.close(parent)
  }
}

/** Whether a folder is there; a link to one is none. */
export const isFolder = (path: string): boolean => {
  const folder = unlessMissing(() => Confined.openRoot(path))
  if (folder !== undefined) Confined.close(folder)
  return folder !== undefined
}

/** Answers false to end the walk. */
type Visit = (folder: Confined.Folder, name: Buffer, kind: "folder" | "other") => boolean | void
/** Every entry below, folders before what is in them. */
const walk = async (
  folder: Confined.Folder,
  depth: number,
  breath: () => Promise<void> | undefined,
  visit: Visit
): Promise<boolean> => {
  for (const entry of Confined.entries(folder)) {
    await breath()
    const kind = entry.isDirectory() ? ("folder" as const) : ("other" as const)
    if (visit(folder, entry.name, kind) === false) return false
    if (kind !== "folder") continue
    if (depth >= maxDepth)
      throw fail({
        _tag: "ResourceExhausted",
        message: `${Confined.shown(folder.path)}: folders are nested deeper than ${maxDepth}; remove some`
      })
    let inner: ReturnType<typeof Confined.openByForce>
    try {
      inner = Confined.openByForce(folder, entry.name)
    } catch (cause) {
      // Gone, or something else by now.
      if (Confined.isMissing(cause) || Confined.isNoFolder(cause)) continue
      throw cause
    }
    try {
      if (!(await walk(inner.folder, depth + 1, breath, visit))) return false
    } finally {
      if (inner.mode !== null) Confined.chmod(inner.folder, inner.mode)
      Confined.close(inner.folder)
    }
  }
  return true
}
const walkRoot = async (root: Confined.Folder, visit: Visit): Promise<void> => {
  try {
    await walk(root, 0, Confined.breath(), visit)
  } finally {
    Confined.close(root)
  }
}

/** Bytes of the plain files below a folder, counted until `limit` is passed. */
export const measure = async (path: string, limit: number): Promise<number> => {
  let total = 0
  await walkRoot(Confined.openRoot(path), (folder, name, kind) => {
    const found = kind === "folder" ? undefined : unlessMissing(() => Confined.look(folder, name))
    if (found?.kind === "file") total += found.stats.size
    return total <= limit
  })
  return total
}

/** What a folder holds: blocks that its files really take, and how many names there are. */
export const count = async (path: string): Promise<{ readonly bytes: number; readonly files: number }> => {
  let [bytes, files] = [0, 0]
  await walkRoot(Confined.openRoot(path), (folder, name, kind) => {
    files++
    const found = kind === "folder" ? undefined : unlessMissing(() => Confined.look(folder, name))
    bytes += (found?.stats.blocks ?? 0) * 512
  })
  return { bytes, files }
}

/** How many names below a folder lead to each of these inodes. */
export const countNames = async (path: string, inodes: ReadonlySet<number>): Promise<ReadonlyMap<number, number>> => {
  const counts = new Map<number, number>()
  await walkRoot(Confined.openRoot(path), (folder, name, kind) => {
    const inode = kind === "folder" ? undefined : unlessMissing(() => Confined.look(folder, name))?.stats.ino
    if (inode !== undefined && inodes.has(inode)) counts.set(inode, (counts.get(inode) ?? 0) + 1)
  })
  return counts
}

/** Gives the folder and everything in it to a user. Links are changed themselves. */
export const chown = async (path: string, uid: number, gid: number): Promise<void> => {
  const root = Confined.openRoot(path)
  Confined.chown(root, uid, gid)
  await walkRoot(root, (folder, name) => void unlessMissing(() => Confined.chownEntry(folder, name, uid, gid)))
}

/** Makes a folder (and its parents) that only its owner may enter. */
export const own = (path: string, owner: { readonly uid: number; readonly gid: number } | null): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const parent = Confined.openParent(path)
  try {
    const { folder } = Confined.makeFolder(parent, basename(path), 0o700)
    try {
      Confined.chmod(folder, 0o700)
      if (owner !== null) Confined.chown(folder, owner.uid, owner.gid)
    } finally {
      Confined.close(folder)
    }
  } finally {
    Confined.close(parent)
  }
}
