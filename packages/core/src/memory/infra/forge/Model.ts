/** A repository in memory: blobs, commits under git's own names, branches, and what people say there. Synchronous; refusals are thrown. */
import type { ProjectId } from "../../../domain/Ids.ts"
import type { Issue, Permission } from "../../../ports/forge/ForgeIssues.ts"
import type { CommitRequest, FileChange } from "../../../ports/infra/GitObjects.ts"
import type { Comment, CommitStatus, PullRequest } from "../../../ports/infra/RepositoryHost.ts"
import { ForgeError, type RepositoryTarget, type Sha } from "../../../ports/infra/Forge.ts"
import * as ForgePath from "../../../ports/infra/ForgePath.ts"
import type { PortReason } from "../../../ports/infra/PortReason.ts"
import { Clock, Effect } from "effect"
import { blobName, type Commit, commitName, mergeTrees, type Person, putFile, type Tree } from "./ObjectNames.ts"

export interface Repository {
  readonly projectId: ProjectId
  readonly name: string
  readonly defaultBranch: string
  readonly createdAtMillis: number
  readonly blobs: Map<string, Uint8Array>
  readonly commits: Map<Sha, Commit>
  readonly branches: Map<string, Sha>
  readonly pulls: Map<number, PullRequest>
  /** By commit and context. */
  readonly statuses: Map<Sha, Map<string, CommitStatus>>
  /** By pull request or issue, which are counted together. */
  readonly comments: Map<number, Array<Comment>>
  readonly issues: Map<number, MemoryIssue>
  readonly labels: Set<string>
  /** What people may do; who is not named may read. */
  readonly people: Map<string, Permission>
  readonly pullBodies: Map<number, string>
}
export interface MemoryIssue extends Issue {
  readonly changedAtMillis: number
  /** Who gave each label, and assigned whom, last. */
  readonly gaveBy: ReadonlyMap<string, string>
}

export const nextNumber = (repo: Repository): number => Math.max(0, ...repo.pulls.keys(), ...repo.issues.keys()) + 1
/** As forges do with the issues that a merged pull request says it closes. */
export const closeIssues = (repo: Repository, body: string): void => {
  for (const [, number] of body.matchAll(/\b(?:closes|fixes|resolves) #(\d+)/gi)) {
    const issue = repo.issues.get(Number(number))
    if (issue !== undefined) repo.issues.set(issue.number, { ...issue, state: "closed" })
  }
}
export type Repositories = Map<string, Repository>

export const platform: Person = { name: "rdev", email: "rdev@localhost" }

/** Thrown inside the synchronous model and turned into a ForgeError at its border. */
export class Refusal extends Error {
  readonly reason: PortReason
  constructor(reason: PortReason) {
    super(reason._tag)
    this.reason = reason
  }
}
export const refuse = (reason: PortReason): never => {
  throw new Refusal(reason)
}
export const notFound = (message: string) => refuse({ _tag: "NotFound", message })
export const conflict = (message: string) => refuse({ _tag: "Conflict", message })

export const cloneUrl = ({ name }: Pick<Repository, "name">): string => `memory://forge/${name}.git`

const bytes = (content: Uint8Array | string): Uint8Array =>
  typeof content === "string" ? Buffer.from(content) : content

export const commitOf = (repo: Repository, sha: Sha): Commit =>
  repo.commits.get(sha) ?? notFound(`commit ${sha} does not exist in ${repo.name}`)
export const headOf = (repo: Repository, branch: string): Sha =>
  repo.branches.get(branch) ?? notFound(`branch ${branch} does not exist in ${repo.name}`)
/** Head of a branch, or a commit by its id. */
export const tipOf = (repo: Repository, name: string): Sha =>
  repo.branches.get(name) ?? (repo.commits.has(name) ? name : headOf(repo, name))
export const store = (repo: Repository, commit: Commit): Sha => {
  const sha = commitName(commit)
  repo.commits.set(sha, commit)
  return sha
}

const applyChanges = (repo: Repository, before: Tree, changes: ReadonlyArray<FileChange>): Tree => {
  const tree = new Map(before)
  for (const change of changes) {
    const why = ForgePath.invalid(change.path)
    if (why !== null) refuse({ _tag: "Invalid", field: "changes.path", message: why })
    if (change.content === null) {
      tree.delete(change.path)
      for (const path of tree.keys()) if (path.startsWith(`${change.path}/`)) tree.delete(path)
      continue
    }
    const content = bytes(change.content)
    const oid = blobName(content)
    repo.blobs.set(oid, content)
    const executable = change.executable ?? before.get(change.path)?.mode === "100755"
    putFile(tree, change.path, { mode: executable ? "100755" : "100644", oid })
  }
  return tree
}

/** Every commit reachable from `sha`, breadth first, itself included. */
export const ancestors = (repo: Repository, sha: Sha): Set<Sha> => {
  const seen = new Set<Sha>([sha])
  for (const next of seen) for (const parent of repo.commits.get(next)?.parents ?? []) seen.add(parent)
  return seen
}
export const without = (all: ReadonlySet<Sha>, known: ReadonlySet<Sha>): ReadonlyArray<Sha> =>
  [...all].filter((sha) => !known.has(sha))
export const mergeBase = (repo: Repository, a: Sha, b: Sha): Sha | null => {
  const ofA = ancestors(repo, a)
  for (const candidate of ancestors(repo, b)) if (ofA.has(candidate)) return candidate
  return null
}
export const merged = (repo: Repository, ours: Sha, theirs: Sha) => {
  const base = mergeBase(repo, ours, theirs)
  return mergeTrees(
    base === null ? new Map() : commitOf(repo, base).tree,
    commitOf(repo, ours).tree,
    commitOf(repo, theirs).tree
  )
}

/** Runs a verb of a port; what it throws becomes the port's error. */
export const run = <A>(operation: string, body: (nowMillis: number) => A): Effect.Effect<A, ForgeError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.try({
      try: () => body(now),
      catch: (cause) =>
        new ForgeError({
          operation,
          reason: cause instanceof Refusal ? cause.reason : { _tag: "Unknown", message: String(cause) },
          cause
        })
    })
  )

export const find = (repositories: Repositories, target: RepositoryTarget): Repository => {
  const repo = repositories.get(target.name) ?? notFound(`repository ${target.name} does not exist`)
  return repo.projectId === target.projectId
    ? repo
    : refuse({ _tag: "Foreign", message: `repository ${target.name} belongs to ${repo.projectId}` })
}

export const commit = (repo: Repository, request: CommitRequest, now: number): Sha => {
  const head = repo.branches.get(request.branch) ?? null
  if (head !== request.expectedHead) {
    conflict(
      request.expectedHead === null
        ? `branch ${request.branch} exists already at ${head}`
        : `branch ${request.branch} is at ${head ?? "nothing"}, not at the expected ${request.expectedHead}`
    )
  }
  const tree = applyChanges(repo, head === null ? new Map() : commitOf(repo, head).tree, request.changes)
  const sha = store(repo, {
    tree,
    parents: head === null ? [] : [head],
    author: request.author,
    message: request.message,
    timeMillis: now
  })
  repo.branches.set(request.branch, sha)
  return sha
}
export const mergeInto = (repo: Repository, branch: string, theirs: Sha, message: string, now: number): Sha => {
  const ours = headOf(repo, branch)
  const result = merged(repo, ours, theirs)
  if (result.conflicts.length > 0) conflict(`conflicting paths: ${result.conflicts.join(", ")}`)
  const sha = store(repo, { tree: result.tree, parents: [ours, theirs], author: platform, message, timeMillis: now })
  repo.branches.set(branch, sha)
  return sha
}
