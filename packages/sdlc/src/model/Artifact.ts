/**
 * Artifacts: the documents of a feature as their content shows them, never as a status somebody wrote into them.
 * The loader computes hash, lint and open questions from the file; approvals live in events and bind to the hash.
 */
import type { artifactKinds, documentKinds } from "./Names.ts"
import type { Principal } from "./Principal.ts"
import type { TaskSpec } from "./Task.ts"

export { artifactKinds, documentKinds, upstreamKinds } from "./Names.ts"

export type ArtifactKind = (typeof artifactKinds)[number]

/** The four documents that a gate of their own approves. */
export type DocumentKind = (typeof documentKinds)[number]

/** Hashes of the documents that a document was written against; null stands for "there was none". */
export interface Upstream {
  readonly [kind: string]: string | null
}

/** One remark of the linter. Only `error` makes a document invalid. */
export interface LintFinding {
  readonly rule: string
  readonly severity: "error" | "warning"
  readonly message: string
  readonly fix?: string
  readonly file?: string
  readonly line?: number
}

export interface Artifact {
  readonly kind: ArtifactKind
  /** Null when there is no content. */
  readonly hash: string | null
  readonly author?: Principal
  readonly lint: ReadonlyArray<LintFinding>
  /** Number of `[NEEDS CLARIFICATION]` marks and unanswered questions. */
  readonly openQuestions: number
  /** qa-plan: ids of the checks it demands. */
  readonly checks?: ReadonlyArray<string>
  /** tasks: the plan, ready to be materialised. */
  readonly tasks?: ReadonlyArray<TaskSpec>
}

/** What the loader found on disk; a kind that is missing counts as absent. */
export type Artifacts = { readonly [K in ArtifactKind]?: Artifact }
