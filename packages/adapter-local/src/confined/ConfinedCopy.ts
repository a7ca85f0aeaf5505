/**
 * Publishes what a build made: copies a folder of the build's files to a place that only the server writes. The copy holds plain files
 * and folders alone; a link is replaced by what it leads to when that lies inside the published folder. Whatever else stands there
 * (a link out, a pipe, a socket, a device, a file that has a name elsewhere too) fails the publication and is named. Names that begin
 * with a dot are never served and so not copied, but for `.well-known`.
 *
 * It does not rely on the build's processes being dead: each entry is held while it is copied.
 */
import { randomBytes } from "node:crypto"
import * as Files from "./ConfinedFiles.ts"
import * as Folder from "./ConfinedFolder.ts"
import * as Tree from "./ConfinedTree.ts"
import * as SparseCopy from "./SparseCopy.ts"
import { invalid, LocalFailure } from "../LocalFailure.ts"

export interface Limits {
  readonly files: number
  readonly bytes: number
  readonly depth: number
}
export const defaultLimits: Limits = { files: 100_000, bytes: 2 * 1024 ** 3, depth: 64 }

export interface Publication {
  /** The build's files on the host, and as the build called them. */
  readonly files: string
  readonly inside: string
  /** Relative to `files`; "." = all of them. */
  readonly publish: string
  /** Folder of the server's in which the copy is made. */
  readonly into: string
  readonly name: string
  readonly limits?: Limits
}
export interface Published {
  readonly files: number
  readonly bytes: number
}

const largeBytes = 1024 * 1024
const refuse = (path: string, problem: string): LocalFailure => invalid("publish", `${Folder.shown(path)} ${problem}`)
const startsWith = (segments: ReadonlyArray<string>, prefix: ReadonlyArray<string>) =>
  prefix.every((segment, index) => segments[index] === segment)
const isServed = (name: string) => !name.startsWith(".") || name === ".well-known"

/** A name as text; null when it is not UTF-8. */
const textOf = (name: Buffer): string | null => {
  const text = name.toString("utf8")
  return Buffer.from(text, "utf8").equals(name) ? text : null
}

/** What cannot be opened, in the words of who wrote the build. */
const told = (cause: unknown, path: string): unknown => {
  switch (Folder.codeOf(cause)) {
    case "EACCES":
    case "EPERM":
      return refuse(path, "may not be read; let the build give its owner the permission (chmod -R u+rX)")
    case "EEXIST":
      return refuse(
        path,
        "and another name differ only in case or form, which this machine's file system does not tell apart"
      )
    case "ENAMETOOLONG":
      return refuse(path, "has a name that is too long")
    case "ENOENT":
    case "ENOTDIR":
    case "ELOOP":
      return refuse(path, "was changed while it was published; the build left something running")
    default:
      return cause
  }
}

/** A path of the build that leads nowhere good is a matter of what it publishes. */
const asPublish = (cause: unknown): unknown =>
  cause instanceof LocalFailure && cause.reason._tag === "Invalid" && cause.reason.field === "path"
    ? invalid("publish", cause.reason.message)
    : cause

class Copy {
  readonly #publication: Publication
  readonly #limits: Limits
  readonly #root: Folder.Folder
  readonly #top: ReadonlyArray<string>
  readonly #links = new Map<number, { readonly path: string; readonly names: number; seen: number }>()
  readonly #small = Buffer.allocUnsafe(Folder.smallBytes)
  readonly #breath = Folder.breath()
  files = 0
  bytes = 0
  constructor(publication: Publication, root: Folder.Folder, top: ReadonlyArray<string>) {
    this.#publication = publication
    this.#limits = publication.limits ?? defaultLimits
    this.#root = root
    this.#top = top
  }

  /** `at`: where it really is, from the root; `shown`: as the site calls it; `around`: the real folders that this copy is in. */
  async folder(
    from: Folder.Folder,
    at: ReadonlyArray<string>,
    to: Folder.Folder,
    shown: string,
    around: ReadonlyArray<string>
  ): Promise<void> {
    if (around.length >= this.#limits.depth) throw refuse(shown, `is nested deeper than ${this.#limits.depth} folders`)
    const inner = [...around, at.join("/")]
    for (const entry of Folder.entries(from)) {
      await this.#breath()
      const name = textOf(entry.name)
      if (name === null) throw refuse(`${shown}/${entry.name.toString("latin1")}`, "has a name that is not UTF-8")
      if (isServed(name)) await this.#entry(from, [...at, name], to, `${shown}/${name}`, name, inner)
    }
  }

  async #entry(
    from: Folder.Folder,
    at: ReadonlyArray<string>,
    to: Folder.Folder,
    shown: string,
    name: string,
    around: ReadonlyArray<string>
  ): Promise<void> {
    if (++this.files > this.#limits.files)
      throw refuse(this.#publication.publish, `has more than ${this.#limits.files} files`)
    try {
      const real = at.at(-1) ?? name
      const found = Folder.openFile(from, real)
      if (found === "folder") await this.#subfolder(from, real, at, to, shown, name, around)
      else if (found === "link") await this.#link(at, to, shown, name, around)
      else if (found === "other")
        throw refuse(shown, "is a pipe, a socket or a device; only files and folders can be published")
      else await this.#file(found, to, shown, name)
    } catch (cause) {
      throw told(cause, shown)
    }
  }

  async #subfolder(
    from: Folder.Folder,
    real: string,
    at: ReadonlyArray<string>,
    to: Folder.Folder,
    shown: string,
    name: string,
    around: ReadonlyArray<string>
  ): Promise<void> {
    const source = Folder.openFolder(from, real)
    try {
      const { folder: target, made } = Folder.makeFolder(to, name, 0o700)
      try {
        if (!made) throw Object.assign(new Error(shown), { code: "EEXIST" })
        await this.folder(source, at, target, shown, around)
      } finally {
        Folder.close(target)
      }
    } finally {
      Folder.close(source)
    }
  }

  async #link(
    at: ReadonlyArray<string>,
    to: Folder.Folder,
    shown: string,
    name: string,
    around: ReadonlyArray<string>
  ): Promise<void> {
    const { inside } = this.#publication
    try {
      await Files.walk(
        this.#root,
        { segments: at, path: shown, inside, of: "the build's files", make: false },
        async (folder, real, segments) => {
          if (Folder.look(folder, real).kind === "link") return null
          if (!startsWith(segments, this.#top))
            throw refuse(
              shown,
              `is a symbolic link that leads out of the published folder ${this.#publication.publish}; copy the file in the build`
            )
          if (around.includes(segments.join("/"))) throw refuse(shown, "is a symbolic link to a folder that it lies in")
          await this.#entry(folder, segments, to, shown, name, around)
          return true
        }
      )
    } catch (cause) {
      if (Folder.isMissing(cause)) throw refuse(shown, "is a symbolic link that leads to nothing")
      throw asPublish(cause)
    }
  }

  async #file({ fd, stats }: Folder.PlainFile, to: Folder.Folder, shown: string, name: string): Promise<void> {
    try {
      const allowed = this.#limits.bytes - this.bytes
      // A file may claim terabytes that are all holes: its size is judged before a byte is read.
      if (stats.size > allowed) throw refuse(shown, `makes the publication larger than ${this.#limits.bytes} bytes`)
      if (stats.nlink > 1) {
        const there = this.#links.get(stats.ino)
        this.#links.set(stats.ino, { path: shown, names: stats.nlink, seen: (there?.seen ?? 0) + 1 })
      }
      const target = Folder.createFile(to, name, 0o600)
      try {
        const copied = await SparseCopy.copy(
          fd,
          target,
          stats.size < Folder.smallBytes ? this.#small : Buffer.allocUnsafe(largeBytes),
          allowed
        )
        if (copied > allowed) throw refuse(shown, `makes the publication larger than ${this.#limits.bytes} bytes`)
        this.bytes += copied
      } finally {
        Folder.close({ fd: target })
      }
    } finally {
      Folder.close({ fd })
    }
  }

  /** A hard link can give a file of another place a name here, so every name of a published file has to lie in the build's files. */
  async requireOwnNames(): Promise<void> {
    const open = [...this.#links].filter(([, { names, seen }]) => seen < names)
    if (open.length === 0) return
    const counted = await Tree.countNames(this.#publication.files, new Set(open.map(([inode]) => inode)))
    for (const [inode, { names, path }] of open) {
      if ((counted.get(inode) ?? 0) < names)
        throw refuse(path, "is a hard link to a file outside of the build's files; copy it in the build")
    }
  }
}

/** The folder that is published, opened, and where it really is. */
const openPublished = async (
  root: Folder.Folder,
  { inside, publish }: Publication
): Promise<{ readonly folder: Folder.Folder; readonly at: ReadonlyArray<string> }> => {
  const segments = publish.split("/").filter((segment) => segment !== "" && segment !== ".")
  if (segments.length === 0) return { folder: root, at: [] }
  try {
    return await Files.walk(
      root,
      { segments, path: publish, inside, of: "the build's files", make: false },
      async (folder, name, at) => {
        const { kind } = Folder.look(folder, name)
        if (kind === "link") return null
        if (kind !== "folder") throw refuse(publish, "is not a folder")
        return { folder: Folder.openFolder(folder, name), at }
      }
    )
  } catch (cause) {
    if (Folder.isMissing(cause)) throw invalid("publish", `the build made no folder ${publish}`)
    throw told(asPublish(cause), publish)
  }
}

/** Copies; complete or not there at all. */
export const publish = async (publication: Publication): Promise<Published> => {
  const into = Folder.openRoot(publication.into)
  const temporary = `.new-${randomBytes(8).toString("hex")}`
  try {
    const root = Folder.openRoot(publication.files)
    try {
      const { folder, at } = await openPublished(root, publication)
      try {
        const { folder: target } = Folder.makeFolder(into, temporary, 0o700)
        try {
          const copy = new Copy(publication, root, at)
          await copy.folder(folder, at, target, publication.publish, [])
          await copy.requireOwnNames()
          Folder.move(into, temporary, into, publication.name)
          return { files: copy.files, bytes: copy.bytes }
        } finally {
          Folder.close(target)
        }
      } finally {
        if (folder !== root) Folder.close(folder)
      }
    } finally {
      Folder.close(root)
    }
  } catch (cause) {
    await Tree.remove(`${publication.into}/${temporary}`)
    throw cause
  } finally {
    Folder.close(into)
  }
}
