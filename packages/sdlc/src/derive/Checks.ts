/**
 * Facts about CI, reviews, audit and QA. CI holds for one code tree; the others hold for the feature's own changes (where these are known), so that
 * a base which moves on elsewhere leaves them as they are. For anything else a result is stale.
 */
import type { Facts } from "../model/Facts.ts"
import type { Finding, QaCheck } from "../model/Finding.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import { severities } from "../model/Names.ts"
import { own } from "../model/Own.ts"
import type { Policy } from "../model/Policy.ts"
import type { Verdict } from "../model/Verdict.ts"
import {
  acceptedFindings,
  gateVerdict,
  latestFor,
  latestOnTree,
  onPresentCode,
  permitted,
  riskDigest,
  samePrincipal
} from "./Verdicts.ts"

export const headTree = (state: FeatureState): string | undefined => state.observed.head?.tree

export const ciFact = (state: FeatureState): Facts["ci"] => {
  const tree = headTree(state)
  const seen = state.observed.ci
  const status = seen !== undefined && seen.tree === tree ? seen.status : statusOf(latestOnTree(state.ci, state))
  return status === "passed" ? "green" : status === "failed" ? "red" : status
}

const statusOf = (run: FeatureState["ci"][number] | undefined): "none" | "running" | "passed" | "failed" | "infra" =>
  run === undefined ? "none" : run.result === undefined ? "running" : run.result.status

/** Reviews that count: an approval by somebody who wrote code here does not, a call for changes always does. */
const countingReviews = (state: FeatureState, policy: Policy): FeatureState["reviews"] =>
  state.reviews.filter(
    (run) =>
      run.result?.verdict !== "approve" ||
      !policy.separationOfDuties ||
      !state.coders.some((coder) => samePrincipal(coder, run.by))
  )

export const currentReview = (state: FeatureState, policy: Policy): FeatureState["reviews"][number] | undefined =>
  latestFor(countingReviews(state, policy), state)

export const agentReviewFact = (state: FeatureState, policy: Policy): Facts["agentReview"] => {
  if (policy.gates["agent-review"] === "off") return "off"
  const run = currentReview(state, policy)
  if (run === undefined) return countingReviews(state, policy).length > 0 ? "stale" : "none"
  return run.result === undefined ? "running" : run.result.verdict === "approve" ? "approved" : "changes"
}

/** The last word of each permitted reviewer on the present code. */
export const humanReviews = (state: FeatureState, policy: Policy): ReadonlyArray<Verdict> => {
  const last = new Map<string, Verdict>()
  for (const verdict of state.verdicts) {
    if (verdict.gate !== "human-review" || !onPresentCode(state, verdict.subject) || verdict.verdict === "waive")
      continue
    if (!permitted(policy.gates["human-review"], verdict.by)) continue
    const own = policy.separationOfDuties && state.coders.some((coder) => samePrincipal(coder, verdict.by))
    if (verdict.verdict === "reject" || !own) last.set(`${verdict.by.type} ${verdict.by.id}`, verdict)
  }
  return [...last.values()]
}

export const humanReviewFact = (state: FeatureState, policy: Policy): Facts["humanReview"] => {
  const mode = policy.gates["human-review"]
  if (mode === "off" || mode === "auto") return "off"
  const reviews = humanReviews(state, policy)
  const approvals = reviews.filter((verdict) => verdict.verdict === "approve")
  const byPeople = approvals.filter((verdict) => verdict.by.type === "human").length
  // Enough people outvote an agent's call for changes; a person's own call stands.
  if (
    reviews.some(
      (verdict) => verdict.verdict === "reject" && (verdict.by.type === "human" || byPeople < policy.reviewers)
    )
  )
    return "changes"
  if (approvals.length >= policy.reviewers) return "approved"
  return state.verdicts.some(
    (verdict) =>
      verdict.gate === "human-review" &&
      verdict.verdict === "approve" &&
      permitted(mode, verdict.by) &&
      !onPresentCode(state, verdict.subject)
  )
    ? "stale"
    : "pending"
}

export const currentAudit = (state: FeatureState): FeatureState["audits"][number] | undefined =>
  latestFor(state.audits, state)

export const auditFact = (state: FeatureState, policy: Policy): Facts["audit"] => {
  if (policy.gates.audit === "off") return "off"
  const run = currentAudit(state)
  if (run === undefined) return state.audits.length > 0 ? "stale" : "absent"
  return run.result === undefined ? "running" : run.result.valid ? "present" : "invalid"
}

const blocks = (policy: Policy, finding: Finding): boolean =>
  severities.indexOf(finding.severity) >= severities.indexOf(policy.blockSeverity)

const auditFindings = (state: FeatureState, policy: Policy): ReadonlyArray<Finding> =>
  policy.gates.audit === "off" ? [] : (currentAudit(state)?.result?.findings ?? [])

/** Blocking findings that nobody proposed to accept. A promise to fix or to track does not close them: the next audit does. */
export const blockingFindings = (state: FeatureState, policy: Policy): ReadonlyArray<Finding> =>
  auditFindings(state, policy).filter((finding) => {
    const disposition = own(state.dispositions, finding.id)?.disposition
    return blocks(policy, finding) && disposition !== "accept" && disposition !== "false-positive"
  })

/** Lower findings about which nothing was decided. */
export const openFindings = (state: FeatureState, policy: Policy): ReadonlyArray<Finding> =>
  auditFindings(state, policy).filter(
    (finding) => !blocks(policy, finding) && own(state.dispositions, finding.id) === undefined
  )

export const riskFact = (state: FeatureState, policy: Policy): Facts["risk"] =>
  policy.gates.audit === "off" || acceptedFindings(state).length === 0
    ? "ok"
    : gateVerdict(state, policy, "risk", (subject) => subject === riskDigest(state), [])

export const currentQa = (state: FeatureState): FeatureState["qa"][number] | undefined => latestFor(state.qa, state)

/** Every check that the QA plan demands or the run recorded, with its result. */
export const qaChecks = (state: FeatureState, policy: Policy): ReadonlyArray<QaCheck> => {
  const recorded = currentQa(state)?.result?.checks ?? []
  const demanded = policy.gates["qa-plan"] === "off" ? [] : (state.documents["qa-plan"].checks ?? [])
  const missing = demanded.filter((id) => !recorded.some((check) => check.id === id))
  return [...recorded, ...missing.map((id): QaCheck => ({ id, status: "not-run" }))]
}

export const qaFact = (state: FeatureState, policy: Policy): Facts["qa"] => {
  const run = currentQa(state)
  if (run === undefined) return state.qa.length > 0 ? "stale" : "absent"
  if (run.result === undefined) return "running"
  const checks = qaChecks(state, policy)
  if (checks.some((check) => check.status === "failed")) return "failed"
  return checks.length === 0 || checks.some((check) => check.status === "not-run") ? "incomplete" : "passed"
}

/** Checks without evidence, or whose evidence is not at hand. */
export const checksWithoutEvidence = (state: FeatureState, policy: Policy): ReadonlyArray<QaCheck> => {
  const atHand = state.observed.evidence
  return qaChecks(state, policy).filter(
    (check) => check.evidence === undefined || (atHand !== undefined && !atHand.includes(check.evidence))
  )
}

export const evidenceFact = (state: FeatureState, policy: Policy): boolean =>
  currentQa(state)?.result !== undefined && checksWithoutEvidence(state, policy).length === 0
