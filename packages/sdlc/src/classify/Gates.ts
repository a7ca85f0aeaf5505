/**
 * The exit gate of each phase, and the floor. All rework follows from here: a fact changes, an earlier gate fails, the phase regresses.
 * Total over the product of all facts; each fact is read only when the answer needs it.
 */
import type { DocumentState, Facts } from "../model/Facts.ts"
import { type Phase, phaseIndex } from "../model/Phase.ts"

export type Passage = "pass" | "pend" | "fail"

const settled = (state: DocumentState): boolean => state === "approved" || state === "waived"
const passIf = (condition: boolean): Passage => (condition ? "pass" : "fail")

const openTask = (f: Facts): boolean => f.tVerify || f.tFailed || f.tReady || f.tRunning || f.tBlocked

const draft = (f: Facts): Passage => passIf(settled(f.spec))

const specified = (f: Facts): Passage => passIf(settled(f.design) && settled(f.tasksDoc))

const planned = (f: Facts): Passage => (settled(f.qaPlan) ? (f.dep === "unmet" ? "pend" : "pass") : "fail")

const ready = (f: Facts): Passage => passIf(f.go === "ok" && f.claim === "held" && f.branch !== "none")

const implementation = (f: Facts): Passage => {
  if (f.branch === "conflict" || openTask(f) || f.tNone || f.pr !== "open") return "fail"
  const ci = f.ci
  return ci === "red" ? "fail" : ci === "green" ? "pass" : "pend"
}

const review = (f: Facts): Passage => {
  const agent = f.agentReview
  if (agent !== "approved" && agent !== "off") return "fail"
  const human = f.humanReview
  return passIf((human === "approved" || human === "off") && !f.threads)
}

const audit = (f: Facts): Passage => {
  const state = f.audit
  return passIf(state === "off" || (state === "present" && !f.findBlock && !f.findOpen && f.risk === "ok"))
}

const qa = (f: Facts): Passage => {
  if (f.qa !== "passed" || !f.evidence) return "fail"
  const uat = f.uat
  return passIf(uat === "ok" || uat === "off")
}

/** Whether `phase` may be left forwards: pass, pend (something outside is awaited) or fail. */
export const gates: { readonly [P in Exclude<Phase, "released">]: (facts: Facts) => Passage } = {
  draft,
  specified,
  planned,
  ready,
  implementation,
  review,
  audit,
  qa,
  merge: (f) => passIf(f.merge === "merged" && (!f.deployReq || f.release === "live"))
}

/** The gates as text, for documentation; tests hold them against the code. */
export const gateTexts: { readonly [P in keyof typeof gates]: { readonly pass: string; readonly fail: string } } = {
  draft: { pass: "spec∈{approved,waived}", fail: "¬pass" },
  specified: { pass: "design∈{approved,waived} ∧ tasksDoc∈{approved,waived}", fail: "¬pass" },
  planned: { pass: "qaPlan∈{approved,waived} ∧ dep≠unmet", fail: "qaPlan∉{approved,waived}" },
  ready: { pass: "go=ok ∧ claim=held ∧ branch≠none", fail: "¬pass" },
  implementation: {
    pass: "branch≠conflict ∧ ¬tVerify ∧ ¬tFailed ∧ ¬tReady ∧ ¬tRunning ∧ ¬tBlocked ∧ ¬tNone ∧ pr=open ∧ ci=green",
    fail: "branch=conflict ∨ tVerify ∨ tFailed ∨ tReady ∨ tRunning ∨ tBlocked ∨ tNone ∨ pr≠open ∨ ci=red"
  },
  review: { pass: "agentReview∈{approved,off} ∧ humanReview∈{approved,off} ∧ ¬threads", fail: "¬pass" },
  audit: { pass: "audit=off ∨ (audit=present ∧ ¬findBlock ∧ ¬findOpen ∧ risk=ok)", fail: "¬pass" },
  qa: { pass: "qa=passed ∧ evidence ∧ uat∈{ok,off}", fail: "¬pass" },
  merge: { pass: "merge=merged ∧ (¬deployReq ∨ release=live)", fail: "¬pass" }
}

/** The first phase below the stored one (draft … qa) whose gate fails; none once merged. Written out, because it runs in every decision. */
export const floor = (f: Facts): Phase | undefined => {
  if (f.merge === "merged") return undefined
  const stored = phaseIndex[f.phase]
  if (stored > 0 && draft(f) === "fail") return "draft"
  if (stored > 1 && specified(f) === "fail") return "specified"
  if (stored > 2 && planned(f) === "fail") return "planned"
  if (stored > 3 && ready(f) === "fail") return "ready"
  if (stored > 4 && implementation(f) === "fail") return "implementation"
  if (stored > 5 && review(f) === "fail") return "review"
  if (stored > 6 && audit(f) === "fail") return "audit"
  if (stored > 7 && qa(f) === "fail") return "qa"
  return undefined
}
