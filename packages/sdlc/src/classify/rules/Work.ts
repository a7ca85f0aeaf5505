/** Rules of implementation, review, audit and QA. */
import type { Facts } from "../../model/Facts.ts"
import type { Phase } from "../../model/Phase.ts"
import { gates } from "../Gates.ts"
import { advance, agent, agentWaits, humanHolds, platform, platformWaits, type Rule, rule } from "../Rule.ts"

/** First thing after implementation: nothing is judged on a head without a CI result. */
export const ciFirst = (
  id: string,
  phase: Phase,
  guard = "",
  open: (f: Facts) => boolean = () => true
): ReadonlyArray<Rule> => [
  rule(
    `${id}a`,
    phase,
    `${guard}ci∈{none,infra}`,
    (f) => open(f) && (f.ci === "none" || f.ci === "infra"),
    platform("run-ci"),
    "No CI result for the head[ {sha}]"
  ),
  rule(
    `${id}b`,
    phase,
    `${guard}ci=running`,
    (f) => open(f) && f.ci === "running",
    platformWaits("wait-ci"),
    "CI is running[ for {sha}]"
  )
]

export const implementationRules: ReadonlyArray<Rule> = [
  rule(
    "I1",
    "implementation",
    "branch=conflict",
    (f) => f.branch === "conflict",
    agent("resolve-conflicts"),
    "The branch conflicts with its base[ in {files}]"
  ),
  rule(
    "I2",
    "implementation",
    "tVerify",
    (f) => f.tVerify,
    platform("verify-task"),
    "[{task} is ]claimed to be done; verify it[: {commands}]"
  ),
  rule(
    "I3",
    "implementation",
    "tFailed",
    (f) => f.tFailed,
    agent("retry-task"),
    "[{task}, ]attempt {attempt} failed[: {why}]"
  ),
  rule(
    "I4",
    "implementation",
    "tReady",
    (f) => f.tReady,
    agent("implement-task"),
    "All blockers resolved, {n:task} available"
  ),
  rule("I5", "implementation", "tRunning", (f) => f.tRunning, agentWaits("wait-tasks"), "{n:task} running"),
  rule(
    "I6",
    "implementation",
    "tBlocked",
    (f) => f.tBlocked,
    humanHolds("unblock-task"),
    "[{task} is ]blocked[: {why}]"
  ),
  rule(
    "I7",
    "implementation",
    "tNone",
    (f) => f.tNone,
    platform("materialise-tasks"),
    "Create task records from the approved plan"
  ),
  rule(
    "I8",
    "implementation",
    "pr=none",
    (f) => f.pr === "none",
    platform("open-pr"),
    "Tasks are done, there is no pull request"
  ),
  rule(
    "I9",
    "implementation",
    "pr=closed",
    (f) => f.pr === "closed",
    humanHolds("reopen-pr"),
    "The pull request was closed[ by {who}]"
  ),
  rule("I10", "implementation", "ci=red", (f) => f.ci === "red", agent("fix-ci"), "[{job}: ]CI failed[ at {sha}]"),
  rule(
    "I11",
    "implementation",
    "ci∈{none,infra}",
    (f) => f.ci === "none" || f.ci === "infra",
    platform("run-ci"),
    "No CI result[ for {sha}]"
  ),
  rule(
    "I12",
    "implementation",
    "ci=running",
    (f) => f.ci === "running",
    platformWaits("wait-ci"),
    "CI is running[ for {sha}]"
  ),
  rule(
    "I13",
    "implementation",
    "gate=pass",
    (f) => gates.implementation(f) === "pass",
    advance,
    "implementation exit criteria met[: {facts}]"
  )
]

export const reviewRules: ReadonlyArray<Rule> = [
  ...ciFirst("V0", "review"),
  rule(
    "V1",
    "review",
    "agentReview∈{none,stale}",
    (f) => f.agentReview === "none" || f.agentReview === "stale",
    agent("review-code"),
    "No review[ for {tree}][; changed since the last one: {changed}]"
  ),
  rule(
    "V2",
    "review",
    "agentReview=running",
    (f) => f.agentReview === "running",
    agentWaits("wait-review"),
    "Review is running"
  ),
  rule(
    "V3",
    "review",
    "agentReview=changes ∨ humanReview=changes",
    (f) => f.agentReview === "changes" || f.humanReview === "changes",
    agent("plan-fixes"),
    "{n:change} requested[ by {who}]"
  ),
  rule("V4", "review", "threads", (f) => f.threads, agent("resolve-threads"), "{n:thread} open"),
  rule(
    "V5",
    "review",
    "humanReview∈{pending,stale}",
    (f) => f.humanReview === "pending" || f.humanReview === "stale",
    humanHolds("approve-review"),
    "Needs review by a person[: {n} of {max} approvals]"
  ),
  rule("V6", "review", "gate=pass", (f) => gates.review(f) === "pass", advance, "review exit criteria met[: {facts}]")
]

/** U4–U7 need an audit that is asked for: without one there are no findings to answer and no risk to accept. */
export const auditRules: ReadonlyArray<Rule> = [
  ...ciFirst("U0", "audit"),
  rule(
    "U1",
    "audit",
    "audit∈{absent,stale}",
    (f) => f.audit === "absent" || f.audit === "stale",
    agent("audit"),
    "No audit[ for {tree}][; changed since the last one: {changed}]"
  ),
  rule("U2", "audit", "audit=running", (f) => f.audit === "running", agentWaits("wait-audit"), "Audit is running"),
  rule(
    "U3",
    "audit",
    "audit=invalid",
    (f) => f.audit === "invalid",
    agent("fix-audit"),
    "The audit report fails its schema[: {problem}]"
  ),
  rule(
    "U4",
    "audit",
    "audit≠off ∧ findBlock",
    (f) => f.audit !== "off" && f.findBlock,
    agent("plan-fixes"),
    "{n:open finding}[ of severity {severity} or above]"
  ),
  rule(
    "U5",
    "audit",
    "audit≠off ∧ findOpen",
    (f) => f.audit !== "off" && f.findOpen,
    agent("triage-findings"),
    "{n:lower finding} without fix, track or accept"
  ),
  rule(
    "U6",
    "audit",
    "audit≠off ∧ risk=rejected",
    (f) => f.audit !== "off" && f.risk === "rejected",
    agent("plan-fixes"),
    "The risk was refused[ by {who}][: {why}]"
  ),
  rule(
    "U7",
    "audit",
    "audit≠off ∧ risk=pending",
    (f) => f.audit !== "off" && f.risk === "pending",
    humanHolds("accept-risk"),
    "{n:accepted finding} without a person's agreement"
  ),
  rule("U8", "audit", "gate=pass", (f) => gates.audit(f) === "pass", advance, "audit exit criteria met[: {facts}]")
]

export const qaRules: ReadonlyArray<Rule> = [
  ...ciFirst("K0", "qa"),
  rule(
    "K1",
    "qa",
    "qa∈{absent,stale}",
    (f) => f.qa === "absent" || f.qa === "stale",
    agent("run-qa"),
    "No QA[ for {tree}][; changed since the last one: {changed}]"
  ),
  rule("K2", "qa", "qa=running", (f) => f.qa === "running", agentWaits("wait-qa"), "QA is running"),
  rule("K3", "qa", "qa=failed", (f) => f.qa === "failed", agent("plan-fixes"), "{n:QA check} failed[: {checks}]"),
  rule(
    "K4",
    "qa",
    "qa=incomplete",
    (f) => f.qa === "incomplete",
    agent("complete-qa"),
    "{n:QA check} not run[: {checks}]"
  ),
  rule("K5", "qa", "¬evidence", (f) => !f.evidence, agent("attach-evidence"), "QA checks lack evidence[: {checks}]"),
  rule(
    "K6",
    "qa",
    "uat=rejected",
    (f) => f.uat === "rejected",
    agent("plan-fixes"),
    "Acceptance was refused[ by {who}][: {why}]"
  ),
  rule(
    "K7",
    "qa",
    "uat=pending",
    (f) => f.uat === "pending",
    humanHolds("approve-qa"),
    "Acceptance by a person is pending"
  ),
  rule("K8", "qa", "gate=pass", (f) => gates.qa(f) === "pass", advance, "qa exit criteria met[: {facts}]")
]
