/** Events about code: pull request, CI, reviews, audit, QA. Every result names the code tree (the git tree without `.sdlc/`) it holds for. */
import type { Disposition, Finding, QaCheck } from "../Finding.ts"

/** Reviews, audits and QA are about the feature's own changes: `patch` is their digest, `sha` the commit at which they were seen. */
interface Seen {
  readonly tree: string
  readonly patch?: string
  readonly sha?: string
}

export interface CodeData {
  readonly "pr-opened": { readonly number: number; readonly url?: string }
  readonly "pr-closed": { readonly number: number; readonly reason?: string }
  readonly "pr-reopened": { readonly number: number }
  readonly "ci-started": { readonly tree: string; readonly sha: string; readonly run: string; readonly url?: string }
  /** infra: the run itself broke or was cancelled; it says nothing about the code. */
  readonly "ci-recorded": {
    readonly tree: string
    readonly patch?: string
    readonly sha: string
    readonly run: string
    readonly status: "passed" | "failed" | "infra"
    readonly job?: string
    readonly url?: string
  }
  readonly "review-started": Seen & { readonly run?: string }
  /** The actor is the reviewer. */
  readonly "review-recorded": Seen & {
    readonly verdict: "approve" | "changes"
    readonly findings: ReadonlyArray<Finding>
    readonly summary?: string
  }
  readonly "thread-opened": { readonly thread: string; readonly message?: string; readonly url?: string }
  readonly "thread-resolved": { readonly thread: string }
  readonly "audit-started": Seen & { readonly run?: string }
  /** valid: the report satisfied its schema. */
  readonly "audit-recorded": Seen & {
    readonly findings: ReadonlyArray<Finding>
    readonly valid: boolean
    readonly problem?: string
  }
  readonly "finding-disposed": {
    readonly finding: string
    readonly disposition: Disposition
    readonly reason: string
    readonly reference?: string
  }
  readonly "qa-started": Seen & { readonly run?: string }
  readonly "qa-recorded": Seen & { readonly checks: ReadonlyArray<QaCheck> }
  readonly "evidence-attached": Seen & { readonly check: string; readonly evidence: string }
}
