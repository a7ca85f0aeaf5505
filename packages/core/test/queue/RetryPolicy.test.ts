import { assert, describe, it } from "@effect/vitest"
import type { ErrorClass, ErrorClassTag } from "@rdev/core/domain/ErrorClass"
import type { TaskId } from "@rdev/core/domain/Ids"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import * as RetryPolicy from "@rdev/core/queue/RetryPolicy"
import * as Transition from "@rdev/core/queue/Transition"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"

const now = 1_000_000
const base = Transition.started(
  Transition.pending(
    {
      ...WorkQueue.defaults,
      id: "task_01J00000000000000000000000" as TaskId,
      owner: "proj_01J00000000000000000000000" as WorkTask["owner"],
      kind: "agent",
      payload: null,
      maxAttempts: 3,
      timeoutMillis: 60_000,
      gate: "account:1"
    },
    now
  ),
  "wrk_1",
  now
)
const task = (change: Partial<{ -readonly [K in keyof WorkTask]: WorkTask[K] }> = {}) =>
  Transition.withFields(base, change)
const failures = (tag: ErrorClassTag, count: number): WorkTask["attempts"] =>
  Array.from({ length: count }, (_, i) => ({
    number: i + 1,
    fence: BigInt(i),
    workerId: "wrk_1",
    startedAtMillis: 0,
    endedAtMillis: 1,
    error: { ...samples[tag] },
    counted: false
  }))
const samples: { readonly [T in ErrorClassTag]: Extract<ErrorClass, { readonly _tag: T }> } = {
  RateLimited: { _tag: "RateLimited", message: "429", gate: null, retryAfterMillis: null },
  AccountLimit: { _tag: "AccountLimit", message: "limit", gate: "account:2", resetAtMillis: now + 3_600_000 },
  AuthFailed: { _tag: "AuthFailed", message: "401" },
  Timeout: { _tag: "Timeout", message: "slow", afterMillis: 60_000 },
  StaleWorker: { _tag: "StaleWorker", message: "gone" },
  ResourceExhausted: { _tag: "ResourceExhausted", message: "full", resource: "disk" },
  Conflict: { _tag: "Conflict", message: "again" },
  Invalid: { _tag: "Invalid", message: "bad", field: "x" },
  PolicyDenied: { _tag: "PolicyDenied", message: "no" },
  Budget: { _tag: "Budget", message: "too dear" },
  NeedsApproval: { _tag: "NeedsApproval", message: "ask" },
  AgentFault: { _tag: "AgentFault", message: "wrong" },
  Defect: { _tag: "Defect", message: "broken" },
  Unknown: { _tag: "Unknown", message: "?" }
}

describe("RetryPolicy", () => {
  const table: ReadonlyArray<
    readonly [ErrorClassTag, Partial<{ -readonly [K in keyof WorkTask]: WorkTask[K] }>, object]
  > = [
    ["RateLimited", {}, { _tag: "Again", counts: false, crash: false }],
    [
      "AccountLimit",
      {},
      { _tag: "Again", counts: false, delayMillis: 3_600_000, closes: { gate: "account:2", forMillis: 3_600_000 } }
    ],
    ["AuthFailed", {}, { _tag: "Fail", notify: true }],
    ["Timeout", {}, { _tag: "Again", counts: true, timeoutMillis: 120_000 }],
    [
      "Timeout",
      { timeoutMillis: RetryPolicy.maxTimeoutMillis - 1 },
      { _tag: "Again", timeoutMillis: RetryPolicy.maxTimeoutMillis }
    ],
    ["Timeout", { attemptsCounted: 2 }, { _tag: "Fail", counts: true }],
    ["StaleWorker", {}, { _tag: "Again", counts: false, crash: true, delayMillis: 0 }],
    ["StaleWorker", { crashes: 2 }, { _tag: "Fail", counts: false, crash: true, notify: true }],
    ["ResourceExhausted", {}, { _tag: "Again", counts: false, awaits: "disk" }],
    ["Conflict", {}, { _tag: "Again", counts: false }],
    ["Conflict", { attempts: failures("Conflict", RetryPolicy.freeConflicts) }, { _tag: "Again", counts: true }],
    ["Conflict", { attempts: failures("Conflict", RetryPolicy.freeConflicts), attemptsCounted: 2 }, { _tag: "Fail" }],
    ["Invalid", {}, { _tag: "Fail" }],
    ["PolicyDenied", {}, { _tag: "Fail" }],
    ["AgentFault", {}, { _tag: "Fail" }],
    ["Budget", {}, { _tag: "Park", why: "too dear" }],
    ["NeedsApproval", {}, { _tag: "Park", why: "ask" }],
    ["Defect", { attemptsCounted: 1 }, { _tag: "Again", counts: true }],
    ["Defect", { attemptsCounted: 2 }, { _tag: "Fail", counts: true }],
    ["Unknown", { attemptsCounted: 1 }, { _tag: "Again", counts: true }],
    ["Unknown", { attemptsCounted: 2 }, { _tag: "Fail", counts: true }]
  ]
  it("decides for every class", () => {
    for (const [tag, change, expected] of table)
      assert.containSubset(
        RetryPolicy.decide(samples[tag], task(change), now),
        expected,
        `${tag} ${JSON.stringify(Object.keys(change))}`
      )
    assert.deepStrictEqual(new Set(table.map(([tag]) => tag)), new Set(Object.keys(samples)))
  })
  it("takes the handler's own time for what it cannot name", () => {
    const error: ErrorClass = { ...samples.Unknown, retryAfterMillis: 7_000 }
    assert.containSubset(RetryPolicy.decide(error, task(), now), { _tag: "Again", counts: true, delayMillis: 7_000 })
    assert.containSubset(RetryPolicy.decide({ ...error, retryAfterMillis: -1 }, task(), now), { delayMillis: 0 })
    assert.containSubset(RetryPolicy.decide(error, task({ attemptsCounted: 2 }), now), { _tag: "Fail" })
  })

  it("takes the server's time, and closes the task's gate when the error names none", () => {
    assert.containSubset(RetryPolicy.decide({ ...samples.RateLimited, retryAfterMillis: 7_000 }, task(), now), {
      delayMillis: 7_000,
      closes: { gate: "account:1", forMillis: 7_000 }
    })
    assert.containSubset(RetryPolicy.decide(samples.RateLimited, task({ gate: null }), now), { closes: null })
  })

  it("backs off exponentially with jitter below a cap, the same for the same delivery", () => {
    let last = 0
    for (let failed = 0; failed < 30; failed++) {
      const failing = task({ deliveries: failed + 1, attempts: failures("RateLimited", failed) })
      const decision = RetryPolicy.decide(samples.RateLimited, failing, now)
      assert.deepStrictEqual(RetryPolicy.decide(samples.RateLimited, failing, now), decision)
      const delay = decision._tag === "Again" ? decision.delayMillis : -1
      const full = Math.min(
        RetryPolicy.backoffs.rateLimited.capMillis,
        RetryPolicy.backoffs.rateLimited.baseMillis * 2 ** failed
      )
      assert.isTrue(delay >= full / 2 && delay <= full, `${delay} of ${full}`)
      last = delay
    }
    assert.isAtLeast(last, RetryPolicy.backoffs.rateLimited.capMillis / 2)
  })

  it("ends even what never counts", () => {
    assert.containSubset(
      RetryPolicy.decide(samples.RateLimited, task({ deliveries: RetryPolicy.maxDeliveries }), now),
      { _tag: "Fail" }
    )
    assert.containSubset(
      RetryPolicy.decide(samples.ResourceExhausted, task({ deliveries: RetryPolicy.maxDeliveries }), now),
      { _tag: "Fail" }
    )
  })
})
