/** Rules that come before every phase: corruption, releases in trouble, the merge queue, the life cycle, humans, regression. */
import type { Facts } from "../../model/Facts.ts"
import { floor } from "../Gates.ts"
import { advance, agent, humanHolds, platform, platformWaits, regress, type Rule, rule, terminal } from "../Rule.ts"

/** How many rules at the head of the list are about trouble, queue, life cycle and people: L1 … H7. */
export const troubleRules = 16

/**
 * Whether none of the first `troubleRules` rules can hit: nearly always so, and one look instead of sixteen.
 * Reads what they would read, in their order; a test proves over all facts that it skips nothing.
 */
export const calm = (f: Facts): boolean => {
  if (f.integrity !== "ok") return false
  const release = f.release
  if (release === "live" ? f.incident : release !== "none" && release !== "failed" && release !== "rolledBack")
    return false
  return (
    f.merge !== "queued" &&
    f.lifecycle === "active" &&
    f.escalation === "none" &&
    f.blocker === "none" &&
    (f.merge === "merged" || (f.dep !== "dead" && f.dep !== "cycle"))
  )
}

export const commonRules: ReadonlyArray<Rule> = [
  rule(
    "L1",
    "any",
    "integrity=corrupt",
    (f) => f.integrity === "corrupt",
    platform("repair-state"),
    "State failed its integrity check[: {errors}]"
  ),
  rule(
    "C1",
    "any",
    "release=rollbackFailed",
    (f) => f.release === "rollbackFailed",
    humanHolds("escalate-release"),
    "Rollback[ of {deploy}] failed[: {error}]"
  ),
  rule(
    "C2",
    "any",
    "release=rollingBack",
    (f) => f.release === "rollingBack",
    platformWaits("wait-rollback"),
    "Rollback[ of {deploy}] in progress"
  ),
  rule(
    "C3",
    "any",
    "release=unhealthy",
    (f) => f.release === "unhealthy",
    platform("rollback"),
    "[{check}: ]health check failed after deploy[ {deploy}]"
  ),
  rule(
    "C4",
    "any",
    "release=deploying",
    (f) => f.release === "deploying",
    platformWaits("wait-deploy"),
    "Deploying[ {sha}][ to {environment}]"
  ),
  rule(
    "C5",
    "any",
    "release=live ∧ incident",
    (f) => f.release === "live" && f.incident,
    platform("rollback"),
    "Incident[ {incident}] is tied to the release[: {cause}]"
  ),
  rule(
    "C6",
    "any",
    "release=verifying",
    (f) => f.release === "verifying",
    platform("verify-release"),
    "Deployed[ as {deploy}]; smoke checks are due"
  ),
  rule(
    "C7",
    "any",
    "merge=queued ∧ (phase≠merge ∨ lifecycle≠active ∨ escalation=open ∨ blocker≠none ∨ dep≠met ∨ mergeGate≠ok ∨ freeze ∨ floor≠∅)",
    (f) =>
      f.merge === "queued" &&
      (f.phase !== "merge" ||
        f.lifecycle !== "active" ||
        f.escalation === "open" ||
        f.blocker !== "none" ||
        f.dep !== "met" ||
        f.mergeGate !== "ok" ||
        f.freeze ||
        floor(f) !== undefined),
    platform("dequeue-merge"),
    "Queued for merge, but this no longer holds[: {facts}]"
  ),
  rule("L2", "any", "lifecycle=archived", (f) => f.lifecycle === "archived", terminal, "Archived"),
  rule(
    "H1",
    "any",
    "lifecycle=cancelled ∧ cleanup=pending",
    (f) => f.lifecycle === "cancelled" && f.cleanup === "pending",
    platform("cleanup-workspace"),
    "Cancelled; give back what it holds[: {resources}]"
  ),
  rule(
    "H2",
    "any",
    "lifecycle=cancelled",
    (f) => f.lifecycle === "cancelled",
    { ...platform("archive"), to: "archived" },
    "Cancelled[ by {who}][: {why}]"
  ),
  rule(
    "H3",
    "any",
    "lifecycle=paused",
    (f) => f.lifecycle === "paused",
    humanHolds("await-resume"),
    "Paused[ by {who}][: {why}]"
  ),
  rule(
    "H4",
    "any",
    "escalation=open",
    (f) => f.escalation === "open",
    humanHolds("await-escalation"),
    "Escalation[ {escalation}] is open[: {question}]"
  ),
  rule(
    "H5",
    "any",
    "blocker=human",
    (f) => f.blocker === "human",
    humanHolds("resolve-blocker"),
    "Blocked[ by {blocker}][: {why}]"
  ),
  rule(
    "H6",
    "any",
    "blocker=agent",
    (f) => f.blocker === "agent",
    agent("resolve-blocker"),
    "Blocked[ by {blocker}], an agent can answer[: {why}]"
  ),
  rule(
    "H7",
    "any",
    "merge≠merged ∧ dep∈{dead,cycle}",
    (f) => f.merge !== "merged" && (f.dep === "dead" || f.dep === "cycle"),
    humanHolds("resolve-dependency"),
    "A dependency is dead or cyclic[: {features}]"
  ),
  rule(
    "P1",
    "any",
    "phase∉{merge,released} ∧ merge=merged",
    (f) => f.phase !== "merge" && f.phase !== "released" && f.merge === "merged",
    advance,
    "[{sha} ]merged outside the flow; the violation is on record"
  ),
  rule(
    "P2",
    "any",
    "floor≠∅",
    (f) => floor(f) !== undefined,
    regress("floor"),
    "[The {floor} gate no longer holds: {facts}]"
  ),
  rule(
    "P3",
    "released",
    "phase=released ∧ merge≠merged",
    (f) => f.phase === "released" && f.merge !== "merged",
    regress("merge"),
    "Released is claimed without a merge"
  ),
  rule(
    "P4",
    "released",
    "phase=released ∧ deployReq ∧ release≠live",
    (f) => f.phase === "released" && f.deployReq && f.release !== "live",
    regress("merge"),
    "Released is claimed without a live deploy"
  )
]
