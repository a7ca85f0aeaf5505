/** The policies that ship with the package, and how a policy is resolved for one feature. Plain data and plain functions. */
import { digestOf } from "./Digest.ts"
import type { Feature } from "./Feature.ts"
import type { Gate, GateMode, Policy, PolicyPatch } from "./Policy.ts"

/** Little ceremony: a spec and tasks that the policy accepts itself, no design, no QA plan, no audit; CI, agent review and QA stay. */
const lean: PolicyPatch = {
  gates: {
    spec: "auto",
    design: "off",
    tasks: "auto",
    "qa-plan": "off",
    start: "auto",
    "human-review": "off",
    audit: "off",
    risk: "off",
    uat: "off",
    merge: "auto"
  }
}

/** People approve the spec, the start, the code, the acceptance and the merge; agents approve the rest. */
export const standardPolicy: Policy = {
  gates: {
    spec: "human",
    design: "human",
    tasks: "agent",
    "qa-plan": "agent",
    start: "auto",
    "agent-review": "agent",
    "human-review": "human",
    audit: "agent",
    risk: "human",
    uat: "human",
    merge: "human"
  },
  separationOfDuties: true,
  waive: "human",
  reviewers: 1,
  blockSeverity: "high",
  maxAttempts: 3,
  maxRework: 3,
  wip: 3,
  budget: {},
  autonomy: "auto",
  freeze: [],
  deploy: "required",
  keyring: [],
  presets: {
    feature: {},
    // A bug's design is its fix: the spec says what is wrong and what right looks like.
    bugfix: { gates: { design: "off", "qa-plan": "auto", uat: "off" } },
    // Nothing changes for a user, so nobody has to accept it; the design is what matters.
    refactor: { gates: { spec: "auto", uat: "off" } },
    // Time matters more than paper; the people who land it still answer for it.
    hotfix: {
      gates: { spec: "auto", design: "off", tasks: "auto", "qa-plan": "off", start: "auto", audit: "off", uat: "off" }
    },
    lean
  }
}

export const leanPolicy: Policy = {
  ...standardPolicy,
  gates: { ...standardPolicy.gates, ...lean.gates } as Record<Gate, GateMode>
}

const overlay = (base: Policy, patch: PolicyPatch | undefined): Policy =>
  patch === undefined ? base : { ...base, ...patch, gates: { ...base.gates, ...patch.gates } as Record<Gate, GateMode> }

/** The policy as it applies to one feature: the base, then the preset of its kind, then the preset it names. */
export const policyFor = (policy: Policy, feature: Pick<Feature, "kind" | "preset">): Policy => {
  const ofKind = overlay(policy, policy.presets[feature.kind])
  return feature.preset === undefined ? ofKind : overlay(ofKind, policy.presets[feature.preset])
}

/** A policy is plain data that nobody changes, and a replay asks for its digest after every event. */
const revisions = new WeakMap<Policy, string>()

/** Digest of a policy; part of every decision made under it. */
export const policyRev = (policy: Policy): string => {
  const known = revisions.get(policy)
  if (known !== undefined) return known
  const rev = digestOf("policy", policy)
  revisions.set(policy, rev)
  return rev
}
