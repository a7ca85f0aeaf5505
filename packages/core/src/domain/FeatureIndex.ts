/**
 * The platform's index row of a feature. The truth is in the repository's `.sdlc` folder; this row only lets the server list
 * features and find the live ones after a restart without opening every repository.
 */
import { phases } from "@rdev/sdlc/model/Phase"
import { slugPattern, slugRule } from "@rdev/sdlc/model/Slug"
import { Schema } from "effect"
import { FeatureId, ProjectId } from "./Ids.ts"

export const Slug = Schema.String.check(Schema.isPattern(slugPattern, { message: `expected ${slugRule}` })).pipe(
  Schema.brand("rdev/Slug")
)
export type Slug = typeof Slug.Type

export const Phase = Schema.Literals(phases)
export type Phase = typeof Phase.Type
/** The gates that a person or an agent decides. */
export { VerdictGate } from "@rdev/sdlc/model/schema/Verdict"

export class FeatureIndex extends Schema.Class<FeatureIndex>("rdev/FeatureIndex")({
  id: FeatureId,
  projectId: ProjectId,
  slug: Slug,
  title: Schema.String,
  kind: Schema.Literals(["feature", "bugfix", "refactor", "hotfix"]),
  phase: Phase,
  lifecycle: Schema.Literals(["active", "paused", "cancelled", "archived"]),
  /** Branch the work happens on; null until the workspace is provisioned. */
  branch: Schema.NullOr(Schema.String),
  pullRequest: Schema.NullOr(Schema.Int),
  /** Slugs of the features that must be released first. */
  deps: Schema.Array(Schema.String),
  /** Holds one of the project's slots (policy `wip`). */
  claimed: Schema.Boolean,
  /** Last commit at which the feature's files were intact: what a repair restores from. */
  intactSha: Schema.NullOr(Schema.String),
  /** The task of the queue that was enqueued last for it. */
  taskId: Schema.NullOr(Schema.String),
  /** Last decision: rule, action, actor, kind and reason. */
  decision: Schema.NullOr(
    Schema.Struct({
      rule: Schema.String,
      action: Schema.String,
      actor: Schema.String,
      kind: Schema.String,
      reason: Schema.String
    })
  ),
  /** Harness that works on it; left out: the project's. */
  agent: Schema.optionalKey(Schema.String),
  /** Made without being started: until somebody asks for its first pass, neither time nor a push begins it. */
  held: Schema.optionalKey(Schema.Literal(true)),
  /** False once the classifier answers none(done/terminal). */
  live: Schema.Boolean,
  createdAtMillis: Schema.Int,
  updatedAtMillis: Schema.Int
}) {}
