/** Events about code: pull request, CI, reviews, audit, QA. Every result names the code tree (the git tree without `.sdlc/`) it holds for. */
import { Schema } from "effect"
import { Disposition, Finding, QaCheck } from "../Finding.ts"
import { Digest } from "../Scalars.ts"
import { event, maybeText, text } from "./Event.ts"

const tree = { tree: Digest }
const seen = { tree: Digest, patch: Schema.optionalKey(Digest), sha: maybeText }

export const PrOpened = event("pr-opened", { number: Schema.Int, url: maybeText })
export const PrClosed = event("pr-closed", { number: Schema.Int, reason: maybeText })
export const PrReopened = event("pr-reopened", { number: Schema.Int })
export const CiStarted = event("ci-started", { ...tree, sha: text, run: text, url: maybeText })
/** infra: the run itself broke or was cancelled; it says nothing about the code. */
export const CiRecorded = event("ci-recorded", {
  ...tree,
  patch: Schema.optionalKey(Digest),
  sha: text,
  run: text,
  status: Schema.Literals(["passed", "failed", "infra"]),
  job: maybeText,
  url: maybeText
})
export const ReviewStarted = event("review-started", { ...seen, run: maybeText })
/** The actor is the reviewer. */
export const ReviewRecorded = event("review-recorded", {
  ...seen,
  verdict: Schema.Literals(["approve", "changes"]),
  findings: Schema.Array(Finding),
  summary: maybeText
})
export const ThreadOpened = event("thread-opened", { thread: text, message: maybeText, url: maybeText })
export const ThreadResolved = event("thread-resolved", { thread: text })
export const AuditStarted = event("audit-started", { ...seen, run: maybeText })
/** valid: the report satisfied its schema. */
export const AuditRecorded = event("audit-recorded", {
  ...seen,
  findings: Schema.Array(Finding),
  valid: Schema.Boolean,
  problem: maybeText
})
export const FindingDisposed = event("finding-disposed", {
  finding: text,
  disposition: Disposition,
  reason: text,
  reference: maybeText
})
export const QaStarted = event("qa-started", { ...seen, run: maybeText })
export const QaRecorded = event("qa-recorded", { ...seen, checks: Schema.Array(QaCheck) })
export const EvidenceAttached = event("evidence-attached", { ...seen, check: text, evidence: Digest })

export const CodeEvents = [
  PrOpened,
  PrClosed,
  PrReopened,
  CiStarted,
  CiRecorded,
  ReviewStarted,
  ReviewRecorded,
  ThreadOpened,
  ThreadResolved,
  AuditStarted,
  AuditRecorded,
  FindingDisposed,
  QaStarted,
  QaRecorded,
  EvidenceAttached
] as const
