/**
 * Bundles in and out. What comes in was made where agents work: its header is parsed here, its objects are checked by
 * `index-pack --strict` as a push would be, and its history must be complete before a ref keeps it.
 */
import type { Sha } from "@rdev/core/ports/Forge"
import { Effect } from "effect"
import type { Git } from "./Git.ts"
import { updateRefs } from "./GitCommit.ts"
import { isSha } from "./GitRepository.ts"
import { conflict, invalid, type LocalFailure } from "./LocalFailure.ts"

export const maxBundleBytes = 256 * 1024 * 1024
const maxHeaderBytes = 1024 * 1024

export interface BundleHeader { readonly head: Sha; readonly prerequisites: ReadonlyArray<Sha>; readonly packOffset: number }

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
    if (!isSha(sha)) return "its header is damaged"
    if (line.startsWith("-")) prerequisites.push(sha)
    else heads.add(sha)
  }
  const [head, ...others] = [...heads]
  if (head === undefined || others.length > 0) return `it carries ${heads.size} commits; expected one`
  return { head, prerequisites, packOffset: end + 2 }
}

const incoming = (sha: Sha) => `refs/rdev/incoming/${sha}`

const missingCommits = (git: Git, directory: string, shas: ReadonlyArray<Sha>): Effect.Effect<ReadonlyArray<Sha>, LocalFailure> =>
  shas.length === 0
    ? Effect.succeed([])
    : Effect.map(git.text(directory, ["cat-file", "--batch-check"], { stdin: `${shas.join("\n")}\n` }), (text) =>
      text.split("\n").filter((line) => !/ commit \d+$/.test(line)).map((line) => line.split(" ", 1)[0] ?? line))

export const exportBundle = Effect.fn("GitBundle.export")(function*(git: Git, directory: string, branch: string, head: Sha, since: Sha | null) {
  if (since === head) return new Uint8Array(0)
  const known = since !== null && (yield* missingCommits(git, directory, [since])).length === 0 ? [`^${since}`] : []
  if (known.length > 0 && (yield* git.text(directory, ["rev-list", "--count", "--max-count=1", head, ...known, "--"])) === "0") return new Uint8Array(0)
  const made = yield* git.run(directory, ["bundle", "create", "--quiet", "--version=2", "-", `refs/heads/${branch}`, ...known], { maxBytes: maxBundleBytes })
  return new Uint8Array(made.stdout.buffer, made.stdout.byteOffset, made.stdout.byteLength)
})

export const importBundle = Effect.fn("GitBundle.import")(function*(git: Git, directory: string, bundle: Uint8Array) {
  if (bundle.byteLength > maxBundleBytes) return yield* invalid("bundle", `it has ${bundle.byteLength} bytes, more than ${maxBundleBytes}`)
  const header = parseHeader(bundle)
  if (typeof header === "string") return yield* invalid("bundle", header)
  const missing = yield* missingCommits(git, directory, header.prerequisites)
  if (missing.length > 0) return yield* conflict(`the bundle builds on ${missing.join(", ")}, which the repository does not have`)
  yield* git.run(directory, ["index-pack", "--stdin", "--fix-thin", "--strict", `--max-input-size=${maxBundleBytes}`], { stdin: bundle.subarray(header.packOffset) })
  yield* git.run(directory, ["rev-list", "--objects", "--quiet", `${header.head}^{commit}`, "--not", "--all"]).pipe(
    Effect.mapError((failure) => failure.reason._tag === "ResourceExhausted" ? failure : invalid("bundle", `the history of ${header.head} is incomplete`))
  )
  yield* updateRefs(git, directory, [{ ref: incoming(header.head), to: header.head }])
  return header.head
})

/** Moves the branch to the commit and drops the hidden ref that kept it. */
export const advance = (git: Git, directory: string, branch: string, expectedHead: Sha, to: Sha): Effect.Effect<void, LocalFailure> =>
  updateRefs(git, directory, [
    { ref: `refs/heads/${branch}`, to, old: expectedHead },
    { ref: incoming(to), to: null }
  ])
