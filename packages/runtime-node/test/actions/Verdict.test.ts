import { assert, describe, it } from "@effect/vitest"
import { RunId } from "@rdev/core/domain/Ids"
import * as RunName from "../../src/actions/RunName.ts"
import * as Verdict from "../../src/actions/Verdict.ts"
import type { StepState, Summary } from "../../src/actions/WorkflowLog.ts"

const id = RunId.make("run_01HZZZZZZZZZZZZZZZZZZZZZZZ")
const began = RunName.beganMillis(id)
const state = (status: StepState["status"], exitCode: number | null = null, slow = false): StepState => ({
  status,
  exitCode,
  slow,
  durationMillis: 5
})
const log = (change: Partial<Summary> = {}, ...steps: ReadonlyArray<StepState>): Summary => ({
  start: "ready",
  broken: null,
  aside: [],
  steps: new Map(steps.map((one, index) => [index, one])),
  ...change
})
const found = (conclusion: string | null, status: "completed" | "queued" | "running" | "waiting" = "completed") => ({
  number: 1,
  title: "",
  status,
  conclusion,
  startedAtMillis: began + 1_000,
  completedAtMillis: status === "completed" ? began + 3_000 : null,
  url: "https://git.example.org/run"
})
const known: Verdict.Known = {
  server: "Gitea",
  run: { id, sha: "a".repeat(40), event: "push", branch: "main" },
  steps: [
    { name: "build", ignoreFailure: false },
    { name: "test", ignoreFailure: false }
  ],
  found: found("success"),
  job: null,
  log: log({}, state("success", 0), state("success", 0)),
  runsOn: "lab",
  queueMillis: 600_000,
  runMillis: 3_600_000,
  nowMillis: began + 5_000
}

const cases: ReadonlyArray<readonly [string, Partial<Verdict.Known>, string, RegExp | null]> = [
  ["all passed", {}, "green", null],
  ["all passed, and its log is gone", { log: null }, "green", null],
  [
    "a step failed",
    { found: found("failure"), log: log({}, state("success", 0), state("failure", 3)) },
    "red",
    /^step "test" exited 3$/
  ],
  [
    "a step was too slow",
    { found: found("failure"), log: log({}, state("failure", null, true)) },
    "red",
    /"build" ran longer than its time limit/
  ],
  ["the server's time limit", { found: found("timed_out"), log: log({}, state("running")) }, "red", /time limit/],
  [
    "only one that is ignored failed, and the job: the runner's fault",
    { found: found("failure"), steps: [{ name: "build", ignoreFailure: true }], log: log({}, state("failure", 1)) },
    "infra",
    /ended before the steps had/
  ],
  [
    "the runner was lost in a step",
    { found: found("failure"), log: log({}, state("success", 0), state("running")) },
    "infra",
    /lost while step "test" ran/
  ],
  [
    "the commit could not be fetched",
    { found: found("failure"), log: log({ start: "none", aside: ["fatal: not found"] }) },
    "infra",
    /could not fetch the commit: fatal: not found/
  ],
  [
    "no image",
    {
      found: found("failure"),
      log: log({ start: "none", aside: ["x", "Error response from daemon: pull access denied for nope", "y"] })
    },
    "infra",
    /no image .*pull access denied/
  ],
  [
    "the pipeline is broken",
    { found: found("failure"), steps: [], log: log({ start: "broken", broken: "line 3" }) },
    "infra",
    /^line 3$/
  ],
  [
    "a runner came too late",
    { found: found("failure"), log: log({ start: "late" }) },
    "infra",
    /no runner took it within 600 s.*label lab/
  ],
  ["no log", { found: found("failure"), log: null }, "infra", /no log/],
  [
    "no log, but the server knows the step",
    {
      found: found("failure"),
      log: null,
      job: {
        number: 1,
        steps: [
          { status: "success", durationMillis: 1 },
          { status: "success", durationMillis: 1 },
          { status: "failure", durationMillis: 1 }
        ]
      }
    },
    "red",
    /^step "test" failed$/
  ],
  ["cancelled", { found: found("cancelled") }, "cancelled", /cancelled at Gitea/],
  ["never run", { found: found("startup_failure"), log: null }, "infra", /startup_failure/],
  ["skipped by the server", { found: found("skipped"), log: null }, "infra", /skipped/],
  ["in the queue", { found: found(null, "queued"), log: null }, "running", null],
  [
    "in the queue too long",
    { found: found(null, "queued"), log: null, nowMillis: began + 700_000 },
    "infra",
    /no runner took it/
  ],
  [
    "taken after it counted as not taken",
    { found: { ...found(null, "running"), startedAtMillis: began + 700_000 }, log: null, nowMillis: began + 701_000 },
    "infra",
    /no runner took it/
  ],
  ["not approved", { found: found(null, "waiting"), log: null, nowMillis: began + 700_000 }, "infra", /approve/],
  ["not made yet", { found: null, log: null }, "running", null],
  ["never made", { found: null, log: null, nowMillis: began + 700_000 }, "infra", /made no run of it/],
  ["running", { found: found(null, "running"), log: log({}, state("running")) }, "running", null],
  [
    "running for ever",
    { found: found(null, "running"), log: log({}, state("running")), nowMillis: began + 4_000_000 },
    "infra",
    /its runner is gone/
  ]
]

describe("what a run came to", () => {
  for (const [name, change, status, reason] of cases)
    it(`${name}: ${status}`, () => {
      const run = Verdict.of({ ...known, ...change })
      assert.strictEqual(run.status, status, String(run.reason))
      if (reason === null) assert.isNull(run.reason)
      else assert.match(run.reason ?? "", reason)
      assert.deepInclude(run, { id, sha: "a".repeat(40) })
    })
  it("green says so of its steps, log or not", () => {
    for (const change of [{}, { log: null }])
      assert.deepStrictEqual(
        Verdict.of({ ...known, ...change }).steps.map((step) => step.status),
        ["success", "success"]
      )
    assert.strictEqual(Verdict.of(known).durationMillis, 2_000)
  })
})
