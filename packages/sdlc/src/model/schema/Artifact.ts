/**
 * Artifacts: the documents of a feature as their content shows them, never as a status somebody wrote into them.
 * The loader computes hash, lint and open questions from the file; approvals live in events and bind to the hash.
 */
import { Schema } from "effect"
import { artifactKinds, documentKinds } from "../Names.ts"
import { Principal } from "./Principal.ts"
import { Digest } from "./Scalars.ts"
import { TaskSpec } from "./Task.ts"

export const ArtifactKind = Schema.Literals(artifactKinds)
export type ArtifactKind = typeof ArtifactKind.Type

/** The four documents that a gate of their own approves. */
export const DocumentKind = Schema.Literals(documentKinds)
export type DocumentKind = typeof DocumentKind.Type

/** Hashes of the documents that a document was written against; null stands for "there was none". */
export const Upstream = Schema.Record(Schema.String, Schema.NullOr(Digest))
export type Upstream = typeof Upstream.Type

/** One remark of the linter. Only `error` makes a document invalid. */
export const LintFinding = Schema.Struct({
  rule: Schema.String,
  severity: Schema.Literals(["error", "warning"]),
  message: Schema.String,
  fix: Schema.optionalKey(Schema.String),
  file: Schema.optionalKey(Schema.String),
  line: Schema.optionalKey(Schema.Int)
})
export type LintFinding = typeof LintFinding.Type

export const Artifact = Schema.Struct({
  kind: ArtifactKind,
  /** Null when there is no content. */
  hash: Schema.NullOr(Digest),
  author: Schema.optionalKey(Principal),
  lint: Schema.Array(LintFinding),
  /** Number of `[NEEDS CLARIFICATION]` marks and unanswered questions. */
  openQuestions: Schema.Int,
  /** qa-plan: ids of the checks it demands. */
  checks: Schema.optionalKey(Schema.Array(Schema.String)),
  /** tasks: the plan, ready to be materialised. */
  tasks: Schema.optionalKey(Schema.Array(TaskSpec))
})
export type Artifact = typeof Artifact.Type
