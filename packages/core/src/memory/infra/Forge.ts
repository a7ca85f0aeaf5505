/**
 * A forge in memory with real, content-addressed commits (their names are git's), branches, three-way merges by path and pull
 * requests. It serves no HTTP: its clone URLs cannot be cloned. A bundle is JSON of its own (see `makeBundle`), not git's format.
 */
import { Clock, Effect, Layer, Option, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { Examined } from "../../domain/Examined.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type {
  CommitRequest,
  FileChange,
  Handover,
  LineCommit,
  Prepared,
  PullRequest,
  RepositoryTarget,
  Sha
} from "../../ports/infra/Forge.ts"
import { Forge, ForgeError, isAsked, messageLength } from "../../ports/infra/Forge.ts"
import * as ForgePath from "../../ports/infra/ForgePath.ts"
import type { PortReason } from "../../ports/infra/PortReason.ts"
import {
  blobName,
  type Commit,
  commitName,
  type FileEntry,
  mergeTrees,
  type Person,
  putFile,
  type Tree
} from "./GitObjects.ts"

interface Repository {
  readonly projectId: ProjectId
  readonly name: string
  readonly defaultBranch: string
  readonly createdAtMillis: number
  readonly blobs: Map<string, Uint8Array>
  readonly commits: Map<Sha, Commit>
  readonly branches: Map<string, Sha>
  readonly pulls: Map<number, PullRequest>
}

const platform: Person = { name: "rdev", email: "rdev@localhost" }
const maxReadBytes = 64 * 1024 * 1024

/** Thrown inside the synchronous model and turned into a ForgeError at its border. */
class Refusal extends Error {
  readonly reason: PortReason
  constructor(reason: PortReason) {
    super(reason._tag)
    this.reason = reason
  }
}
const refuse = (reason: PortReason): never => {
  throw new Refusal(reason)
}
const notFound = (message: string) => refuse({ _tag: "NotFound", message })
const conflict = (message: string) => refuse({ _tag: "Conflict", message })

const bytes = (content: Uint8Array | string): Uint8Array =>
  typeof content === "string" ? Buffer.from(content) : content

const commitOf = (repo: Repository, sha: Sha): Commit =>
  repo.commits.get(sha) ?? notFound(`commit ${sha} does not exist in ${repo.name}`)
const headOf = (repo: Repository, branch: string): Sha =>
  repo.branches.get(branch) ?? notFound(`branch ${branch} does not exist in ${repo.name}`)
/** Head of a branch, or a commit by its id. */
const tipOf = (repo: Repository, name: string): Sha =>
  repo.branches.get(name) ?? (repo.commits.has(name) ? name : headOf(repo, name))
const store = (repo: Repository, commit: Commit): Sha => {
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
const ancestors = (repo: Repository, sha: Sha): Set<Sha> => {
  const seen = new Set<Sha>([sha])
  for (const next of seen) for (const parent of repo.commits.get(next)?.parents ?? []) seen.add(parent)
  return seen
}
const without = (all: ReadonlySet<Sha>, known: ReadonlySet<Sha>): ReadonlyArray<Sha> =>
  [...all].filter((sha) => !known.has(sha))
const mergeBase = (repo: Repository, a: Sha, b: Sha): Sha | null => {
  const ofA = ancestors(repo, a)
  for (const candidate of ancestors(repo, b)) if (ofA.has(candidate)) return candidate
  return null
}
const merged = (repo: Repository, ours: Sha, theirs: Sha) => {
  const base = mergeBase(repo, ours, theirs)
  return mergeTrees(
    base === null ? new Map() : commitOf(repo, base).tree,
    commitOf(repo, ours).tree,
    commitOf(repo, theirs).tree
  )
}

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

const encodeBundle = (commits: ReadonlyArray<Commit>, head: Sha, blobs: Iterable<Uint8Array>): Uint8Array =>
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
const takeBundle = (repo: Repository, bundle: Uint8Array): Sha => {
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

/** See `Forge.prepareHandover`. */
const prepare = (repo: Repository, head: Sha, handover: Handover, now: number): Prepared => {
  const { author, base, message, upstream, work } = handover
  const [first, merges = null, ...more] = commitOf(repo, work).parents
  const upstreamHead = upstream === null ? undefined : repo.branches.get(upstream)
  const known = merges === null || (upstreamHead !== undefined && ancestors(repo, upstreamHead).has(merges))
  if (first !== base || more.length > 0 || !known)
    refuse({ _tag: "Invalid", field: "work", message: `${work} is not one commit on ${base}` })
  if (!ancestors(repo, head).has(base)) conflict(`${base}, where the work began, is no longer part of the branch`)
  const took = merges === null || ancestors(repo, base).has(merges) ? null : merges
  const same = (a: Tree, b: Tree) =>
    a.size === b.size &&
    [...a].every(([path, entry]) => b.get(path)?.oid === entry.oid && b.get(path)?.mode === entry.mode)
  if (took === null && same(commitOf(repo, work).tree, commitOf(repo, base).tree)) return { sha: head, merged: null }
  const made = store(repo, {
    tree: commitOf(repo, work).tree,
    parents: took === null ? [base] : [base, took],
    author,
    message,
    timeMillis: now
  })
  if (head === base) return { sha: made, merged: took }
  const result = merged(repo, head, made)
  if (result.conflicts.length > 0) conflict(`conflicting paths: ${result.conflicts.join(", ")}`)
  return {
    sha: store(repo, {
      tree: result.tree,
      parents: [head, made],
      author: platform,
      message: `Merge what was handed over: ${message}`,
      timeMillis: now
    }),
    merged: took
  }
}

const make = Effect.sync(() => {
  const repositories = new Map<string, Repository>()
  const tokens = new Map<string, Array<string>>()

  const find = (target: RepositoryTarget): Repository => {
    const repo = repositories.get(target.name) ?? notFound(`repository ${target.name} does not exist`)
    return repo.projectId === target.projectId
      ? repo
      : refuse({ _tag: "Foreign", message: `repository ${target.name} belongs to ${repo.projectId}` })
  }
  const view = (repo: Repository, created: boolean) => ({
    externalId: repo.name,
    cloneUrl: `memory://forge/${repo.name}.git`,
    defaultBranch: repo.defaultBranch,
    created
  })
  const pullOf = (repo: Repository, number: number): PullRequest => {
    const pull = repo.pulls.get(number) ?? notFound(`pull request #${number} does not exist in ${repo.name}`)
    return pull.state === "merged" ? pull : { ...pull, headSha: repo.branches.get(pull.head) ?? pull.headSha }
  }
  const run = <A>(operation: string, body: (nowMillis: number) => A): Effect.Effect<A, ForgeError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.try({
        try: () => body(now),
        catch: (cause) =>
          new ForgeError({
            operation: `Forge.${operation}`,
            reason: cause instanceof Refusal ? cause.reason : { _tag: "Unknown", message: String(cause) },
            cause
          })
      })
    )

  const commit = (repo: Repository, request: CommitRequest, now: number): Sha => {
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
  const mergeInto = (repo: Repository, branch: string, theirs: Sha, message: string, now: number): Sha => {
    const ours = headOf(repo, branch)
    const result = merged(repo, ours, theirs)
    if (result.conflicts.length > 0) conflict(`conflicting paths: ${result.conflicts.join(", ")}`)
    const sha = store(repo, { tree: result.tree, parents: [ours, theirs], author: platform, message, timeMillis: now })
    repo.branches.set(branch, sha)
    return sha
  }

  return Forge.of({
    ensureRepository: (target, seed) =>
      run("ensureRepository", (now) => {
        if (repositories.has(target.name)) return view(find(target), false)
        const repo: Repository = {
          projectId: target.projectId,
          name: target.name,
          defaultBranch: seed.defaultBranch,
          createdAtMillis: now,
          blobs: new Map(),
          commits: new Map(),
          branches: new Map(),
          pulls: new Map()
        }
        commit(
          repo,
          {
            branch: seed.defaultBranch,
            expectedHead: null,
            changes: seed.files,
            message: seed.message,
            author: platform
          },
          now
        )
        repositories.set(target.name, repo)
        return view(repo, true)
      }),
    observeRepository: (target) =>
      run("observeRepository", () =>
        repositories.has(target.name) ? Option.some(view(find(target), false)) : Option.none()
      ),
    deleteRepository: (target) =>
      run("deleteRepository", () => {
        if (!repositories.has(target.name)) return
        find(target)
        repositories.delete(target.name)
        tokens.delete(target.name)
      }),
    listRepositories: run("listRepositories", () =>
      [...repositories.values()].map((r) => ({
        projectId: r.projectId,
        externalId: r.name,
        createdAtMillis: r.createdAtMillis
      }))
    ),
    issueToken: (target, _access, ttlSeconds) =>
      run("issueToken", (now) => {
        find(target)
        if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1)
          refuse({ _tag: "Invalid", field: "ttlSeconds", message: "expected a whole number of seconds, at least 1" })
        const token = `mem_${randomBytes(24).toString("base64url")}`
        tokens.set(target.name, [...(tokens.get(target.name) ?? []), token])
        return { token: Redacted.make(token), username: "rdev", expiresAtMillis: now + ttlSeconds * 1000 }
      }),
    revokeTokens: (target) =>
      run("revokeTokens", () => {
        if (repositories.has(target.name)) {
          find(target)
          tokens.delete(target.name)
        }
      }),
    head: (target, branch) => run("head", () => Option.fromNullishOr(find(target).branches.get(branch))),
    branches: (target) =>
      run("branches", () =>
        [...find(target).branches].map(([name, sha]) => ({ name, sha })).sort((a, b) => (a.name < b.name ? -1 : 1))
      ),
    listTree: (target, sha) =>
      run("listTree", () =>
        [...commitOf(find(target), sha).tree]
          .map(([path, e]) => ({ path, mode: e.mode, oid: e.oid }))
          .sort((a, b) => (a.path < b.path ? -1 : 1))
      ),
    readFiles: (target, sha, under) =>
      run("readFiles", () => {
        const repo = find(target)
        const asked = isAsked(under)
        const files = new Map<string, Uint8Array>()
        let total = 0
        for (const [path, entry] of commitOf(repo, sha).tree) {
          const content = repo.blobs.get(entry.oid)
          if (!asked(path) || content === undefined) continue
          total += content.byteLength
          if (total > maxReadBytes)
            refuse({ _tag: "ResourceExhausted", message: "the files asked for are larger than 64 MiB" })
          files.set(path, content)
        }
        return files
      }),
    commit: (target, request) => run("commit", (now) => commit(find(target), request, now)),
    ensureBranch: (target, branch, at) =>
      run("ensureBranch", () => {
        const repo = find(target)
        commitOf(repo, at)
        const head = repo.branches.get(branch)
        if (head === undefined) repo.branches.set(branch, at)
        return head ?? at
      }),
    deleteBranch: (target, branch) =>
      run("deleteBranch", () => {
        const repo = find(target)
        if (branch === repo.defaultBranch)
          refuse({ _tag: "Invalid", field: "branch", message: `${branch} is the default branch and cannot be deleted` })
        repo.branches.delete(branch)
      }),
    compare: (target, base, head) =>
      run("compare", () => {
        const repo = find(target)
        const [b, h] = [tipOf(repo, base), tipOf(repo, head)]
        const [ofB, ofH] = [ancestors(repo, b), ancestors(repo, h)]
        return {
          ahead: without(ofH, ofB).length,
          behind: without(ofB, ofH).length,
          conflicts: merged(repo, b, h).conflicts,
          mergeBase: mergeBase(repo, b, h)
        }
      }),
    brings: (target, base, head) =>
      run("brings", () => {
        const repo = find(target)
        const [ours, theirs] = [tipOf(repo, base), tipOf(repo, head)]
        const { conflicts, tree } = merged(repo, ours, theirs)
        const before = commitOf(repo, ours).tree
        const changed = [...new Set([...before.keys(), ...tree.keys()])].filter((path) => {
          const [was, is] = [before.get(path), tree.get(path)]
          return was?.oid !== is?.oid || was?.mode !== is?.mode
        })
        return [...new Set([...changed, ...conflicts])].sort()
      }),
    line: (target, head, { limit, since }) =>
      run("line", () => {
        const repo = find(target)
        if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
          refuse({ _tag: "Invalid", field: "limit", message: "expected a whole number from 1 to 1000" })
        const known = since === null ? new Set<Sha>() : (commitOf(repo, since), ancestors(repo, since))
        const found: Array<LineCommit> = []
        for (
          let sha: Sha | undefined = head;
          sha !== undefined && !known.has(sha) && found.length < limit;
          sha = found.at(-1)?.parents[0]
        )
          found.push({
            sha,
            parents: commitOf(repo, sha).parents,
            message: commitOf(repo, sha).message.slice(0, messageLength).trimEnd()
          })
        return found
      }),
    updateBranch: (target, branch, base) =>
      run("updateBranch", (now) => {
        const repo = find(target)
        const [ours, theirs] = [headOf(repo, branch), headOf(repo, base)]
        if (ancestors(repo, ours).has(theirs)) return ours
        if (ancestors(repo, theirs).has(ours)) {
          repo.branches.set(branch, theirs)
          return theirs
        }
        return mergeInto(repo, branch, theirs, `Merge branch '${base}' into ${branch}`, now)
      }),
    exportBundle: (target, branch, since) =>
      run("exportBundle", () => {
        const repo = find(target)
        const head = headOf(repo, branch)
        const known = since !== null && repo.commits.has(since) ? ancestors(repo, since) : new Set<Sha>()
        const fresh = [...without(ancestors(repo, head), known)].reverse()
        if (fresh.length === 0) return new Uint8Array(0)
        const commits = fresh.map((sha) => commitOf(repo, sha))
        const oids = new Set(commits.flatMap((c) => [...c.tree.values()].map((e) => e.oid)))
        return encodeBundle(
          commits,
          head,
          [...oids].flatMap((oid) => repo.blobs.get(oid) ?? [])
        )
      }),
    importBundle: (target, bundle) => run("importBundle", () => takeBundle(find(target), bundle)),
    prepareHandover: (target, head, handover) =>
      run("prepareHandover", (now) => prepare(find(target), head, handover, now)),
    advanceBranch: (target, branch, examined) =>
      run("advanceBranch", () => {
        const repo = find(target)
        const head = headOf(repo, branch)
        if (!Examined.is(examined)) refuse({ _tag: "Invalid", field: "examined", message: "the move was not examined" })
        commitOf(repo, examined.to)
        if (head !== examined.head) conflict(`branch ${branch} is at ${head}, not at the examined ${examined.head}`)
        if (!ancestors(repo, examined.to).has(head)) conflict(`${examined.to} does not descend from ${head}`)
        repo.branches.set(branch, examined.to)
      }),
    ensurePullRequest: (target, request) =>
      run("ensurePullRequest", () => {
        const repo = find(target)
        const headSha = headOf(repo, request.head)
        headOf(repo, request.base)
        for (const pull of repo.pulls.values()) {
          if (pull.state === "open" && pull.head === request.head && pull.base === request.base)
            return pullOf(repo, pull.number)
        }
        const number = repo.pulls.size + 1
        const pull: PullRequest = {
          number,
          title: request.title,
          state: "open",
          head: request.head,
          base: request.base,
          headSha,
          mergeSha: null,
          url: `memory://forge/${repo.name}/pulls/${number}`
        }
        repo.pulls.set(number, pull)
        return pull
      }),
    pullRequest: (target, number) => run("pullRequest", () => pullOf(find(target), number)),
    setPullRequestState: (target, number, state) =>
      run("setPullRequestState", () => {
        const repo = find(target)
        const pull = pullOf(repo, number)
        if (pull.state === "merged") conflict(`pull request #${number} is merged`)
        const next = { ...pull, state }
        repo.pulls.set(number, next)
        return next
      }),
    mergePullRequest: (target, number, expectedHead) =>
      run("mergePullRequest", (now) => {
        const repo = find(target)
        const pull = pullOf(repo, number)
        if (pull.state === "merged") return pull.mergeSha ?? pull.headSha
        if (pull.state === "closed") conflict(`pull request #${number} is closed`)
        if (pull.headSha !== expectedHead)
          conflict(`pull request #${number} is at ${pull.headSha}, not at the expected ${expectedHead}`)
        const base = headOf(repo, pull.base)
        const mergeSha = ancestors(repo, base).has(expectedHead)
          ? base
          : mergeInto(repo, pull.base, expectedHead, `Merge pull request #${number}: ${pull.title}`, now)
        repo.pulls.set(number, { ...pull, state: "merged", mergeSha })
        return mergeSha
      })
  })
})

/** Empty, and forgotten when the layer closes. */
export const layer: Layer.Layer<Forge> = Layer.effect(Forge, make)
