/**
 * What is in a repository: heads, trees, files, commits with an expected head, merges, bundles for workspaces. Implemented once for every
 * forge (`@rdev/git`). Writing verbs name the head that they build on; a branch that has another one by now is a Conflict and
 * stays as it is.
 */
import { Context, type Effect, type Option } from "effect"
import type { Examined } from "../../domain/Examined.ts"
import type { BranchName, ForgeError, RepositoryTarget, Sha } from "./Forge.ts"
import type { HistorySource, ImportedHistory } from "./RepositorySource.ts"

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

export class GitObjects extends Context.Service<
  GitObjects,
  {
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
    /**
     * Brings every branch and tag of a history that lies elsewhere into an empty repository; one whose default branch is there already is
     * left as it is. The default branch is moved last: a repository that has it has everything. NotFound when the source lacks it.
     */
    importHistory(target: RepositoryTarget, source: HistorySource): Effect.Effect<ImportedHistory, ForgeError>
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
  }
>()("rdev/ports/GitObjects") {}
