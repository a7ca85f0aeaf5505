/**
 * Bundles in and out. What comes in was made where agents work: its header is parsed here, its objects are checked by
 * `index-pack --strict` as a push would be, and its history must be complete before a ref keeps it.
 */
import type { Sha } from "@rdev/core/ports/infra/Forge"
import { Effect } from "effect"
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Git } from "./Git.ts"
import { isSha, type Move, updateRefs } from "./GitRefs.ts"
import { attempt, conflict, invalid, type GitError } from "./GitError.ts"

export const maxBundleBytes = 256 * 1024 * 1024
const maxHeaderBytes = 1024 * 1024

export interface BundleHeader {
  readonly head: Sha
  readonly prerequisites: ReadonlyArray<Sha>
  readonly packOffset: number
}

/** Reads the header of a version 2 or 3 bundle with SHA-1 objects that carries exactly one commit; a string says what is wrong. */
export const parseHeader = (bundle: Uint8Array): BundleHeader | string => {
  const buffer = Buffer.from(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  const end = buffer.subarray(0, maxHeaderBytes).indexOf("\n\n")
  const lines = buffer.toString("utf8", 0, Math.max(0, end)).split("\n")
  const signature = lines.shift()
  if (end < 0 || (signature !== "# v2 git bundle" && signature !== "# v3 git bundle")) return "it is not a git bundle"
  const heads = new Set<Sha>()
  const prerequisites: Array<Sha> = []
  for (const line of lines) {
    if (line.startsWith("@")) {
      if (line !== "@object-format=sha1") return `it needs the capability ${line.slice(1, 60)}, which is not supported`
      continue
    }
    const sha = (line.startsWith("-") ? line.slice(1) : line).split(" ", 1)[0] ?? ""
    if (!isSha(sha) || sha.length !== 40) return "its header is damaged"
    if (line.startsWith("-")) prerequisites.push(sha)
    else heads.add(sha)
  }
  const [head, ...others] = [...heads]
  if (head === undefined || others.length > 0) return `it carries ${heads.size} commits; expected one`
  return { head, prerequisites, packOffset: end + 2 }
}

/** Keeps a commit that is on no branch yet. */
export const incoming = (sha: Sha) => `refs/rdev/incoming/${sha}`

const missingCommits = (
  git: Git,
  directory: string,
  shas: ReadonlyArray<Sha>
): Effect.Effect<ReadonlyArray<Sha>, GitError> =>
  shas.length === 0
    ? Effect.succeed([])
    : Effect.map(git.text(directory, ["cat-file", "--batch-check"], { stdin: `${shas.join("\n")}\n` }), (text) =>
        text
          .split("\n")
          .filter((line) => !/ commit \d+$/.test(line))
          .map((line) => line.split(" ", 1)[0] ?? line)
      )

export const exportBundle = Effect.fn("GitBundle.export")(function* (
  git: Git,
  directory: string,
  branch: string,
  head: Sha,
  since: Sha | null
) {
  if (since === head) return new Uint8Array(0)
  const known = since !== null && (yield* missingCommits(git, directory, [since])).length === 0 ? [`^${since}`] : []
  if (
    known.length > 0 &&
    (yield* git.text(directory, ["rev-list", "--count", "--max-count=1", head, ...known, "--"])) === "0"
  )
    return new Uint8Array(0)
  const made = yield* git.run(
    directory,
    ["bundle", "create", "--quiet", "--version=2", "-", `refs/heads/${branch}`, ...known],
    { maxBytes: maxBundleBytes }
  )
  return new Uint8Array(made.stdout.buffer, made.stdout.byteOffset, made.stdout.byteLength)
})

/**
 * The objects wait in a folder of their own, as those of a push do, until they are known to be whole; only then do they become the
 * repository's. What is left of a refused or interrupted one is a `tmp_` folder, which git's own housekeeping removes too.
 */
const quarantined = <A>(
  directory: string,
  use: (env: Readonly<Record<string, string>>) => Effect.Effect<A, GitError>
): Effect.Effect<A, GitError> => {
  const objects = join(directory, "objects")
  // In quotes, because an unquoted list is cut at colons.
  const listed = `"${objects.replace(/["\\]/g, (c) => `\\${c}`)}"`
  const make = attempt(async () => {
    const folder = await mkdtemp(join(objects, "tmp_objdir-incoming-"))
    await mkdir(join(folder, "pack"))
    return folder
  })
  const migrate = (folder: string) =>
    attempt(async () => {
      const names = await readdir(join(folder, "pack"))
      await mkdir(join(objects, "pack"), { recursive: true })
      // The index last: a pack is there once its index is.
      for (const name of names.toSorted((a, b) => Number(a.endsWith(".idx")) - Number(b.endsWith(".idx"))))
        await rename(join(folder, "pack", name), join(objects, "pack", name))
    })
  return Effect.acquireUseRelease(
    make,
    (folder) =>
      Effect.tap(use({ GIT_OBJECT_DIRECTORY: folder, GIT_ALTERNATE_OBJECT_DIRECTORIES: listed }), () =>
        migrate(folder)
      ),
    (folder) => Effect.ignore(attempt(() => rm(folder, { recursive: true, force: true })))
  )
}

const checkObjects = Effect.fn("GitBundle.checkObjects")(function* (
  git: Git,
  directory: string,
  env: Readonly<Record<string, string>>,
  bundle: Uint8Array,
  header: BundleHeader
) {
  yield* git.run(directory, ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${maxBundleBytes}`], {
    stdin: bundle.subarray(header.packOffset),
    env
  })
  const type = yield* git.text(directory, ["cat-file", "--batch-check=%(objecttype)"], {
    stdin: `${header.head}\n`,
    env
  })
  if (type !== "commit") return yield* invalid("bundle", `${header.head} is not a commit (${type})`)
  yield* git
    .run(directory, ["rev-list", "--objects", "--quiet", header.head, "--not", "--all"], { env })
    .pipe(
      Effect.mapError((failure) =>
        failure.reason._tag === "ResourceExhausted"
          ? failure
          : invalid("bundle", `the history of ${header.head} is incomplete`)
      )
    )
})

export const importBundle = Effect.fn("GitBundle.import")(function* (git: Git, directory: string, bundle: Uint8Array) {
  if (bundle.byteLength > maxBundleBytes)
    return yield* invalid("bundle", `it has ${bundle.byteLength} bytes, more than ${maxBundleBytes}`)
  const header = parseHeader(bundle)
  if (typeof header === "string") return yield* invalid("bundle", header)
  const missing = yield* missingCommits(git, directory, header.prerequisites)
  if (missing.length > 0)
    return yield* conflict(`the bundle builds on ${missing.join(", ")}, which the repository does not have`)
  yield* quarantined(directory, (env) => checkObjects(git, directory, env, bundle, header))
  yield* updateRefs(git, directory, [{ ref: incoming(header.head), to: header.head }])
  return header.head
})

/** Moves the branch to the commit and drops the hidden ref that kept it. */
export const advance = (move: Move, branch: string, expectedHead: Sha, to: Sha): Effect.Effect<void, GitError> =>
  move([
    { ref: `refs/heads/${branch}`, to, old: expectedHead },
    { ref: incoming(to), to: null }
  ])
