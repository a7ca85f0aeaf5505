/** The state of a gated document, from its content, its submissions and the verdicts that count. */
import type { DocumentKind, Upstream } from "../model/Artifact.ts"
import type { DocumentState } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Policy } from "../model/Policy.ts"
import type { Principal } from "../model/Principal.ts"
import type { Verdict } from "../model/Verdict.ts"
import { permitted, prevailing, samePrincipal, sameUpstream } from "./Verdicts.ts"

/** Who wrote what has this hash: those who submitted it, and the author the loader knows of. */
export const authorsOf = (state: FeatureState, kind: DocumentKind, hash: string): ReadonlyArray<Principal> => {
  const submitters = state.submissions
    .filter((submission) => submission.kind === kind && submission.hash === hash)
    .map((submission) => submission.by)
  const document = state.documents[kind]
  return document.hash === hash && document.author !== undefined ? [...submitters, document.author] : submitters
}

/** The upstream a verdict rests on: its own, else that of the last submission of the same hash before it. */
const basis = (state: FeatureState, kind: DocumentKind, verdict: Verdict): Upstream =>
  verdict.upstream ??
  state.submissions.findLast((submission) => submission.kind === kind && submission.hash === verdict.subject)
    ?.upstream ??
  {}

const approvalCounts = (state: FeatureState, policy: Policy, kind: DocumentKind, verdict: Verdict): boolean => {
  if (verdict.subject === null || !permitted(policy.gates[kind], verdict.by)) return false
  if (!policy.separationOfDuties) return true
  const authors = authorsOf(state, kind, verdict.subject)
  // Nobody knows who wrote it: then nobody can be shown not to be its author.
  return authors.length > 0 && !authors.some((author) => samePrincipal(author, verdict.by))
}

const waiverCounts = (state: FeatureState, policy: Policy, kind: DocumentKind, verdict: Verdict): boolean => {
  const mayWaive =
    policy.waive === "human"
      ? verdict.by.type === "human"
      : policy.waive === "agent" && (verdict.by.type === "human" || verdict.by.type === "agent")
  if (!mayWaive || verdict.reason === undefined || verdict.reason.trim() === "") return false
  if (!policy.separationOfDuties || verdict.subject === null) return true
  return !authorsOf(state, kind, verdict.subject).some((author) => samePrincipal(author, verdict.by))
}

/** The verdicts that count on the document as it is now. */
const countingVerdicts = (state: FeatureState, policy: Policy, kind: DocumentKind): ReadonlyArray<Verdict> => {
  const hash = state.documents[kind].hash
  return state.verdicts.filter((verdict) => {
    if (verdict.gate !== kind || verdict.subject !== hash) return false
    switch (verdict.verdict) {
      case "reject":
        return hash !== null && permitted(policy.gates[kind], verdict.by)
      case "approve":
        return approvalCounts(state, policy, kind, verdict) && sameUpstream(state, kind, basis(state, kind, verdict))
      case "waive":
        return waiverCounts(state, policy, kind, verdict) && sameUpstream(state, kind, basis(state, kind, verdict))
    }
  })
}

/** The verdict that holds for the document as it is now, if any. */
export const standingVerdict = (state: FeatureState, policy: Policy, kind: DocumentKind): Verdict | undefined =>
  prevailing(countingVerdicts(state, policy, kind))

/** Only a rejection takes a waiver back: an approval of a document with lint errors would otherwise undo it and make it invalid. */
const waived = (state: FeatureState, policy: Policy, kind: DocumentKind): boolean =>
  prevailing(countingVerdicts(state, policy, kind).filter((verdict) => verdict.verdict !== "approve"))?.verdict ===
  "waive"

/** Whether this hash was submitted against the present upstream. */
const submitted = (state: FeatureState, kind: DocumentKind): boolean =>
  state.submissions.some(
    (submission) =>
      submission.kind === kind &&
      submission.hash === state.documents[kind].hash &&
      sameUpstream(state, kind, submission.upstream)
  )

/** Whether it was approved once, in another wording or against other upstream documents. */
const approvedBefore = (state: FeatureState, policy: Policy, kind: DocumentKind): boolean =>
  state.verdicts.some(
    (verdict) => verdict.gate === kind && verdict.verdict === "approve" && approvalCounts(state, policy, kind, verdict)
  ) ||
  (policy.gates[kind] === "auto" && state.submissions.some((submission) => submission.kind === kind))

export const documentState = (state: FeatureState, policy: Policy, kind: DocumentKind): DocumentState => {
  const mode = policy.gates[kind]
  if (mode === "off") return "waived"
  const document = state.documents[kind]
  if (waived(state, policy, kind)) return "waived"
  const standing = standingVerdict(state, policy, kind)?.verdict
  if (document.hash === null) return "absent"
  if (document.lint.some((finding) => finding.severity === "error")) return "invalid"
  if (document.openQuestions > 0) return "unclear"
  if (standing === "approve") return "approved"
  if (standing === "reject") return "rejected"
  // Submitted again after a change: the older approval no longer makes it stale, it waits for a new one.
  if (submitted(state, kind)) return mode === "auto" ? "approved" : "submitted"
  return approvedBefore(state, policy, kind) ? "stale" : "draft"
}
