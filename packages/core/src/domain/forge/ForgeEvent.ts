/**
 * What a forge tells of a repository, in words that are no vendor's: a forge's adapter translates what was posted into these. They are
 * hints to look, not truths: what is decided is decided about what the forge answers then. Schemas only.
 */
import { Schema } from "effect"

const Login = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))
/** Who did it, by the name at the forge. */
export const ForgeActor = Schema.Struct({
  login: Login,
  /** True for the account that rdev itself works as. */
  own: Schema.Boolean
})
export type ForgeActor = typeof ForgeActor.Type

/** Of issues and pull requests, which forges count together. */
export const ForgeNumber = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 }))
const Commit = Schema.String.check(Schema.isPattern(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/))
const Name = Schema.String.check(Schema.isMaxLength(1_000))

export const ForgeEvent = Schema.TaggedUnion({
  /** Refs moved. A new one has no `old`, one that is gone no `next`. */
  Push: {
    refs: Schema.Array(Schema.Struct({ ref: Name, old: Schema.NullOr(Commit), next: Schema.NullOr(Commit) })),
    by: ForgeActor
  },
  PullRequest: {
    number: ForgeNumber,
    action: Schema.Literals(["opened", "changed", "closed", "merged", "reopened"]),
    head: Name,
    headSha: Commit,
    by: ForgeActor
  },
  Issue: {
    number: ForgeNumber,
    action: Schema.Literals(["opened", "changed", "closed", "reopened", "deleted"]),
    by: ForgeActor
  },
  /** `label` null: all of them, or several at once. */
  Label: {
    number: ForgeNumber,
    action: Schema.Literals(["added", "removed", "changed"]),
    label: Schema.NullOr(Name),
    by: ForgeActor
  },
  Assignment: {
    number: ForgeNumber,
    action: Schema.Literals(["added", "removed", "changed"]),
    assignee: Schema.NullOr(Login),
    by: ForgeActor
  },
  Comment: {
    number: ForgeNumber,
    id: Schema.String.check(Schema.isMaxLength(100)),
    action: Schema.Literals(["created", "changed", "deleted"]),
    on: Schema.Literals(["issue", "pull_request"]),
    by: ForgeActor
  },
  /** Of a pipeline, a check or a status of a commit. */
  Check: {
    sha: Commit,
    branch: Schema.NullOr(Name),
    name: Name,
    state: Schema.Literals(["pending", "success", "failure", "error", "cancelled", "skipped"]),
    by: ForgeActor
  }
})
export type ForgeEvent = typeof ForgeEvent.Type
