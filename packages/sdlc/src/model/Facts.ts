/**
 * Facts: the derived view of a feature as closed enums. Names and values are the public contract of the package.
 * Promises: plain data, no dependency, safe in a browser. The schema of the same shape is `FactsSchema`.
 */
import { phases } from "./Phase.ts"

const flag = [false, true] as const
/** States of a gated document (spec, design, tasks, QA plan). */
export const documentStates = [
  "absent",
  "invalid",
  "unclear",
  "draft",
  "submitted",
  "rejected",
  "stale",
  "approved",
  "waived"
] as const
export type DocumentState = (typeof documentStates)[number]

/** Every fact with its whole domain, in the order of the design. The sizes multiply to 1.33×10²². */
export const factDomains = {
  integrity: ["ok", "corrupt"],
  lifecycle: ["active", "paused", "cancelled", "archived"],
  phase: phases,
  escalation: ["none", "open"],
  blocker: ["none", "agent", "human"],
  dep: ["met", "unmet", "dead", "cycle"],
  spec: documentStates,
  design: documentStates,
  tasksDoc: documentStates,
  qaPlan: documentStates,
  go: ["ok", "pending", "rejected"],
  wip: ["free", "full"],
  claim: ["none", "held"],
  branch: ["none", "ok", "behind", "conflict"],
  tNone: flag,
  tVerify: flag,
  tFailed: flag,
  tReady: flag,
  tRunning: flag,
  tBlocked: flag,
  pr: ["none", "open", "closed"],
  ci: ["none", "running", "green", "red", "infra"],
  agentReview: ["none", "stale", "running", "changes", "approved", "off"],
  threads: flag,
  humanReview: ["off", "pending", "stale", "changes", "approved"],
  audit: ["absent", "stale", "running", "invalid", "present", "off"],
  findBlock: flag,
  findOpen: flag,
  risk: ["ok", "pending", "rejected"],
  qa: ["absent", "stale", "running", "failed", "incomplete", "passed"],
  evidence: flag,
  uat: ["off", "pending", "rejected", "ok"],
  mergeGate: ["ok", "pending", "rejected"],
  freeze: flag,
  merge: ["idle", "queued", "ejected", "merged"],
  deployReq: flag,
  release: [
    "none",
    "deploying",
    "failed",
    "verifying",
    "unhealthy",
    "live",
    "rollingBack",
    "rollbackFailed",
    "rolledBack"
  ],
  incident: flag,
  sync: ["pending", "done"],
  cleanup: ["pending", "done"],
  lease: ["none", "live"],
  attempts: ["ok", "exhausted"],
  rework: ["ok", "exhausted"],
  budget: ["ok", "exhausted"],
  autonomy: ["auto", "confirm"]
} as const

export type FactName = keyof typeof factDomains
export type FactValue<K extends FactName = FactName> = (typeof factDomains)[K][number]
export type Facts = { readonly [K in FactName]: FactValue<K> }

export const factNames = Object.keys(factDomains) as ReadonlyArray<FactName>

/** The facts of a feature that was created a moment ago, under a policy that asks for everything and allows autonomy. */
export const initialFacts: Facts = {
  integrity: "ok",
  lifecycle: "active",
  phase: "draft",
  escalation: "none",
  blocker: "none",
  dep: "met",
  spec: "absent",
  design: "absent",
  tasksDoc: "absent",
  qaPlan: "absent",
  go: "pending",
  wip: "free",
  claim: "none",
  branch: "none",
  tNone: true,
  tVerify: false,
  tFailed: false,
  tReady: false,
  tRunning: false,
  tBlocked: false,
  pr: "none",
  ci: "none",
  agentReview: "none",
  threads: false,
  humanReview: "pending",
  audit: "absent",
  findBlock: false,
  findOpen: false,
  risk: "ok",
  qa: "absent",
  evidence: false,
  uat: "pending",
  mergeGate: "pending",
  freeze: false,
  merge: "idle",
  deployReq: true,
  release: "none",
  incident: false,
  sync: "pending",
  cleanup: "done",
  lease: "none",
  attempts: "ok",
  rework: "ok",
  budget: "ok",
  autonomy: "auto"
}
