/** What was said about a project's policy, in order: seen on the default branch, accepted, rejected. Only what was accepted has a say. */
import { Schema } from "effect"
import { ProjectId } from "./Ids.ts"

export const PolicyWord = Schema.Literals(["accepted", "proposed", "rejected"])
export type PolicyWord = typeof PolicyWord.Type

export class PolicyEntry extends Schema.Class<PolicyEntry>("rdev/PolicyEntry")({
  projectId: ProjectId,
  /** From 1, without gaps. */
  number: Schema.Int,
  word: PolicyWord,
  /** Digest of the policy (what it demands, not how it is written); of a file that cannot be read, of its text. */
  digest: Schema.String,
  /** The accepted file, whole; null for other words, whose file stands in the repository. */
  text: Schema.NullOr(Schema.String),
  by: Schema.Struct({ id: Schema.String, name: Schema.String, type: Schema.String }),
  reason: Schema.NullOr(Schema.String),
  atMillis: Schema.Int,
  /** Ed25519 by the platform's key over all of the above, base64url; null where the installation has no key. */
  signature: Schema.NullOr(Schema.String)
}) {}
