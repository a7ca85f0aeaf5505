/** Trees and blobs of commits. Both are immutable, so they are cached: at most 256 trees and 64 MiB of file content. */
import type { Sha } from "@rdev/core/ports/infra/Forge"
import { type FileChange, type TreeEntry, isAsked } from "@rdev/core/ports/infra/GitObjects"
import { Effect } from "effect"
import { createHash } from "node:crypto"
import type { Git } from "./Git.ts"
import type { GitRepository } from "./GitRepository.ts"
import { fail, type GitError } from "./GitError.ts"

const maxTrees = 256
const maxCachedBytes = 64 * 1024 * 1024
/** Larger files are read anew each time. */
const maxCachedBlobBytes = 1024 * 1024
const maxReadBytes = 64 * 1024 * 1024

export interface SizedEntry extends TreeEntry {
  readonly sizeBytes: number
}

/** Keeps what was used last, up to a total weight. */
class Recent<A> {
  readonly #entries = new Map<string, { readonly value: A; readonly weight: number }>()
  readonly #maxWeight: number
  #weight = 0
  constructor(maxWeight: number) {
    this.#maxWeight = maxWeight
  }
  get(key: string): A | undefined {
    const found = this.#entries.get(key)
    if (found === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, found)
    return found.value
  }
  set(key: string, value: A, weight: number): void {
    if (this.#entries.has(key)) return
    this.#entries.set(key, { value, weight })
    this.#weight += weight
    for (const [oldest, entry] of this.#entries) {
      if (this.#weight <= this.#maxWeight) break
      this.#entries.delete(oldest)
      this.#weight -= entry.weight
    }
  }
}

/** `<mode> <type> <oid> <size>\t<path>` records, NUL-terminated. */
const parseTree = (listing: string): ReadonlyArray<SizedEntry> =>
  listing
    .split("\0")
    .filter((row) => row !== "")
    .map((row) => {
      const tab = row.indexOf("\t")
      const [mode = "", , oid = "", size = "-"] = row.slice(0, tab).split(/ +/)
      return { path: row.slice(tab + 1), mode, oid, sizeBytes: size === "-" ? 0 : Number(size) }
    })

/** Output of `cat-file --batch`: `<oid> <type> <size>\n<content>\n` for each name asked for. */
const parseBatch = (output: Buffer): ReadonlyMap<string, Uint8Array> => {
  const blobs = new Map<string, Uint8Array>()
  let at = 0
  while (at < output.byteLength) {
    const end = output.indexOf(10, at)
    const [oid = "", type = "", size = "0"] = output.toString("utf8", at, end).split(" ")
    if (type === "missing") {
      at = end + 1
      continue
    }
    // A copy: a view would keep the whole batch alive in the cache.
    blobs.set(oid, Uint8Array.prototype.slice.call(output, end + 1, end + 1 + Number(size)))
    at = end + 1 + Number(size) + 1
  }
  return blobs
}

export interface GitContents {
  tree(repository: GitRepository, sha: Sha): Effect.Effect<ReadonlyArray<SizedEntry>, GitError>
  /** Takes note of what a commit of ours contains, so that reading it back starts no process. */
  remember(
    repository: GitRepository,
    sha: Sha,
    before: ReadonlyArray<SizedEntry>,
    changes: ReadonlyArray<FileChange>
  ): void
  files(
    repository: GitRepository,
    sha: Sha,
    under: string | ReadonlyArray<string>
  ): Effect.Effect<ReadonlyMap<string, Uint8Array>, GitError>
}

const blobName = (content: Uint8Array): string =>
  createHash("sha1").update(`blob ${content.byteLength}\0`).update(content).digest("hex")

/** The tree that changes make of another, in git's order; the same that `ls-tree` would list. */
export const derive = (
  before: ReadonlyArray<SizedEntry>,
  changes: ReadonlyArray<FileChange>
): { readonly entries: ReadonlyArray<SizedEntry>; readonly blobs: ReadonlyMap<string, Uint8Array> } => {
  const tree = new Map(before.map((entry) => [entry.path, entry]))
  const blobs = new Map<string, Uint8Array>()
  for (const { path, content, executable } of changes) {
    const mode = tree.get(path)?.mode
    // A file in the place of a folder takes all of it away, and so does deleting a folder.
    if (tree.delete(path) === false)
      for (const other of tree.keys()) if (other.startsWith(`${path}/`)) tree.delete(other)
    if (content === null) continue
    for (let cut = path.lastIndexOf("/"); cut > 0; cut = path.lastIndexOf("/", cut - 1)) tree.delete(path.slice(0, cut))
    const bytes = typeof content === "string" ? Buffer.from(content) : content
    const oid = blobName(bytes)
    blobs.set(oid, bytes)
    tree.set(path, {
      path,
      oid,
      mode: (executable ?? mode === "100755") ? "100755" : "100644",
      sizeBytes: bytes.byteLength
    })
  }
  const entries = [...tree.values()].sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
  return { entries, blobs }
}

export const make = (git: Git): GitContents => {
  const trees = new Recent<ReadonlyArray<SizedEntry>>(maxTrees)
  const blobs = new Recent<Uint8Array>(maxCachedBytes)

  const tree: GitContents["tree"] = Effect.fn("GitContents.tree")(function* (repository, sha) {
    const key = `${repository.projectId} ${sha}`
    const cached = trees.get(key)
    if (cached !== undefined) return cached
    const listed = yield* git.run(repository.directory, ["ls-tree", "-r", "-l", "-z", "--full-tree", `${sha}^{commit}`])
    const entries = parseTree(listed.stdout.toString("utf8"))
    trees.set(key, entries, 1)
    return entries
  })

  const files: GitContents["files"] = Effect.fn("GitContents.files")(function* (repository, sha, under) {
    const asked = isAsked(under)
    const wanted = (yield* tree(repository, sha)).filter((entry) => asked(entry.path) && entry.mode !== "160000")
    const total = wanted.reduce((sum, entry) => sum + entry.sizeBytes, 0)
    if (total > maxReadBytes) {
      return yield* fail({
        _tag: "ResourceExhausted",
        message: `the files asked for at ${sha} are ${total} bytes, more than ${maxReadBytes}`
      })
    }
    const found = new Map<string, Uint8Array>()
    const missing = new Set<string>()
    for (const entry of wanted) {
      const cached = blobs.get(`${repository.projectId} ${entry.oid}`)
      if (cached === undefined) missing.add(entry.oid)
      else found.set(entry.oid, cached)
    }
    if (missing.size > 0) {
      const batch = yield* git.run(repository.directory, ["cat-file", "--batch"], {
        stdin: `${[...missing].join("\n")}\n`
      })
      for (const [oid, content] of parseBatch(batch.stdout)) {
        found.set(oid, content)
        if (content.byteLength <= maxCachedBlobBytes)
          blobs.set(`${repository.projectId} ${oid}`, content, content.byteLength)
      }
    }
    return new Map(
      wanted.flatMap((entry) => {
        const content = found.get(entry.oid)
        return content === undefined ? [] : [[entry.path, content] as const]
      })
    )
  })
  const remember: GitContents["remember"] = (repository, sha, before, changes) => {
    const made = derive(before, changes)
    trees.set(`${repository.projectId} ${sha}`, made.entries, 1)
    for (const [oid, content] of made.blobs) {
      if (content.byteLength <= maxCachedBlobBytes)
        blobs.set(`${repository.projectId} ${oid}`, Uint8Array.prototype.slice.call(content), content.byteLength)
    }
  }
  return { tree, files, remember }
}
