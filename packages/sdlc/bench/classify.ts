/** Prints the time of one `classify` in nanoseconds: median, p95 and mean over batches, for states of every phase. Run: npm run bench -w @rdev/sdlc */
import { classify } from "../src/classify/Classify.ts"
import { type Facts, initialFacts } from "../src/model/Facts.ts"

/** A feature that passes every gate before `merge`: the states that read the most facts. */
const late: Facts = {
  ...initialFacts,
  spec: "approved",
  design: "approved",
  tasksDoc: "approved",
  qaPlan: "approved",
  go: "ok",
  claim: "held",
  branch: "ok",
  tNone: false,
  pr: "open",
  ci: "green",
  agentReview: "approved",
  humanReview: "approved",
  audit: "present",
  qa: "passed",
  evidence: true,
  uat: "ok",
  mergeGate: "ok",
  cleanup: "pending"
}
const states: ReadonlyArray<Facts> = [
  initialFacts,
  { ...late, phase: "specified", design: "submitted" },
  { ...late, phase: "planned", qaPlan: "draft" },
  { ...late, phase: "ready", claim: "none" },
  { ...late, phase: "implementation", tReady: true },
  { ...late, phase: "implementation", ci: "red" },
  { ...late, phase: "review", agentReview: "changes" },
  { ...late, phase: "audit", findOpen: true },
  { ...late, phase: "qa", qa: "absent" },
  { ...late, phase: "merge" },
  { ...late, phase: "merge", merge: "queued" },
  { ...late, phase: "merge", merge: "merged", release: "failed" },
  { ...late, phase: "released", merge: "merged", release: "live", sync: "done", cleanup: "done" },
  { ...late, phase: "qa", rework: "exhausted", qa: "failed" }
]

const batch = 1000
const rounds = 600
let sink = 0
const samples: Array<number> = []
for (let round = 0; round < rounds; round++) {
  const start = process.hrtime.bigint()
  for (let i = 0; i < batch; i++) {
    for (const facts of states) sink += classify(facts).rule.length
  }
  samples.push(Number(process.hrtime.bigint() - start) / (batch * states.length))
  if (round === 200) samples.length = 0
}
samples.sort((a, b) => a - b)
const at = (share: number) => (samples[Math.floor(samples.length * share)] ?? 0).toFixed(0)
const mean = (samples.reduce((sum, sample) => sum + sample, 0) / samples.length).toFixed(0)
process.stdout.write(
  `classify: median ${at(0.5)} ns, p95 ${at(0.95)} ns, mean ${mean} ns over ${samples.length} batches of ${batch * states.length} calls (${sink > 0 ? "ok" : "?"})\n`
)
