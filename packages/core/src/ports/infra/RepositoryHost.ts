/**
 * Where repositories are kept and talked about: repositories, tokens, pull requests, statuses, comments, webhooks, protection. What is in
 * a repository is `GitObjects`' matter. Every verb is safe to run twice; an adapter marks what it creates as ours (with the project id)
 * and answers Foreign for anything else. A forge that has no such thing as a verb asks for answers Unsupported and says what stands in
 * for it; it never pretends.
 */
import { Context, type Effect, type Option, type Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { BranchName, ForgeError, RepositoryTarget, Sha } from "./Forge.ts"
import type { FileChange } from "./GitObjects.ts"

export interface Repository {
  readonly externalId: string
  /** HTTP clone URL without credentials. */
  readonly cloneUrl: string
  readonly defaultBranch: string
  /** True when this call created it. */
  readonly created: boolean
}
export interface Seed {
  readonly defaultBranch: BranchName
  /** null = the repository stays empty: a history is brought into it (`GitObjects.importHistory`). */
  readonly files: ReadonlyArray<FileChange> | null
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
  /** Not to be merged yet; left out by a forge that has no drafts. */
  readonly draft?: boolean
}
export interface Token {
  readonly token: Redacted.Redacted
  readonly username: string
  readonly expiresAtMillis: number
}
/** What somebody says of a commit; the newest of each context counts. */
export interface CommitStatus {
  /** Who says it, e.g. `rdev/review`; at most 100 characters. */
  readonly context: string
  readonly state: "pending" | "success" | "failure" | "error"
  /** A line for people, cut after 140 characters. */
  readonly description: string
  readonly url: string | null
}
export interface Comment {
  readonly id: string
  readonly author: string
  readonly body: string
  /** Of those that `ensureComment` made; null = somebody else's. */
  readonly key: string | null
  readonly createdAtMillis: number
}
export interface Webhook {
  readonly url: string
  /** The forge's own words, e.g. `push`. */
  readonly events: ReadonlyArray<string>
  readonly active: boolean
}
export interface Protection {
  readonly branch: BranchName
  /** Contexts of statuses that must be `success` before a pull request is merged. */
  readonly requiredStatuses: ReadonlyArray<string>
}

export class RepositoryHost extends Context.Service<
  RepositoryHost,
  {
    /**
     * Creates the repository with the seed files as its first commit, or takes up ours. The seed is written only into an empty one.
     * Where the forge has a default branch of its own choosing, it is made the seed's once that is there.
     */
    ensure(target: RepositoryTarget, seed: Seed): Effect.Effect<Repository, ForgeError>
    /**
     * Makes a repository that is there already the project's, by its id or name at the forge: it gets our mark, and nothing in it
     * changes. Foreign when another project has it. Never done but by this verb.
     */
    adopt(target: RepositoryTarget, externalId: string): Effect.Effect<Repository, ForgeError>
    /** Takes an adopted repository's mark away and leaves the repository. */
    release(target: RepositoryTarget): Effect.Effect<void, ForgeError>
    observe(target: RepositoryTarget): Effect.Effect<Option.Option<Repository>, ForgeError>
    /** Deletes a repository that `ensure` made; one that was adopted is released. */
    remove(target: RepositoryTarget): Effect.Effect<void, ForgeError>
    /** Repositories marked ours, for the collector. */
    readonly list: Effect.Effect<
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

    /**
     * The open pull request for head → base, created if there is none. With `draft` it is made as a draft, where the forge has drafts;
     * without, one that is a draft is made ready.
     */
    ensurePullRequest(
      target: RepositoryTarget,
      request: {
        readonly head: BranchName
        readonly base: BranchName
        readonly title: string
        readonly body: string
        readonly draft?: boolean
      }
    ): Effect.Effect<PullRequest, ForgeError>
    pullRequest(target: RepositoryTarget, number: number): Effect.Effect<PullRequest, ForgeError>
    setPullRequestState(
      target: RepositoryTarget,
      number: number,
      state: "open" | "closed"
    ): Effect.Effect<PullRequest, ForgeError>
    /** Merges with a merge commit if the head is still `expectedHead`; an already merged pull request answers with its merge commit. */
    mergePullRequest(target: RepositoryTarget, number: number, expectedHead: Sha): Effect.Effect<Sha, ForgeError>

    setStatus(target: RepositoryTarget, sha: Sha, status: CommitStatus): Effect.Effect<void, ForgeError>
    /** The newest of each context, by context. */
    statuses(target: RepositoryTarget, sha: Sha): Effect.Effect<ReadonlyArray<CommitStatus>, ForgeError>
    /** The one comment of this key on a pull request or an issue: made, or changed where it says something else. */
    ensureComment(
      target: RepositoryTarget,
      number: number,
      comment: { readonly key: string; readonly body: string }
    ): Effect.Effect<Comment, ForgeError>
    /** Oldest first. */
    comments(target: RepositoryTarget, number: number): Effect.Effect<ReadonlyArray<Comment>, ForgeError>

    /** One webhook per URL; its secret is set anew each time. */
    ensureWebhook(
      target: RepositoryTarget,
      webhook: { readonly url: string; readonly events: ReadonlyArray<string>; readonly secret: Redacted.Redacted }
    ): Effect.Effect<Webhook, ForgeError>
    removeWebhook(target: RepositoryTarget, url: string): Effect.Effect<void, ForgeError>
    webhooks(target: RepositoryTarget): Effect.Effect<ReadonlyArray<Webhook>, ForgeError>

    /** Only the platform pushes to the branch; everybody else's work comes by pull request. Nobody may rewrite or delete it. */
    protect(target: RepositoryTarget, protection: Protection): Effect.Effect<void, ForgeError>
  }
>()("rdev/ports/RepositoryHost") {}
