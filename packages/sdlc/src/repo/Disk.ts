/**
 * The repository on a disk: reads the files that `Repo.load` needs and writes what it returns.
 *
 * Promises that writes are whole (temporary file, then rename), that an event file is never overwritten, and that neither
 * reading nor writing follows a symbolic link out of the repository.
 */
import {
  closeSync,
  constants,
  type Dirent,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeSync
} from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileOf } from "../importers/Importers.ts"
import * as Decode from "./Decode.ts"
import * as FeatureFile from "./FeatureFile.ts"
import * as Layout from "./Layout.ts"
import type { Write } from "./Repo.ts"

export type Tree = Map<string, string | Uint8Array>

/** Files larger than this are not read from the disk at all; the loader and the linter refuse far smaller ones. */
const maxFileBytes = 16 * 1024 * 1024

/** The nearest folder at or above `from` that holds `.sdlc`, else the nearest with `.git`, else `null`. */
export const findRoot = (from: string): string | null => {
  let git: string | null = null
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, ".sdlc"))) return dir
    if (git === null && existsSync(join(dir, ".git"))) git = dir
    if (dirname(dir) === dir) return git
  }
}

const isWithin = (root: string, path: string): boolean => {
  const inside = relative(root, path)
  return inside === "" || (!inside.startsWith("..") && !inside.startsWith(sep))
}

const tooLarge = Decode.unreadable(`it is larger than ${maxFileBytes} bytes`)

/** Bytes of a regular file that is not a link, why they cannot be had, or `null` when there is no file. */
const bytesOf = (full: string): Buffer | string | null => {
  let file: number
  try {
    file = openSync(full, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    if (isMissing(cause)) return null
    throw cause
  }
  try {
    const stat = fstatSync(file)
    if (!stat.isFile()) return Decode.unreadable(stat.isDirectory() ? "it is a folder" : "it is not a regular file")
    if (stat.size > maxFileBytes) return tooLarge
    const bytes = Buffer.allocUnsafe(stat.size)
    let at = 0
    for (let count = -1; at < stat.size && count !== 0; at += count)
      count = readSync(file, bytes, at, stat.size - at, at)
    return bytes.subarray(0, at)
  } finally {
    closeSync(file)
  }
}

/**
 * A file that the folder's listing calls regular: as text, which costs one call instead of four, or as bytes when it is not
 * plain UTF-8, so that the loader can say so.
 */
const contentOf = (full: string): string | Buffer | null => {
  try {
    const text = readFileSync(full, "utf8")
    return text.includes("\ufffd") || text.length > maxFileBytes ? bytesOf(full) : text
  } catch (cause) {
    if (isMissing(cause)) return null
    const code = (cause as { readonly code?: unknown }).code
    if (code === "ERR_STRING_TOO_LONG" || code === "ERR_FS_FILE_TOO_LARGE") return tooLarge
    throw cause
  }
}

/** What stands behind a path that may be a link, as long as it stays inside the repository. */
const followed = (root: string, path: string): string | Buffer | null => {
  const full = join(root, path)
  try {
    const real = realpathSync(full)
    return isWithin(root, real) ? bytesOf(real) : Decode.unreadable("it is a link out of the repository")
  } catch (cause) {
    if (!isMissing(cause)) throw cause
    return lstatSync(full, { throwIfNoEntry: false })?.isSymbolicLink() === true
      ? Decode.unreadable("it is a link that leads nowhere")
      : null
  }
}

/** Of our own files one that cannot be read is noted with the reason, of all others it is left out. */
const put = (tree: Tree, path: string, content: string | Buffer | null): void => {
  if (content !== null && (path.startsWith(".sdlc/") || !Decode.isUnreadable(content))) tree.set(path, content)
}

const readFile = (root: string, path: string, tree: Tree): void => put(tree, path, followed(root, path))

/** A name that only a file of a feature may have. */
const fileName = /^\.sdlc\/(?:features|archive)\/[^/]+\/(?:[\w-]+\.(?:md|yaml)|(?:events|evidence)\/.+\.json)$/

const isMissing = (cause: unknown): boolean => {
  const code = (cause as { readonly code?: unknown }).code
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "EMLINK" || code === "ENXIO"
}

/** Adds every regular file below `dir` (relative, with `/`), hidden ones too, to the tree. Links to folders are not followed. */
export const readBelow = (
  root: string,
  dir: string,
  tree: Tree,
  skip: (path: string) => boolean = () => false
): void => {
  let entries: ReadonlyArray<Dirent>
  try {
    entries = readdirSync(dir === "" ? root : `${root}/${dir}`, { withFileTypes: true })
  } catch (cause) {
    if (isMissing(cause)) return
    throw cause
  }
  for (const entry of entries) {
    const path = dir === "" ? entry.name : `${dir}/${entry.name}`
    if (skip(path)) continue
    if (entry.isDirectory()) {
      if (fileName.test(path)) put(tree, path, Decode.unreadable("it is a folder"))
      else readBelow(root, path, tree, skip)
    } else if (entry.isFile()) put(tree, path, contentOf(`${root}/${path}`))
    else readFile(root, path, tree)
  }
}

/** Files of one feature: policy, its folder, and the foreign files its `sources` name. */
export const readFeature = (root: string, slug: string): Tree => {
  const real = realpathSync(root)
  const tree: Tree = new Map()
  readFile(real, Layout.policyPath, tree)
  return withDocuments(real, slug, tree, () => false)
}

/** Documents and identity of one feature, with the foreign files its `sources` name; without events and evidence. `root` is a real path. */
export const readDocuments = (root: string, slug: string): Tree =>
  withDocuments(root, slug, new Map(), (path) => path.endsWith("/events") || path.endsWith("/evidence"))

/** Identity and spec of one feature, with the foreign files that the spec is read from. `root` is a real path. */
export const readSpec = (root: string, slug: string): Tree => {
  const tree: Tree = new Map()
  for (const path of [Layout.featurePath(slug), Layout.documentPath(slug, "spec")]) {
    const content = bytesOf(`${root}/${path}`)
    if (content !== null) tree.set(path, content)
  }
  return withSources(root, slug, tree)
}

/** The living specs below folders such as `.sdlc/specs/`. `root` is a real path. */
export const readLiving = (root: string, folders: Iterable<string>): Tree => {
  const tree: Tree = new Map()
  for (const folder of folders)
    readBelow(root, folder.replace(/\/$/, ""), tree, (path) => /\.[a-z0-9]{1,6}$/i.test(path) && !/\.md$/i.test(path))
  return tree
}

const withDocuments = (real: string, slug: string, tree: Tree, skip: (path: string) => boolean): Tree => {
  if (!Layout.slugPattern.test(slug)) return tree
  readBelow(real, Layout.featureDir(slug).slice(0, -1), tree, skip)
  return withSources(real, slug, tree)
}

const withSources = (real: string, slug: string, tree: Tree): Tree => {
  const content = tree.get(Layout.featurePath(slug))
  const parsed = content === undefined ? null : FeatureFile.parse(Buffer.from(content).toString("utf8"))
  if (parsed?._tag !== "Ok" || parsed.value.sources === undefined) return tree
  const { format: _format, ...kinds } = parsed.value.sources
  for (const path of Object.values(kinds).flat().map(fileOf)) readFile(real, path, tree)
  return tree
}

/** Identity and events of one feature: what listing needs, besides the policy. `root` is a real path. */
export const readEvents = (root: string, slug: string): Tree => {
  const tree: Tree = new Map()
  readBelow(
    root,
    Layout.featureDir(slug).slice(0, -1),
    tree,
    (path) => !path.endsWith("/events") && !path.includes("/events/") && !path.endsWith("/feature.yaml")
  )
  return tree
}

/** Slugs of the feature folders on the disk, sorted. */
export const listFeatures = (root: string): ReadonlyArray<string> => {
  try {
    return readdirSync(join(root, Layout.featuresDir), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && Layout.slugPattern.test(entry.name))
      .map((entry) => entry.name)
      .toSorted()
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
}

/** Folders beside the features whose names no feature can have, each with the name that its `feature.yaml` says. */
export const listStrayed = (root: string): ReadonlyArray<{ readonly name: string; readonly slug: string | null }> => {
  try {
    return readdirSync(join(root, Layout.featuresDir), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !Layout.slugPattern.test(entry.name))
      .map(({ name }) => {
        const content = readPaths(root, [`${Layout.featuresDir}${name}/feature.yaml`])
          .values()
          .next().value
        const parsed = content === undefined ? null : FeatureFile.parse(Buffer.from(content).toString("utf8"))
        return {
          name,
          slug: parsed?._tag === "Ok" && Layout.slugPattern.test(parsed.value.slug) ? parsed.value.slug : null
        }
      })
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
}

/** Names of a feature's event files, in the order of their ids. */
export const listEventNames = (root: string, slug: string): ReadonlyArray<string> => {
  try {
    return readdirSync(join(root, Layout.featureDir(slug), "events")).toSorted()
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
}

/**
 * Changes whenever an event file of the feature is added, removed or renamed, or its identity is written; `null` when that cannot be
 * told: something is no plain folder or file, or changed less than two seconds before `now`, within which a time stamp may stand still.
 */
export const featureStamp = (root: string, slug: string, now: number): string | null => {
  const events = lstatSync(join(root, Layout.featureDir(slug), "events"), { throwIfNoEntry: false })
  const identity = lstatSync(join(root, Layout.featurePath(slug)), { throwIfNoEntry: false })
  if (events?.isDirectory() !== true || identity?.isFile() !== true) return null
  if (Math.max(events.ctimeMs, identity.ctimeMs) > now - 2_000) return null
  return `${events.ino} ${events.ctimeMs} ${events.mtimeMs} ${identity.ino} ${identity.ctimeMs} ${identity.size}`
}

/** Archive folders by the slug of their feature; the latest wins. */
export const listArchived = (root: string): ReadonlyMap<string, string> => {
  const tree: Tree = new Map()
  readBelow(
    root,
    Layout.archiveDir.slice(0, -1),
    tree,
    (path) => !path.endsWith("/feature.yaml") && /^\.sdlc\/archive\/[^/]+\/./.test(path)
  )
  return new Map(
    [...tree.keys()].toSorted().flatMap((path) => {
      const folder = path.split("/")[2] ?? ""
      const slug = Layout.parseArchiveName(folder)
      return slug === null ? [] : [[slug, folder] as const]
    })
  )
}

/** Identity and events of an archived feature, under the paths they had before. */
export const readArchived = (root: string, slug: string): Tree => {
  const folder = listArchived(root).get(slug)
  if (folder === undefined) return new Map()
  const found: Tree = new Map()
  const from = `${Layout.archiveDir}${folder}`
  readBelow(
    root,
    from,
    found,
    (path) => !path.endsWith("/events") && !path.includes("/events/") && !path.endsWith("/feature.yaml")
  )
  return new Map([...found].map(([path, content]) => [Layout.featureDir(slug) + path.slice(from.length + 1), content]))
}

/** Every file of an archived feature, under the paths it had before, with the policy and the foreign files its `sources` name. */
export const readArchivedWhole = (root: string, slug: string): Tree => {
  const folder = listArchived(root).get(slug)
  const real = realpathSync(root)
  const tree: Tree = new Map()
  readFile(real, Layout.policyPath, tree)
  if (folder === undefined) return tree
  const from = `${Layout.archiveDir}${folder}`
  const found: Tree = new Map()
  readBelow(real, from, found, () => false)
  for (const [path, content] of found) tree.set(Layout.featureDir(slug) + path.slice(from.length + 1), content)
  return withSources(real, slug, tree)
}

/** Moves a feature's folder to the archive. */
export const archive = (root: string, slug: string, date: string): string => {
  const to = Layout.archivePath(date, slug)
  if (existsSync(join(root, to))) throw new RangeError(`${to} exists already`)
  mkdirSync(join(root, Layout.archiveDir), { recursive: true })
  renameSync(join(root, Layout.featureDir(slug).slice(0, -1)), join(root, to))
  return to
}

/** Only the policy and the given paths. */
export const readPaths = (root: string, paths: ReadonlyArray<string>): Tree => {
  const real = realpathSync(root)
  const tree: Tree = new Map()
  for (const path of paths) readFile(real, path, tree)
  return tree
}

const textFile = /\.(md|txt|json|ya?ml|xml)$/i

/** Dependencies, build output and files that hold no text anybody wrote as a spec. */
const isForeignNoise = (path: string): boolean => {
  const name = path.slice(path.lastIndexOf("/") + 1)
  if (/^(\.git|node_modules|dist|build|target|vendor|\.venv|\.next|coverage)$/.test(name) || path === ".sdlc/cache")
    return true
  return /[^.]\.[a-z0-9]{1,6}$/i.test(name) && !textFile.test(name)
}

/** The whole work tree without `.git`, dependencies and build output, for finding foreign spec folders. */
export const readProject = (root: string): Tree => {
  const tree: Tree = new Map()
  readBelow(realpathSync(root), "", tree, isForeignNoise)
  return tree
}

/** Text of a file in the cache, or `null`. */
export const readCache = (root: string, name: string): string | null => {
  const content = followed(realpathSync(root), `${Layout.cacheDir}${name}`)
  return content === null || Decode.isUnreadable(content) ? null : content.toString("utf8")
}

/** A cache that cannot be written is done without: answers whether it was. */
export const writeCache = (root: string, name: string, content: string): boolean => {
  try {
    write(root, [{ path: `${Layout.cacheDir}${name}`, content }])
    return true
  } catch (cause) {
    if (typeof (cause as { readonly code?: unknown }).code === "string" || cause instanceof RangeError) return false
    throw cause
  }
}

const writeWhole = (full: string, content: string): void => {
  const file = openSync(full, "wx", 0o644)
  try {
    writeSync(file, content)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

/** Writes files. Event and evidence files must not exist yet; the others are replaced. Throws when a folder on the way is a link out of the repository. */
export const write = (root: string, writes: ReadonlyArray<Write>): void => {
  const real = realpathSync(root)
  for (const { path, content } of writes) {
    if (!Layout.isInside(path)) throw new RangeError(`path: "${path}" leaves the repository`)
    const full = join(real, path)
    mkdirSync(dirname(full), { recursive: true })
    if (!isWithin(real, realpathSync(dirname(full))))
      throw new RangeError(`path: "${path}" is reached through a link that leaves the repository`)
    const temporary = `${full}.${process.pid}.tmp`
    const appendOnly = /\/(events|evidence)\/[^/]+$/.test(path)
    writeWhole(temporary, content)
    if (!appendOnly) {
      renameSync(temporary, full)
      continue
    }
    try {
      linkSync(temporary, full)
    } catch (cause) {
      const same = (cause as { readonly code?: unknown }).code === "EEXIST" && readFileSync(full, "utf8") === content
      if (!same) throw cause
    } finally {
      unlinkSync(temporary)
    }
  }
}
