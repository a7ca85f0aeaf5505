import { assert, describe, it } from "@effect/vitest"
import { Operation, OperationStep } from "@rdev/core/domain/Operation"
import type { OperationId, TaskId, WorkerId } from "@rdev/core/domain/Ids"
import type { OwnerId } from "@rdev/core/domain/Owner"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import type { WorkerRow } from "@rdev/core/ports/stores/WorkQueueStore"
import * as Transition from "@rdev/core/queue/Transition"
import * as Waiting from "@rdev/core/queue/Waiting"

const now = 1_000_000
const worker = (change: Partial<WorkerRow> = {}): WorkerRow => ({
  id: "wrk_1" as WorkerId,
  name: "w",
  version: "1",
  capacity: 2,
  running: 0,
  labels: [],
  kinds: ["agent", "feature"],
  lastHeartbeatAtMillis: now,
  ...change
})
const facts = (change: Partial<Waiting.Facts> = {}): Waiting.Facts => ({
  ...Waiting.noFacts(now),
  workers: [worker()],
  ...change
})
const task = (change: Partial<{ -readonly [K in keyof WorkTask]: WorkTask[K] }> = {}): WorkTask =>
  Transition.withFields(
    Transition.pending(
      {
        id: "task_1" as TaskId,
        owner: "proj_1" as OwnerId,
        kind: "agent",
        payload: null,
        priority: 0,
        runAtMillis: null,
        dedupeKey: null,
        concurrencyKey: null,
        concurrencyLimit: 1,
        maxAttempts: 3,
        timeoutMillis: 1_000,
        dependsOn: [],
        requires: [],
        gate: null
      },
      now - 60_000
    ),
    change
  )
const limited = { _tag: "RateLimited", message: "429", gate: "acme", retryAfterMillis: null } as const

describe("what a task waits for", () => {
  const table: ReadonlyArray<readonly [string, WorkTask, Partial<Waiting.Facts>, string | null, RegExp]> = [
    [
      "no worker at all",
      task(),
      { workers: [] },
      "no-worker",
      /no worker is registered for agent tasks; start one with `rdev worker`/
    ],
    ["none of its kind", task({ kind: "tree" }), {}, "no-worker", /tree tasks/],
    ["none with its labels", task({ requires: ["gpu"] }), {}, "no-worker", /with the labels gpu/],
    [
      "every worker busy",
      task(),
      { workers: [worker({ running: 2 }), worker({ running: 3, capacity: 3 })] },
      "busy",
      /5 of 5 places taken on 2 workers/
    ],
    [
      "a busy one, and a free one of another kind",
      task(),
      { workers: [worker({ running: 2 }), worker({ kinds: ["webhook"] })] },
      "busy",
      /2 of 2/
    ],
    [
      "a closed gate",
      task({ gate: "acme", error: limited, runAtMillis: now + 30_000 }),
      { gates: [{ name: "acme", openAtMillis: now + 90_000 }] },
      "gate",
      /acme is closed for 90 s: 429/
    ],
    [
      "a gate that is open again",
      task({ gate: "acme" }),
      { gates: [{ name: "acme", openAtMillis: now - 1 }] },
      null,
      /^$/
    ],
    ["capacity", task({ awaits: "disk", runAtMillis: now + 5_000 }), {}, "capacity", /disk is used up/],
    [
      "another attempt",
      task({ error: { _tag: "Unknown", message: "no route" }, runAtMillis: now + 5_000 }),
      {},
      "retry",
      /tried again in 5 s after Unknown: no route/
    ],
    ["its time", task({ runAtMillis: now + 5_000 }), {}, "timer", /start in 5 s/],
    ["a person", task({ parked: "it costs 7 USD" }), { workers: [] }, "human", /it costs 7 USD/],
    ["other tasks", task({ dependsOn: ["task_0" as TaskId] }), { unfinished: ["task_0"] }, "dependency", /task task_0/],
    [
      "a pause",
      task(),
      { owner: { owner: "proj_1" as OwnerId, paused: true, weight: 1, maxRunning: null } },
      "paused",
      /paused/
    ],
    ["its turn", task({ concurrencyKey: "feature:x" }), {}, "limit", /at most 1 of feature:x at once/],
    ["nothing, as it runs", task({ status: "running" }), { workers: [] }, null, /^$/],
    ["nothing: it is about to start", task(), {}, null, /^$/]
  ]
  for (const [name, one, change, reason, detail] of table) {
    it(name, () => {
      const found = Waiting.ofTask(one, facts(change))
      assert.strictEqual(found?.reason ?? null, reason)
      assert.match(found?.detail ?? "", detail)
    })
  }
})

const operation = (change: Partial<Operation> = {}) =>
  new Operation(
    {
      id: "op_1" as OperationId,
      kind: "project.provision",
      version: 1,
      projectId: null,
      input: null,
      output: null,
      idempotencyKey: "k",
      planDigest: null,
      status: "planned",
      direction: "do",
      error: null,
      cancelRequested: false,
      leaseOwner: null,
      leaseEpoch: 0,
      leaseUntilMillis: null,
      wakeAtMillis: null,
      wakeRequested: false,
      actor: "ada",
      requestId: null,
      sourceAddress: null,
      createdAtMillis: now - 60_000,
      startedAtMillis: null,
      endedAtMillis: null,
      ...change
    },
    { disableChecks: true }
  )
const step = (wait: OperationStep["wait"]) =>
  new OperationStep(
    {
      operationId: "op_1" as OperationId,
      key: "dns",
      phase: "do",
      title: "Make the host name",
      change: "create",
      changeReason: "",
      dependsOn: [],
      status: "waiting",
      attempt: 1,
      tries: 1,
      output: null,
      error: null,
      wait,
      epoch: 1,
      startedAtMillis: now - 5_000,
      endedAtMillis: null
    },
    { disableChecks: true }
  )

describe("what an operation waits for", () => {
  it("a worker, first of all", () => {
    assert.match(
      Waiting.ofOperation(operation(), [], facts({ workers: [] }))?.detail ?? "",
      /no worker is registered for operations; start one with `rdev worker`/
    )
    assert.strictEqual(
      Waiting.ofOperation(operation(), [], facts({ workers: [worker({ kinds: ["webhook"] })] }))?.reason,
      "no-worker"
    )
    assert.strictEqual(
      Waiting.ofOperation(
        operation({ status: "running", leaseOwner: "r", leaseUntilMillis: now + 1 }),
        [],
        facts({ workers: [] })
      ),
      null,
      "somebody runs it"
    )
    assert.strictEqual(Waiting.ofOperation(operation({ status: "completed" }), [], facts({ workers: [] })), null)
  })
  it("a step's time, a retry of it, or an answer", () => {
    const waiting = operation({ status: "waiting" })
    assert.deepInclude(
      Waiting.ofOperation(
        waiting,
        [step({ kind: "retry", untilMillis: now + 9_000, reason: "503", question: null })],
        facts()
      ),
      { reason: "retry", untilMillis: now + 9_000 }
    )
    assert.deepInclude(
      Waiting.ofOperation(
        waiting,
        [step({ kind: "timer", untilMillis: null, reason: "it propagates", question: null })],
        facts()
      ),
      { reason: "timer" }
    )
    assert.deepInclude(
      Waiting.ofOperation(
        waiting,
        [
          step({ kind: "timer", untilMillis: null, reason: "x", question: null }),
          step({ kind: "answer", untilMillis: null, reason: "asks", question: "Which zone?" })
        ],
        facts()
      ),
      { reason: "human", detail: "Make the host name asks: Which zone?" }
    )
    assert.strictEqual(Waiting.ofOperation(operation({ status: "parked" }), [], facts())?.reason, "human")
  })
})

describe("what a feature waits for", () => {
  const wanted = { kind: "do", reason: "An agent writes the spec" }
  it("a person, its task, a worker, or what the decision says", () => {
    assert.strictEqual(
      Waiting.ofFeature({ kind: "hold", reason: "asked" }, now, null, facts({ workers: [] }))?.reason,
      "human"
    )
    assert.strictEqual(
      Waiting.ofFeature({ kind: "approve", approver: "human", reason: "asked" }, now, null, facts())?.reason,
      "human"
    )
    assert.strictEqual(
      Waiting.ofFeature(wanted, now, task(), facts({ workers: [worker({ running: 2 })] }))?.reason,
      "busy"
    )
    assert.strictEqual(Waiting.ofFeature(wanted, now, null, facts({ workers: [] }))?.reason, "no-worker")
    assert.strictEqual(Waiting.ofFeature(wanted, now, task({ status: "running" }), facts({ workers: [] })), null)
    assert.strictEqual(
      Waiting.ofFeature({ kind: "wait", reason: "It waits for feature pay" }, now, null, facts())?.detail,
      "It waits for feature pay"
    )
    assert.strictEqual(Waiting.ofFeature({ kind: "done", reason: "" }, now, null, facts({ workers: [] })), null)
  })
})
