/** An issue of a forge and the feature that it became: who asked for it, and how far what was said there has been followed. Schema only. */
import { Schema } from "effect"
import { Slug } from "../FeatureIndex.ts"
import { ForgeNumber } from "./ForgeEvent.ts"
import { ProjectId } from "../Ids.ts"

export const IssueLink = Schema.Struct({
  projectId: ProjectId,
  number: ForgeNumber,
  slug: Slug,
  /** `claimed`: it may not be there yet. `refused`: it cannot be made, and the issue says why. */
  status: Schema.Literals(["claimed", "made", "refused"]),
  /** Login of who asked. */
  askedBy: Schema.String,
  /** What was given with `/rdev run`. */
  agent: Schema.NullOr(Schema.String),
  preset: Schema.NullOr(Schema.String),
  /** Comments up to this one have been followed; null = none. Ids of comments grow. */
  readTo: Schema.NullOr(Schema.Int),
  /** The question that was put last, by the id of the escalation. */
  question: Schema.NullOr(Schema.Struct({ escalation: Schema.String, comment: Schema.Int })),
  /** What the comment on progress says, so that it is written only when it says something else. */
  progress: Schema.NullOr(Schema.String),
  /** What became of the last command, which the comment on progress tells. */
  note: Schema.NullOr(Schema.String),
  pullRequest: Schema.NullOr(Schema.Int)
})
export type IssueLink = typeof IssueLink.Type
