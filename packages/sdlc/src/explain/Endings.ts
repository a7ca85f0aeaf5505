/** What can come of each action, as changes of facts, success first. One task stands for all. */
import type { Decision } from "../model/Decision.ts"
import type { DocumentState, Facts } from "../model/Facts.ts"
import type { Rules } from "./World.ts"

export type DocumentFact = "spec" | "design" | "tasksDoc" | "qaPlan"
export type Change = Partial<Facts>
/** attempt: it failed and may be tried again · rework: it leads back to earlier work · others: what landed before it got in the way. */
export type Setback = "attempt" | "rework" | "others" | undefined
export type Ending = readonly [label: string, change: Change, setback?: Setback]

const facts: { readonly [kind: string]: DocumentFact } = {
  spec: "spec",
  design: "design",
  tasks: "tasksDoc",
  "qa-plan": "qaPlan"
}

/** New code on the branch: every result that was bound to the old code is stale. */
export const pushed = (f: Facts, rules: Rules): Change => ({
  ci: "none",
  agentReview: f.agentReview === "off" || f.agentReview === "none" ? f.agentReview : "stale",
  humanReview:
    f.humanReview === "off" ? "off" : f.humanReview === "approved" || f.humanReview === "stale" ? "stale" : "pending",
  audit: f.audit === "off" || f.audit === "absent" ? f.audit : "stale",
  findBlock: false,
  findOpen: false,
  risk: "ok",
  qa: f.qa === "absent" ? "absent" : "stale",
  evidence: false,
  uat: f.uat === "off" ? "off" : "pending",
  mergeGate: rules.mergeAsks ? "pending" : "ok"
})

const downstream: { readonly [K in DocumentFact]: ReadonlyArray<DocumentFact> } = {
  spec: ["design", "tasksDoc", "qaPlan"],
  design: ["tasksDoc", "qaPlan"],
  tasksDoc: [],
  qaPlan: []
}

const unsettle = (state: DocumentState): DocumentState =>
  state === "approved" ? "stale" : state === "submitted" ? "draft" : state

/** Another wording of a document: approvals of what rests on it are stale, and so are the start and the tasks. */
export const reworded = (f: Facts, rules: Rules, document: DocumentFact, state: DocumentState): Change => {
  const change: { -readonly [K in keyof Facts]?: Facts[K] } = {
    [document]: state,
    go: rules.startAsks ? "pending" : "ok"
  }
  for (const below of downstream[document]) change[below] = unsettle(f[below])
  if (document === "tasksDoc") change.tNone = true
  return change
}

const authored = /^(create|fix|clarify|submit|revise|reconcile|approve)-(spec|design|tasks|qa-plan)$/

const documentEndings = (f: Facts, rules: Rules, verb: string, document: DocumentFact): ReadonlyArray<Ending> => {
  const accepted: DocumentState = rules.auto[document] ? "approved" : "submitted"
  const write = (state: DocumentState): Change => reworded(f, rules, document, state)
  switch (verb) {
    case "create":
    case "fix":
    case "clarify":
    case "revise":
      return [
        ["written and submitted", write(accepted)],
        ["written", write("draft")],
        ["invalid", write("invalid"), "attempt"],
        ["unclear", write("unclear"), "attempt"]
      ]
    case "submit":
      return [
        ["submitted", { [document]: accepted }],
        ["invalid", { [document]: "invalid" }, "attempt"]
      ]
    case "reconcile":
      return [
        ["reconciled", write(accepted)],
        ["invalid", write("invalid"), "attempt"]
      ]
    default:
      return [
        ["approved", { [document]: "approved" }],
        ["rejected", { [document]: "rejected" }, "attempt"]
      ]
  }
}

const fixes: Ending = ["fixes planned", { tReady: true }, "rework"]

/** What was asked of the platform, its runs and its waits. */
const platformEndings = (f: Facts, rules: Rules, action: string): ReadonlyArray<Ending> | undefined => {
  const code = pushed(f, rules)
  switch (action) {
    case "repair-state":
      return [["repaired", { integrity: "ok" }]]
    case "rollback":
      return [["rolling back", { release: "rollingBack" }]]
    case "wait-rollback":
      return [
        ["rolled back", { release: "rolledBack" }],
        ["rollback failed", { release: "rollbackFailed" }]
      ]
    case "wait-deploy":
      return [
        ["deployed", { release: "verifying" }],
        ["deploy failed", { release: "failed" }, "attempt"]
      ]
    case "verify-release":
      return [
        ["healthy", { release: "live" }],
        ["unhealthy", { release: "unhealthy" }]
      ]
    case "dequeue-merge":
      return [["dequeued", { merge: "idle" }]]
    case "cleanup-workspace":
      return [["cleaned", { cleanup: "done", claim: "none", branch: "none" }]]
    case "archive":
      return [["archived", { lifecycle: "archived" }]]
    case "wait-dependency":
      return [["dependency met", { dep: "met" }]]
    case "wait-slot":
      return [["slot free", { wip: "free" }]]
    case "claim-slot":
      return [["claimed", { claim: "held", cleanup: "pending" }]]
    case "provision-workspace":
      return [["provisioned", { branch: "ok", cleanup: "pending" }]]
    case "verify-task":
      return [
        ["verified", { tVerify: false }],
        ["refuted", { tVerify: false, tFailed: true }, "attempt"]
      ]
    case "materialise-tasks":
      return [["materialised", { tNone: false, tReady: true }]]
    case "open-pr":
      return [["opened", { pr: "open" }]]
    case "run-ci":
      return [["started", { ci: "running" }]]
    case "wait-ci":
      return [
        ["green", { ci: "green" }],
        ["red", { ci: "red" }, "attempt"],
        ["infra", { ci: "infra" }, "attempt"]
      ]
    case "wait-freeze":
      return [["thawed", { freeze: false }]]
    case "update-branch":
      // Results hold for the feature's own changes: they fall with an update only where others changed the same files.
      return [
        ["updated", { ci: "none", branch: "ok" }],
        ["updated in the same files", { ...code, branch: "ok" }, "others"],
        ["conflict", { branch: "conflict" }, "others"]
      ]
    case "merge":
    case "requeue-merge":
      return [["queued", { merge: "queued" }]]
    case "wait-merge":
      return [
        ["merged", { merge: "merged" }],
        ["ejected", { merge: "ejected" }, "attempt"],
        ["ejected, behind", { merge: "ejected", branch: "behind" }, "attempt"]
      ]
    case "deploy":
    case "retry-deploy":
      return [["deploying", { release: "deploying" }]]
    case "wait-inflight":
      return [["landed", { lease: "none" }]]
    case "escalate-rework":
    case "escalate-retries":
    case "escalate-budget":
      return [["asked", { escalation: "open" }]]
    default:
      return undefined
  }
}

const agentEndings = (f: Facts, rules: Rules, action: string): ReadonlyArray<Ending> | undefined => {
  const code = pushed(f, rules)
  switch (action) {
    case "resolve-conflicts":
      return [
        ["resolved", { ...code, branch: "ok" }],
        ["still in conflict", {}, "attempt"]
      ]
    case "implement-task":
    case "retry-task": {
      const begun: Change = { ...code, tReady: false, tFailed: false }
      return [
        ["claimed", { ...begun, tVerify: true }],
        ["running", { ...begun, tRunning: true }],
        ["failed", { ...begun, tFailed: true }, "attempt"],
        ["blocked", { ...begun, tBlocked: true }]
      ]
    }
    case "wait-tasks":
      return [
        ["claimed", { ...code, tRunning: false, tVerify: true }],
        ["failed", { ...code, tRunning: false, tFailed: true }, "attempt"]
      ]
    case "fix-ci":
      return [
        ["pushed", code],
        ["no fix", {}, "attempt"]
      ]
    case "review-code":
      return [["started", { agentReview: "running" }]]
    case "wait-review":
      return [
        ["approved", { agentReview: "approved" }],
        ["changes", { agentReview: "changes" }],
        ["threads", { agentReview: "approved", threads: true }]
      ]
    case "resolve-threads":
      return [
        ["resolved", { threads: false }],
        ["opened again", {}, "rework"]
      ]
    case "plan-fixes": {
      const disputed: Change =
        f.phase === "review"
          ? {
              agentReview: f.agentReview === "changes" ? "stale" : f.agentReview,
              humanReview: f.humanReview === "changes" ? "pending" : f.humanReview
            }
          : f.phase === "audit"
            ? { audit: "stale", findBlock: false, findOpen: false, risk: "ok" }
            : { qa: "stale", uat: f.uat === "rejected" ? "pending" : f.uat }
      return [fixes, ["disputed", disputed, "rework"]]
    }
    case "audit":
      return [["started", { audit: "running", findBlock: false, findOpen: false }]]
    case "wait-audit":
    case "fix-audit":
      return [
        ["clean", { audit: "present" }],
        ["blocking findings", { audit: "present", findBlock: true }],
        ["lower findings", { audit: "present", findOpen: true }],
        ["invalid", { audit: "invalid" }, "attempt"]
      ]
    case "triage-findings":
      return [
        ["decided", { findOpen: false }],
        ["accepted", { findOpen: false, ...(rules.riskAsks ? { risk: "pending" } : {}) }],
        ["to be fixed", { findOpen: false, tReady: true }, "rework"]
      ]
    case "run-qa":
      return [["started", { qa: "running", evidence: false }]]
    case "wait-qa":
    case "complete-qa":
      return [
        ["passed", { qa: "passed", evidence: true }],
        ["without evidence", { qa: "passed", evidence: false }],
        ["failed", { qa: "failed", evidence: false }],
        ["incomplete", { qa: "incomplete", evidence: false }, "attempt"]
      ]
    case "attach-evidence":
      return [
        ["attached", { evidence: true }],
        ["nothing attached", {}, "attempt"]
      ]
    case "sync-specs":
      return [
        ["synced", { sync: "done" }],
        ["conflict", {}, "attempt"]
      ]
    default:
      return undefined
  }
}

const humanEndings = (f: Facts, rules: Rules, action: string): ReadonlyArray<Ending> | undefined => {
  switch (action) {
    case "escalate-release":
      return [["rolled back by hand", { release: "rolledBack" }]]
    case "await-resume":
      return [["resumed", { lifecycle: "active" }]]
    case "await-escalation":
      return [["answered", { escalation: "none", budget: "ok", attempts: "ok", rework: "ok" }]]
    case "resolve-dependency":
      return [["resolved", { dep: "met" }]]
    case "replan":
      return [
        [
          "replanned",
          {
            ...reworded(f, rules, "spec", f.spec === "waived" ? "waived" : "stale"),
            go: rules.startAsks ? "pending" : "ok",
            mergeGate: rules.mergeAsks ? "pending" : "ok"
          }
        ]
      ]
    case "approve-start":
      return [
        ["approved", { go: "ok" }],
        ["refused", { go: "rejected" }]
      ]
    case "unblock-task":
      return [["unblocked", { tBlocked: false, tReady: true }]]
    case "reopen-pr":
      return [["reopened", { pr: "open" }]]
    case "approve-review":
      return [
        ["approved", { humanReview: "approved" }],
        ["changes", { humanReview: "changes" }]
      ]
    case "accept-risk":
      return [
        ["accepted", { risk: "ok" }],
        ["refused", { risk: "rejected" }]
      ]
    case "approve-qa":
      return [
        ["accepted", { uat: "ok" }],
        ["refused", { uat: "rejected" }]
      ]
    case "approve-merge":
      return [
        ["approved", { mergeGate: "ok" }],
        ["refused", { mergeGate: "rejected" }]
      ]
    case "confirm-action":
      return [["confirmed", { autonomy: "auto" }]]
    default:
      return undefined
  }
}

/** A rolled-back feature begins again at implementation with a fix task, without merge, release or pull request. */
const reopened = (f: Facts, rules: Rules): Change => ({
  ...pushed(f, rules),
  phase: "implementation",
  merge: "idle",
  release: "none",
  incident: false,
  pr: "none",
  sync: "pending",
  tReady: true
})

/** Every way in which a decision can end. */
export const endings = (f: Facts, rules: Rules, decision: Decision): ReadonlyArray<Ending> => {
  const { action } = decision
  const document = authored.exec(action)
  if (document !== null)
    return documentEndings(f, rules, document[1] as string, facts[document[2] as string] as DocumentFact)
  // Blockers exist for agents and for people; both clear them.
  if (action === "resolve-blocker")
    return f.blocker === "agent"
      ? [
          ["cleared", { blocker: "none" }],
          ["needs a person", { blocker: "human" }]
        ]
      : [["cleared", { blocker: "none" }]]
  if (action === "reopen") return [["reopened", reopened(f, rules), "rework"]]
  const found = platformEndings(f, rules, action) ?? agentEndings(f, rules, action) ?? humanEndings(f, rules, action)
  if (found === undefined) throw new RangeError(`no outcome is known for the action ${action}`)
  return found
}
