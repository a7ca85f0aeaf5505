/**
 * Git hosting: repositories, tokens, branches, pull requests. Every verb is safe to run twice; an adapter marks what it
 * creates as ours (with the project id) and refuses to touch anything else. Refs are validated here (`BranchName`), so that
 * no adapter ever sees a name with a leading dash.
 */
import { Context, type Effect, type Option, type Redacted, Schema } from "effect"
import type { Examined } from "../../domain/Examined.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import type { ProjectName } from "../../domain/Project.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class ForgeError extends Schema.TaggedError<ForgeError>()("ForgeError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}

/**
 * The subset of `git check-ref-format --branch` that rdev uses for its own branches and accepts from callers. Names that a git command
 * line takes for something else are left out: `HEAD`, a whole commit id, a name that begins with `refs/`.
 */
export const BranchName = Schema.String.check(
  Schema.isPattern(
    /^(?!refs\/)(?!(?:HEAD|[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$)(?!.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)|\/\.|\.$|\/$))[A-Za-z0-9_][A-Za-z0-9._/-]{0,199}$/,
    {
      message:
        "expected a branch name: letters, digits, . _ / -, not starting with a dash, a dot or refs/, not HEAD and not a commit id"
    }
  )
).pipe(Schema.brand("rdev/BranchName"))
export type BranchName = typeof BranchName.Type

/** Lower-case hex commit id. */
export type Sha = string

export interface RepositoryTarget {
  readonly projectId: ProjectId
  readonly name: ProjectName
}
export interface Repository {
  readonly externalId: string
  /** HTTP clone URL without credentials. */
  readonly cloneUrl: string
  readonly defaultBranch: string
  /** True when this call created it. */
  readonly created: boolean
}
export interface TreeEntry {
  readonly path: string
  readonly mode: string
  readonly oid: string
}
export interface FileChange {
  /** Relative, forward slashes, no `..`. */
  readonly path: string
  /** null deletes the file, or the folder with all that is in it. */
  readonly content: Uint8Array | string | null
  readonly executable?: boolean
}
/** What `readFiles` is asked for, as a question about each path. */
export const isAsked = (under: string | ReadonlyArray<string>): ((path: string) => boolean) => {
  if (typeof under !== "string") {
    const paths = new Set(under)
    return (path) => paths.has(path)
  }
  const prefix = under === "" ? "" : `${under.replace(/\/+$/, "")}/`
  return (path) => path.startsWith(prefix)
}
export interface CommitRequest {
  readonly branch: BranchName
  /** Head the change was made against; a moved head answers Conflict and changes nothing. null = the branch must not exist. */
  readonly expectedHead: Sha | null
  readonly changes: ReadonlyArray<FileChange>
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
}
export interface Handover {
  /** Commit that `importBundle` answered with. Its tree is the work; its author, message and dates are not taken over. */
  readonly work: Sha
  /** Commit at which the work began, and the first parent of `work`. */
  readonly base: Sha
  /** Branch that the work may have merged: the second parent of `work`, if it has one, must lie in its history. null = none. */
  readonly upstream: BranchName | null
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
}
export interface Prepared {
  /** The commit to examine and to advance to; the given head itself when there is nothing to land. */
  readonly sha: Sha
  /** Commit of the upstream branch that the work merged. */
  readonly merged: Sha | null
}
export interface Comparison {
  readonly ahead: number
  readonly behind: number
  /** Paths that would conflict if head were merged into base. */
  readonly conflicts: ReadonlyArray<string>
  /** The commit at which they parted; null when they have no history in common. */
  readonly mergeBase: Sha | null
}
/** What is read of a commit's message: what it says of other commits stands in front of what a squash collects. */
export const messageLength = 2_000
/** A commit on a branch's own line: its parents, the one on that line first. */
export interface LineCommit {
  readonly sha: Sha
  readonly parents: ReadonlyArray<Sha>
  /** Its first `messageLength` characters, without white space at the end. */
  readonly message: string
}
export interface PullRequest {
  readonly number: number
  readonly title: string
  readonly state: "open" | "closed" | "merged"
  readonly head: string
  readonly base: string
  readonly headSha: Sha
  readonly mergeSha: Sha | null
  readonly url: string
}
export interface Token {
  readonly token: Redacted.Redacted
  readonly username: string
  readonly expiresAtMillis: number
}

export class Forge extends Context.Service<
  Forge,
  {
    /** Creates the repository with the seed files as its first commit, or adopts ours. The seed is written only when it creates. */
    ensureRepository(
      target: RepositoryTarget,
      seed: { readonly defaultBranch: BranchName; readonly files: ReadonlyArray<FileChange>; readonly message: string }
    ): Effect.Effect<Repository, ForgeError>
    observeRepository(target: RepositoryTarget): Effect.Effect<Option.Option<Repository>, ForgeError>
    deleteRepository(target: RepositoryTarget): Effect.Effect<void, ForgeError>
    /** Repositories marked ours, for the collector. */
    listRepositories: Effect.Effect<
      ReadonlyArray<{ readonly projectId: ProjectId; readonly externalId: string; readonly createdAtMillis: number }>,
      ForgeError
    >
    /**
     * A token for this repository alone, to clone, fetch and (write) push over HTTP. `issuer` is the id of the principal in whose name it
     * is made (`platform`: the platform's own): where the forge can, the token is worth what its issuer may do at the time of use.
     */
    issueToken(
      target: RepositoryTarget,
      access: "read" | "write",
      ttlSeconds: number,
      issuer: string
    ): Effect.Effect<Token, ForgeError>
    revokeTokens(target: RepositoryTarget): Effect.Effect<void, ForgeError>

    head(target: RepositoryTarget, branch: BranchName): Effect.Effect<Option.Option<Sha>, ForgeError>
    branches(
      target: RepositoryTarget
    ): Effect.Effect<ReadonlyArray<{ readonly name: string; readonly sha: Sha }>, ForgeError>
    /** Every file of the commit's tree. */
    listTree(target: RepositoryTarget, sha: Sha): Effect.Effect<ReadonlyArray<TreeEntry>, ForgeError>
    /** Contents of all files under a folder (`""` = all) at a commit, or of the files with these paths; at most 64 MiB. */
    readFiles(
      target: RepositoryTarget,
      sha: Sha,
      under: string | ReadonlyArray<string>
    ): Effect.Effect<ReadonlyMap<string, Uint8Array>, ForgeError>
    commit(target: RepositoryTarget, request: CommitRequest): Effect.Effect<Sha, ForgeError>
    /** Creates the branch at the commit; a branch that is there already is left as it is. */
    ensureBranch(target: RepositoryTarget, branch: BranchName, at: Sha): Effect.Effect<Sha, ForgeError>
    deleteBranch(target: RepositoryTarget, branch: BranchName): Effect.Effect<void, ForgeError>
    /** Of two branches, or commits by their id. */
    compare(
      target: RepositoryTarget,
      base: BranchName | Sha,
      head: BranchName | Sha
    ): Effect.Effect<Comparison, ForgeError>
    /**
     * Paths that a merge of head into base would change, conflicting ones among them, sorted; nothing moves. Empty when base has all
     * that head changes of the commit at which they parted, whatever else was done to the same files.
     */
    brings(
      target: RepositoryTarget,
      base: BranchName | Sha,
      head: BranchName | Sha
    ): Effect.Effect<ReadonlyArray<string>, ForgeError>
    /** The line of first parents that ends in a commit, newest first, at most `limit` (1 … 1000) and without what `since` reaches. */
    line(
      target: RepositoryTarget,
      head: Sha,
      options: { readonly since: Sha | null; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<LineCommit>, ForgeError>
    /** Merges base into the branch; Conflict names the paths. Returns the new head (the old one when nothing was behind). */
    updateBranch(target: RepositoryTarget, branch: BranchName, base: BranchName): Effect.Effect<Sha, ForgeError>

    /**
     * A git bundle of the branch (ref `refs/heads/<branch>`), so that a workspace without a network can clone or fetch it.
     * `since` leaves out what that commit reaches; an unknown `since` is ignored. Empty when the workspace has everything.
     */
    exportBundle(target: RepositoryTarget, branch: BranchName, since: Sha | null): Effect.Effect<Uint8Array, ForgeError>
    /**
     * Takes the objects of a bundle made in a workspace (untrusted: checked like a push, at most 256 MiB) and returns the commit it
     * carries. No branch moves: the commit waits under a hidden ref for `prepareHandover`. A refused bundle leaves nothing behind.
     */
    importBundle(target: RepositoryTarget, bundle: Uint8Array): Effect.Effect<Sha, ForgeError>
    /**
     * Makes, on no branch yet, the commit that brings the work onto `head`: one commit of the given author with the work's tree on `base`,
     * and a merge of it where the branch has moved on since (Conflict names the paths). Invalid(work) when the work is not one commit
     * on `base`, or merges something that is not of the upstream branch.
     */
    prepareHandover(target: RepositoryTarget, head: Sha, handover: Handover): Effect.Effect<Prepared, ForgeError>
    /** Moves a branch forward, as it was examined; Conflict when it has another head by now or the commit does not descend from it. */
    advanceBranch(target: RepositoryTarget, branch: BranchName, examined: Examined): Effect.Effect<void, ForgeError>

    /** The open pull request for head → base, created if there is none. */
    ensurePullRequest(
      target: RepositoryTarget,
      request: { readonly head: BranchName; readonly base: BranchName; readonly title: string; readonly body: string }
    ): Effect.Effect<PullRequest, ForgeError>
    pullRequest(target: RepositoryTarget, number: number): Effect.Effect<PullRequest, ForgeError>
    setPullRequestState(
      target: RepositoryTarget,
      number: number,
      state: "open" | "closed"
    ): Effect.Effect<PullRequest, ForgeError>
    /** Merges with a merge commit if the head is still `expectedHead`; an already merged pull request answers with its merge commit. */
    mergePullRequest(target: RepositoryTarget, number: number, expectedHead: Sha): Effect.Effect<Sha, ForgeError>
  }
>()("rdev/ports/Forge") {}
