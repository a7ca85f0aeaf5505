/** What comes next for a change, from facts your own tool knows. Plain functions and plain data. */
import { classify, initialFacts, type Facts } from "@rdev/sdlc"

/** A merge request of your forge, as far as it matters here. */
export interface Change {
  readonly pipeline: "none" | "running" | "success" | "failed"
  readonly openThreads: number
  readonly approved: boolean
}

/** Somebody else plans and writes the code; this tool only asks what a change in review still needs. */
export const factsOf = (change: Change): Facts => ({
  ...initialFacts,
  phase: "review",
  spec: "approved",
  design: "waived",
  tasksDoc: "approved",
  qaPlan: "waived",
  go: "ok",
  claim: "held",
  branch: "ok",
  tNone: false,
  pr: "open",
  ci: ({ none: "none", running: "running", success: "green", failed: "red" } as const)[change.pipeline],
  threads: change.openThreads > 0,
  agentReview: "off",
  humanReview: change.approved ? "approved" : "pending"
})

export const next = (change: Change) => {
  const { action, actor, rule, facts } = classify(factsOf(change))
  return { action, actor, rule, because: facts.map(({ fact, value }) => `${fact}=${value}`) }
}

if (import.meta.main) {
  for (const change of [
    { pipeline: "running", openThreads: 0, approved: false },
    { pipeline: "failed", openThreads: 0, approved: false },
    { pipeline: "success", openThreads: 2, approved: false },
    { pipeline: "success", openThreads: 0, approved: false },
    { pipeline: "success", openThreads: 0, approved: true }
  ] as const)
    console.log(change, "→", next(change).action, `(${next(change).actor}, ${next(change).rule})`)
}
