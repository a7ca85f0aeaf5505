/**
 * The repository on a disk: reads the files that `Repo.load` needs and writes what it returns.
 *
 * Promises that writes are whole (temporary file, then rename), that an event file is never overwritten, and that neither
 * reading nor writing follows a symbolic link out of the repository.
 */
import { closeSync, existsSync, fsyncSync, linkSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, realpathSync, renameSync, statSync, unlinkSync, writeSync } from "node:fs"
import { dirname, join, relative, sep } from "node:path"
import { fileOf } from "../importers/Importers.ts"
import * as FeatureFile from "./FeatureFile.ts"
import * as Layout from "./Layout.ts"
import type { Write } from "./Repo.ts"

export type Tree = Map<string, string | Uint8Array>

/** Documents larger than this are not read from the disk at all; the linter refuses far smaller ones. */
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

const readFile = (root: string, path: string, tree: Tree): void => {
  const full = join(root, path)
  let real: string
  try {
    real = realpathSync(full)
    if (!isWithin(root, real)) return
    const stat = statSync(real)
    if (!stat.isFile() || stat.size > maxFileBytes) return
    tree.set(path, readFileSync(real))
  } catch (cause) {
    if (!isMissing(cause)) throw cause
  }
}

const isMissing = (cause: unknown): boolean => {
  const code = (cause as { readonly code?: unknown }).code
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP"
}

/** Adds every regular file below `dir` (relative, with `/`), hidden ones too, to the tree. */
export const readBelow = (root: string, dir: string, tree: Tree, skip: (path: string) => boolean = () => false): void => {
  let names: ReadonlyArray<string>
  try {
    names = readdirSync(join(root, dir))
  } catch (cause) {
    if (isMissing(cause)) return
    throw cause
  }
  for (const name of names) {
    const path = dir === "" ? name : `${dir}/${name}`
    if (skip(path)) continue
    let directory: boolean
    try {
      directory = lstatSync(join(root, path)).isDirectory()
    } catch (cause) {
      if (isMissing(cause)) continue
      throw cause
    }
    if (directory) readBelow(root, path, tree, skip)
    else readFile(root, path, tree)
  }
}

/** Files of one feature: policy, its folder, and the foreign files its `sources` name. */
export const readFeature = (root: string, slug: string): Tree => {
  const real = realpathSync(root)
  const tree: Tree = new Map()
  readFile(real, Layout.policyPath, tree)
  if (!Layout.slugPattern.test(slug)) return tree
  readBelow(real, Layout.featureDir(slug).slice(0, -1), tree)
  const content = tree.get(Layout.featurePath(slug))
  const parsed = content === undefined ? null : FeatureFile.parse(Buffer.from(content).toString("utf8"))
  if (parsed?._tag !== "Ok" || parsed.value.sources === undefined) return tree
  const { format: _format, ...kinds } = parsed.value.sources
  for (const path of Object.values(kinds).flat().map(fileOf)) readFile(real, path, tree)
  return tree
}

/** Policy, identity and events of one feature: what listing needs. */
export const readEvents = (root: string, slug: string): Tree => {
  const tree: Tree = new Map()
  readFile(root, Layout.policyPath, tree)
  readFile(root, Layout.featurePath(slug), tree)
  readBelow(root, `${Layout.featureDir(slug)}events`, tree)
  return tree
}

/** Slugs of the feature folders on the disk, sorted. */
export const listFeatures = (root: string): ReadonlyArray<string> => {
  try {
    return readdirSync(join(root, Layout.featuresDir), { withFileTypes: true }).filter((entry) => entry.isDirectory() && Layout.slugPattern.test(entry.name)).map((entry) => entry.name).toSorted()
  } catch (cause) {
    if (isMissing(cause)) return []
    throw cause
  }
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
  if (/^(\.git|node_modules|dist|build|target|vendor|\.venv|\.next|coverage)$/.test(name) || path === ".sdlc/cache") return true
  return /[^.]\.[a-z0-9]{1,6}$/i.test(name) && !textFile.test(name)
}

/** The whole work tree without `.git`, dependencies and build output, for finding foreign spec folders. */
export const readProject = (root: string): Tree => {
  const tree: Tree = new Map()
  readBelow(realpathSync(root), "", tree, isForeignNoise)
  return tree
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
    if (!isWithin(real, realpathSync(dirname(full)))) throw new RangeError(`path: "${path}" is reached through a link that leaves the repository`)
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
