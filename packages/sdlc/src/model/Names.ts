/** Closed lists of names that both the schemas and the plain engine use. No dependency. */

/** Severity of a finding, lowest first. */
export const severities = ["info", "low", "medium", "high", "critical"] as const

/** The gates a policy sets a mode for. */
export const gateNames = [
  "spec",
  "design",
  "tasks",
  "qa-plan",
  "start",
  "agent-review",
  "human-review",
  "audit",
  "risk",
  "uat",
  "merge"
] as const

/** Documents that a gate of their own approves, in the order in which they are written. */
export const documentKinds = ["spec", "design", "tasks", "qa-plan"] as const

export const artifactKinds = [...documentKinds, "review", "audit", "qa-report"] as const

/** The documents that each document is written against: when one of them changes, an approval of the later one is stale. */
export const upstreamKinds = {
  spec: [],
  design: ["spec"],
  tasks: ["spec", "design"],
  "qa-plan": ["spec", "design"]
} as const satisfies Record<(typeof documentKinds)[number], ReadonlyArray<(typeof documentKinds)[number]>>
