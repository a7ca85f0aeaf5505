/** FeatureState: the fold of a feature's events over its documents, plus what was observed. Plain data; nothing in it depends on time. */
import type { Artifact, DocumentKind, Upstream } from "./Artifact.ts"
import type { Feature, Lifecycle } from "./Feature.ts"
import type { Disposition, Finding, QaCheck } from "./Finding.ts"
import type { EventType } from "./FeatureEvent.ts"
import type { IntegrityError, Observed } from "./Observed.ts"
import type { Phase } from "./Phase.ts"
import type { Cost } from "./Policy.ts"
import type { Principal } from "./Principal.ts"
import type { Task } from "./Task.ts"
import type { Verdict } from "./Verdict.ts"

/** What was recorded, by whom, in which event. */
export interface Recorded {
  readonly by: Principal
  readonly at: string
  readonly event: string
}

export interface Submission extends Recorded {
  readonly kind: string
  readonly hash: string
  readonly upstream: Upstream
}

export interface PhaseMove extends Recorded {
  readonly from: Phase
  readonly to: Phase
  readonly rule: string
  readonly reason: string
  /** A regression that the base brought about. */
  readonly cause?: "base"
}

/** A check that ran on a code tree: started, then recorded; `result` is absent while it runs. */
export interface Run<R> extends Recorded {
  readonly tree: string
  /** The feature's own changes that it holds for, whatever else the tree has. */
  readonly patch?: string
  readonly sha?: string
  readonly result?: R
}

export interface CiResult {
  readonly status: "passed" | "failed" | "infra"
  readonly sha: string
  readonly job?: string
  readonly url?: string
}

export interface ReviewResult {
  readonly verdict: "approve" | "changes"
  readonly findings: ReadonlyArray<Finding>
}

export interface AuditResult {
  readonly valid: boolean
  readonly findings: ReadonlyArray<Finding>
  readonly problem?: string
}

export interface QaResult {
  readonly checks: ReadonlyArray<QaCheck>
}

export interface Disposed extends Recorded {
  readonly disposition: Disposition
  readonly reason: string
}

export interface Merge extends Partial<Recorded> {
  readonly status: "idle" | "queued" | "ejected" | "merged"
  readonly sha?: string
  readonly reason?: string
  readonly position?: number
  readonly outOfBand?: boolean
}

export interface Release extends Partial<Recorded> {
  readonly status:
    | "none"
    | "deploying"
    | "failed"
    | "verifying"
    | "unhealthy"
    | "live"
    | "rollingBack"
    | "rollbackFailed"
    | "rolledBack"
  readonly deploy?: string
  readonly sha?: string
  readonly environment?: string
  readonly version?: string
  readonly detail?: string
}

export interface Open extends Recorded {
  readonly id: string
  readonly text: string
}

export interface Blocker extends Open {
  readonly needs: "human" | "agent"
}

export interface FeatureState {
  readonly feature: Feature
  readonly phase: Phase
  readonly lifecycle: Lifecycle
  /** Why it is paused or cancelled, and by whom. */
  readonly lifecycleReason?: Open
  /** Digest of the events, the documents and nothing else: equal iff the stored state is equal. */
  readonly rev: string
  readonly integrity: ReadonlyArray<IntegrityError>
  readonly documents: { readonly [K in DocumentKind]: Artifact }
  readonly submissions: ReadonlyArray<Submission>
  /** Every verdict that counts, in order. */
  readonly verdicts: ReadonlyArray<Verdict>
  readonly history: ReadonlyArray<PhaseMove>
  /** Id of the latest event of each type. */
  readonly last: { readonly [T in EventType]?: string }
  readonly plan?: Recorded & { readonly hash: string | null }
  /** Tasks of the plan and of fixes, by id. */
  readonly tasks: ReadonlyArray<Task>
  /** Tasks that several began without knowing of each other: each event is in nobody else's past. */
  readonly contested: ReadonlyArray<{ readonly task: string; readonly by: ReadonlyArray<Recorded> }>
  /** Principals that wrote code for the feature. */
  readonly coders: ReadonlyArray<Principal>
  readonly claim?: Recorded & { readonly slot?: string }
  readonly branch?: Recorded & {
    readonly name: string
    readonly base?: string
    readonly sha?: string
    readonly resources: ReadonlyArray<string>
  }
  /** What each update from the base made of the patch, in order. */
  readonly updates: ReadonlyArray<Recorded & { readonly from: string; readonly to: string }>
  readonly pr?: Recorded & { readonly number: number; readonly state: "open" | "closed"; readonly url?: string }
  /** Pull requests of earlier rounds: merged and then reopened features start with a new one. */
  readonly retiredPrs: ReadonlyArray<number>
  readonly ci: ReadonlyArray<Run<CiResult>>
  readonly reviews: ReadonlyArray<Run<ReviewResult>>
  readonly audits: ReadonlyArray<Run<AuditResult>>
  readonly qa: ReadonlyArray<Run<QaResult>>
  readonly threads: ReadonlyArray<Open>
  /** Latest disposition per finding id. */
  readonly dispositions: { readonly [finding: string]: Disposed }
  readonly merge: Merge
  readonly release: Release
  readonly incidents: ReadonlyArray<Open>
  readonly sync?: Recorded
  readonly escalations: ReadonlyArray<Open & { readonly rule: string }>
  readonly blockers: ReadonlyArray<Blocker>
  /** Failures per thing that can fail (a task, "ci", "merge", "deploy", "audit", a rule) since the last advance or human answer. */
  readonly failures: { readonly [subject: string]: number }
  /** Rounds of rework since the last human answer. */
  readonly rework: number
  readonly cost: Cost
  /** Budget granted by human answers on top of the policy's. */
  readonly granted: Cost
  /** Ids of events that did not count because their signature is missing or wrong. */
  readonly untrusted: ReadonlyArray<string>
  readonly observed: Observed
}
