/**
 * Issues of a forge and what people may do there, for features that begin as an issue. Told by the slot `forge`; a forge without issues
 * says nothing. Comments on issues are `RepositoryHost`'s, as those on pull requests: forges count both together.
 */
import { Context, type Effect } from "effect"
import type { ForgeError, RepositoryTarget } from "../infra/Forge.ts"

export interface Issue {
  readonly number: number
  readonly title: string
  /** As it was written; empty when nothing was. */
  readonly body: string
  readonly state: "open" | "closed"
  readonly author: string
  readonly labels: ReadonlyArray<string>
  /** Logins. */
  readonly assignees: ReadonlyArray<string>
  readonly url: string
  /** It is a pull request: forges give those as issues too. */
  readonly isPullRequest: boolean
}

/** `write`: may push to the repository. `none`: may not even read it, or is unknown. */
export type Permission = "none" | "read" | "write"

export interface ForgeIssues {
  /** Login of the account that rdev works as. */
  readonly me: Effect.Effect<string, ForgeError>
  /** NotFound when there is none of this number. */
  issue(target: RepositoryTarget, number: number): Effect.Effect<Issue, ForgeError>
  /** Numbers of open issues, without pull requests, that changed at this time or later; the latest first, at most 100. */
  changedSince(target: RepositoryTarget, sinceMillis: number): Effect.Effect<ReadonlyArray<number>, ForgeError>
  /** What a login may do in the repository now. */
  permission(target: RepositoryTarget, login: string): Effect.Effect<Permission, ForgeError>
  /** Who gave the issue the label last, or assigned it last; null when it does not have it, or nobody can be named. */
  whoAsked(
    target: RepositoryTarget,
    number: number,
    by: { readonly label: string } | { readonly assignee: string }
  ): Effect.Effect<string | null, ForgeError>
  /** Makes the label unless the repository has one of this name. */
  ensureLabel(
    target: RepositoryTarget,
    label: { readonly name: string; readonly color: string; readonly description: string }
  ): Effect.Effect<void, ForgeError>
}
export const ForgeIssues: Context.Reference<ForgeIssues | null> = Context.Reference<ForgeIssues | null>(
  "rdev/ports/ForgeIssues",
  { defaultValue: () => null }
)
