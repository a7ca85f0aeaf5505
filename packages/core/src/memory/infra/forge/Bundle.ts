/** Bundles of the forge in memory: JSON of its own, not git's format. */
import type { Sha } from "../../../ports/infra/Forge.ts"
import { conflict, Refusal, refuse, type Repository, store } from "./Model.ts"
import { blobName, type Commit, commitName, type FileEntry, type Person, type Tree } from "./ObjectNames.ts"

interface BundleCommit {
  readonly files: ReadonlyArray<readonly [string, FileEntry]>
  readonly parents: ReadonlyArray<Sha>
  readonly author: Person
  readonly message: string
  readonly timeMillis: number
}
interface MemoryBundle {
  readonly format: "rdev-memory-bundle"
  readonly head: Sha
  readonly commits: ReadonlyArray<BundleCommit>
  readonly blobs: ReadonlyArray<string>
}

export const encodeBundle = (commits: ReadonlyArray<Commit>, head: Sha, blobs: Iterable<Uint8Array>): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      format: "rdev-memory-bundle",
      head,
      commits: commits.map((c) => ({ ...c, tree: undefined, files: [...c.tree] })),
      blobs: [...blobs].map((b) => Buffer.from(b).toString("base64"))
    })
  )

/** A bundle with one commit on top of `parents`, for tests that play a workspace: `files` is the whole tree. */
export const makeBundle = (commit: {
  readonly parents: ReadonlyArray<Sha>
  readonly files: Readonly<Record<string, string>>
  readonly message: string
  readonly author: Person
  readonly timeMillis: number
}): Uint8Array => {
  const blobs = Object.values(commit.files).map((text) => Buffer.from(text))
  const tree: Tree = new Map(
    Object.entries(commit.files).map(([path, text]) => [path, { mode: "100644", oid: blobName(Buffer.from(text)) }])
  )
  const made: Commit = {
    tree,
    parents: commit.parents,
    author: commit.author,
    message: commit.message,
    timeMillis: commit.timeMillis
  }
  return encodeBundle([made], commitName(made), blobs)
}

const parseBundle = (bundle: Uint8Array): MemoryBundle => {
  const invalid = (message: string) => refuse({ _tag: "Invalid", field: "bundle", message })
  try {
    const parsed = JSON.parse(Buffer.from(bundle).toString("utf8")) as MemoryBundle
    return parsed.format === "rdev-memory-bundle" ? parsed : invalid("it is not a bundle of the memory forge")
  } catch (cause) {
    return cause instanceof Refusal ? refuse(cause.reason) : invalid("it is not a bundle of the memory forge")
  }
}
export const takeBundle = (repo: Repository, bundle: Uint8Array): Sha => {
  const parsed = parseBundle(bundle)
  for (const blob of parsed.blobs) {
    const content = Buffer.from(blob, "base64")
    repo.blobs.set(blobName(content), content)
  }
  for (const { files, ...rest } of parsed.commits) {
    for (const parent of rest.parents)
      if (!repo.commits.has(parent)) conflict(`the bundle builds on ${parent}, which ${repo.name} does not have`)
    store(repo, { ...rest, tree: new Map(files) })
  }
  return repo.commits.has(parsed.head)
    ? parsed.head
    : refuse({ _tag: "Invalid", field: "bundle", message: `it does not contain its head ${parsed.head}` })
}
