import { assert, describe, it } from "@effect/vitest"
import { Clock, Deferred, Effect, Fiber, Option, Queue, Schema } from "effect"
import { TestClock } from "effect/testing"
import { system } from "@rdev/core/domain/Event"
import * as Definition from "@rdev/core/operations/Definition"
import { Operations } from "@rdev/core/operations/Operations"
import * as Saga from "@rdev/core/operations/Saga"
import * as Step from "@rdev/core/operations/Step"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { Notifier } from "@rdev/core/ports/stores/Notifier"
import { OperationStore } from "@rdev/core/ports/stores/OperationStore"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { platform, runner, until } from "./Harness.ts"
import { request, shelf, thing, three } from "./Shelf.ts"

const types = Effect.gen(function* () {
  const { events } = yield* (yield* EventLog).read(system, 0, 1_000)
  return events.map((event) => event.type)
})
const retryable = (message: string) =>
  new Step.StepFailure({ code: "Unavailable", message, retryable: true, retryAfterMillis: null })

describe("Saga", () => {
  it.effect("runs the steps in order of dependency, tells, and keeps an audit entry", () => {
    const s = shelf()
    return Effect.gen(function* () {
      const operations = yield* Operations
      const started = yield* operations.start(request)
      assert.strictEqual((yield* operations.start(request)).id, started.id)
      const r = yield* runner()
      const ended = yield* until(started.id, "completed")
      yield* r.stop
      assert.deepStrictEqual(s.calls, ["do a", "do b", "do c"])
      assert.deepStrictEqual(ended.output, { a: { name: "a" }, b: { name: "b" }, c: { name: "c" } })
      assert.strictEqual(ended.leaseOwner, null)
      const told = yield* types
      assert.deepStrictEqual(
        [told[0], told[1], told.at(-1)],
        ["operation.planned", "operation.started", "operation.completed"]
      )
      const entries = yield* (yield* AuditStore).list(null, { before: null, limit: 10 })
      assert.deepStrictEqual(
        entries.map((entry) => entry.outcome),
        ["completed", "started"]
      )
      assert.deepStrictEqual(
        entries[0]?.steps.map((step) => step.status),
        ["completed", "completed", "completed"]
      )
      assert.deepStrictEqual(
        (yield* operations.resources(started.id)).map((resource) => resource.state),
        ["created", "created", "created"]
      )
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("runs independent steps at the same time", () => {
    const s = shelf()
    for (const key of ["a", "b", "c"]) s.instead.set(`do ${key}`, Effect.sleep("10 seconds"))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      const ended = yield* until(id, "completed")
      yield* r.stop
      assert.isBelow((ended.endedAtMillis ?? 0) - (ended.startedAtMillis ?? 0), 21_000)
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("undoes in reverse order when a step fails, and leaves what it did not make", () => {
    const s = shelf()
    s.things.set("b", "us")
    s.instead.set("do c", Effect.fail(Step.failure("Invalid", "no")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      const ended = yield* until(id, "failed")
      yield* r.stop
      assert.deepStrictEqual(s.calls, ["do a", "do c", "undo c", "undo a"])
      assert.strictEqual(ended.error?.message, "c: no")
      assert.deepStrictEqual([...s.things], [["b", "us"]])
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("refuses what is somebody else's, touching nothing of it", () => {
    const s = shelf()
    s.things.set("c", "them")
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      const ended = yield* until(id, "failed")
      yield* r.stop
      assert.strictEqual(ended.error?.code, "Foreign")
      assert.deepStrictEqual([...s.things], [["c", "them"]])
      assert.isFalse(s.calls.includes("undo c"))
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("tries again after an outage, looking first: a lost answer is no second effect", () => {
    const s = shelf()
    let outages = 2
    s.instead.set(
      "do a",
      Effect.suspend(() => {
        outages -= 1
        if (outages < 0) return Effect.void
        // The effect happened; its answer did not arrive.
        s.things.set("a", "us")
        return Effect.fail(retryable("connection lost"))
      })
    )
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      yield* until(id, "completed")
      yield* r.stop
      assert.strictEqual(s.calls.filter((name) => name === "do a").length, 1)
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("gives up after the step's limit of attempts", () => {
    const s = shelf()
    s.instead.set("do a", Effect.fail(retryable("down")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      const ended = yield* until(id, "failed")
      yield* r.stop
      assert.strictEqual(s.calls.filter((name) => name === "do a").length, Step.defaultRetry.maxAttempts)
      assert.strictEqual(ended.error?.code, "Unavailable")
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("ends a step that is not available here as skipped, and says why", () => {
    const s = shelf()
    s.instead.set("do a", Effect.fail(Step.failure("Unsupported", "no shelf is configured: set SHELF")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      yield* until(id, "completed")
      yield* r.stop
      const rows = yield* operations.steps(id)
      const a = rows.find((row) => row.key === "a" && row.phase === "do")
      assert.deepStrictEqual([a?.status, a?.changeReason], ["skipped", "no shelf is configured: set SHELF"])
      assert.strictEqual(
        (yield* operations.resources(id)).find((resource) => resource.key === "a")?.state,
        "unavailable"
      )
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("turns a defect of a step into a failure that is undone", () => {
    const s = shelf()
    s.instead.set("do c", Effect.die(new Error("undefined is not a function")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      const ended = yield* until(id, "failed")
      yield* r.stop
      assert.strictEqual(ended.error?.code, "Defect")
      assert.strictEqual(s.things.size, 0)
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("continues past failures where the definition says so, and adds the errors up", () => {
    const s = shelf()
    s.instead.set("do a", Effect.fail(Step.failure("Unknown", "jammed")))
    s.instead.set("do b", Effect.fail(Step.failure("Unknown", "stuck")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      const ended = yield* until(id, "failed")
      assert.include(ended.error?.message ?? "", "and 1 more failed steps")
      assert.isTrue(s.calls.includes("do c"))
      s.instead.clear()
      assert.strictEqual((yield* operations.retry(id)).id, id)
      yield* until(id, "completed")
      yield* r.stop
      assert.strictEqual(s.calls.filter((name) => name === "do c").length, 1)
    }).pipe(Effect.provide(platform(three(s, { onFailure: "continue" }))))
  })
})

describe("undo-fails", () => {
  it.effect("is visible, and a retry undoes the rest", () => {
    const s = shelf()
    s.instead.set("do c", Effect.fail(Step.failure("Invalid", "no")))
    s.instead.set("undo a", Effect.fail(Step.failure("Unauthorized", "the key is revoked")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      const stuck = yield* until(id, "compensation_failed")
      assert.include(stuck.error?.message ?? "", "not undone: a: the key is revoked")
      assert.deepStrictEqual([...s.things.keys()], ["a"])
      assert.isTrue((yield* types).includes("operation.compensation_failed"))
      s.instead.delete("undo a")
      yield* operations.retry(id)
      const ended = yield* until(id, "failed")
      yield* r.stop
      assert.strictEqual(ended.error?.message, "c: no")
      assert.strictEqual(s.things.size, 0)
    }).pipe(Effect.provide(platform(three(s))))
  })
})

describe("dup-step-key", () => {
  it.effect("is a defect at the first execution, and nothing is stored", () => {
    const s = shelf()
    return Effect.gen(function* () {
      const operations = yield* Operations
      const exit = yield* Effect.exit(operations.start(request))
      assert.include(String(exit), `step key "a" is used twice`)
      assert.strictEqual((yield* operations.list({ limit: 10 })).length, 0)
    }).pipe(Effect.provide(platform(three(s, { steps: () => [thing(s, "a"), thing(s, "a")] }))))
  })
})

describe("version-drift", () => {
  const drifts: ReadonlyArray<
    readonly [string, (s: ReturnType<typeof shelf>) => Effect.Effect<Definition.Definition>]
  > = [
    ["UnknownVersion", (s) => three(s, { version: 2 })],
    ["VersionDrift", (s) => three(s, { steps: () => [thing(s, "a"), thing(s, "b")] })],
    ["VersionDrift", (s) => three(s, { steps: () => [thing(s, "c", ["a"]), thing(s, "a"), thing(s, "b")] })],
    [
      "UndecodableInput",
      () =>
        Definition.make({
          kind: "test.three",
          version: 1,
          input: Schema.Struct({ other: Schema.String }),
          onFailure: "compensate",
          steps: () => []
        })
    ]
  ]
  for (const [code, changed] of drifts) {
    it.effect(`${code} parks without undoing, and goes on when the code fits again`, () => {
      const s = shelf()
      return Effect.gen(function* () {
        const operations = yield* Operations
        const { id } = yield* operations.start(request)
        const other = yield* changed(s)
        const r = yield* runner().pipe(
          Effect.provideService(Definition.OperationDefinitions, Definition.registry([other]))
        )
        const parked = yield* until(id, "parked")
        yield* r.stop
        assert.strictEqual(parked.error?.code, code)
        assert.deepStrictEqual(s.calls, [])
        assert.isTrue((yield* types).includes("operation.parked"))
        yield* operations.retry(id)
        const right = yield* runner()
        yield* until(id, "completed")
        yield* right.stop
      }).pipe(Effect.provide(platform(three(s))))
    })
  }

  it.effect("an undecodable recorded output parks", () => {
    const s = shelf()
    s.instead.set(
      "do c",
      Effect.fail(
        new Step.StepFailure({ code: "RateLimited", message: "later", retryable: true, retryAfterMillis: 3_600_000 })
      )
    )
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      yield* until(id, "waiting")
      yield* r.stop
      const narrower = yield* three(s, {
        steps: () => [
          thing(s, "c", ["a", "b"]),
          Step.make({
            key: "a",
            title: "a",
            intent: "create",
            output: Schema.Struct({ size: Schema.Int }),
            do: () => Effect.succeed(Step.done({ size: 1 }))
          }),
          thing(s, "b")
        ]
      })
      yield* TestClock.adjust("1 hour")
      const other = yield* runner().pipe(
        Effect.provideService(Definition.OperationDefinitions, Definition.registry([narrower]))
      )
      const parked = yield* until(id, "parked")
      yield* other.stop
      assert.include(parked.error?.message ?? "", `the recorded output of step "a" cannot be read`)
      assert.deepStrictEqual([...s.things.keys()].sort(), ["a", "b"])
    }).pipe(Effect.provide(platform(three(s))))
  })
})

describe("cancel", () => {
  // Steps a, b and c in a row; the cancel comes while step number `at` runs, or before any (0).
  const chain = (s: ReturnType<typeof shelf>) =>
    three(s, { steps: () => [thing(s, "a"), thing(s, "b", ["a"]), thing(s, "c", ["b"])] })
  for (const at of [0, 1, 2]) {
    it.effect(`at boundary ${at}: no step begins after it, and what was done is undone`, () => {
      const s = shelf()
      return Effect.gen(function* () {
        const operations = yield* Operations
        const reached = yield* Deferred.make<void>()
        const go = yield* Deferred.make<void>()
        const key = ["a", "b"][at - 1]
        if (key !== undefined)
          s.instead.set(`do ${key}`, Effect.andThen(Deferred.succeed(reached, undefined), Deferred.await(go)))
        const { id } = yield* operations.start(request)
        if (at === 0) yield* operations.cancel(id)
        const r = yield* runner()
        if (key !== undefined) {
          yield* Deferred.await(reached)
          yield* operations.cancel(id)
          yield* Deferred.succeed(go, undefined)
        }
        const ended = yield* until(id, "cancelled")
        yield* r.stop
        assert.strictEqual(ended.error, null)
        assert.deepStrictEqual(
          s.calls.filter((name) => name.startsWith("do")),
          ["do a", "do b", "do c"].slice(0, at)
        )
        assert.strictEqual(s.things.size, 0)
        assert.strictEqual((yield* operations.cancel(id)).status, "cancelled")
      }).pipe(Effect.provide(platform(chain(s))))
    })
  }

  it.effect("inside a wait at once; too late when it has completed", () => {
    const s = shelf()
    const waits = three(s, {
      steps: () => [thing(s, "a"), thing(s, "b", ["a"], { do: () => Effect.succeed(Step.ask("Go on?")) })]
    })
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      yield* until(id, "waiting")
      yield* operations.cancel(id)
      yield* until(id, "cancelled")
      yield* r.stop
      assert.strictEqual(s.things.size, 0)
      const reason = yield* Effect.flip(operations.answer(id, "b", true))
      assert.include(reason.message, "has ended as cancelled")
    }).pipe(Effect.provide(platform(waits)))
  })
})

describe("waits are rows", () => {
  it.effect("an approval survives the runner, and its answer is handed to the step", () => {
    const s = shelf()
    const asks = three(s, {
      steps: () => [
        thing(s, "a"),
        Step.make({
          key: "approve",
          title: "Ask",
          dependsOn: ["a"],
          intent: "run",
          repeatable: true,
          output: Schema.Struct({ word: Schema.Json }),
          do: (context) =>
            Effect.succeed(
              Option.match(context.answer, {
                onNone: () => Step.ask("Which word?"),
                onSome: (word) => Step.done({ word })
              })
            )
        })
      ]
    })
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const first = yield* runner()
      const waiting = yield* until(id, "waiting")
      assert.strictEqual(waiting.leaseOwner, null)
      yield* first.stop
      yield* TestClock.adjust("2 days")
      yield* operations.answer(id, "approve", "please")
      const second = yield* runner()
      const ended = yield* until(id, "completed")
      yield* second.stop
      assert.deepStrictEqual(ended.output, { a: { name: "a" }, approve: { word: "please" } })
      assert.deepStrictEqual(s.calls, ["do a"])
    }).pipe(Effect.provide(platform(asks)))
  })

  it.effect("a timer fires at its time, on whatever runner is there", () => {
    const s = shelf()
    const hour = 3_600_000
    const timer = three(s, {
      steps: () => [
        Step.make({
          key: "later",
          title: "Later",
          intent: "run",
          repeatable: true,
          output: Schema.Int,
          do: (context) =>
            Effect.map(Clock.currentTimeMillis, (now) =>
              now < context.startedAtMillis + hour
                ? Step.wait(context.startedAtMillis + hour, "an hour")
                : Step.done(now - context.startedAtMillis)
            )
        })
      ]
    })
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      yield* until(id, "waiting")
      yield* TestClock.adjust("59 minutes")
      assert.strictEqual((yield* operations.get(id)).status, "waiting")
      const ended = yield* until(id, "completed")
      yield* r.stop
      assert.isAtMost(Number(Reflect.get(Object(ended.output), "later")), hour + 2_000)
    }).pipe(Effect.provide(platform(timer)))
  })
})

describe("unknown outcome", () => {
  const script = (s: ReturnType<typeof shelf>) =>
    three(s, {
      steps: () => [
        Step.make({
          key: "script",
          title: "Run",
          intent: "run",
          output: Schema.Null,
          do: () =>
            Effect.suspend(() => {
              s.calls.push("script")
              return Effect.as(s.instead.get("script") ?? Effect.void, Step.done(null))
            }),
          undo: () =>
            Effect.sync(() => {
              s.calls.push("clean up")
            })
        })
      ]
    })
  it.effect("of a step that cannot be looked at parks; a retry runs it again", () => {
    const s = shelf()
    s.instead.set("script", Effect.never)
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const vanishes = yield* runner({ drainMillis: 0 })
      yield* TestClock.adjust("1 second")
      yield* vanishes.stop
      s.instead.clear()
      const r = yield* runner()
      const parked = yield* until(id, "parked")
      assert.strictEqual(parked.error?.code, "UnknownOutcome")
      assert.deepStrictEqual(s.calls, ["script"])
      yield* operations.retry(id)
      yield* until(id, "completed")
      yield* r.stop
      assert.deepStrictEqual(s.calls, ["script", "script"])
    }).pipe(Effect.provide(platform(script(s))))
  })
  it.effect("can be cancelled instead: it is undone", () => {
    const s = shelf()
    s.instead.set("script", Effect.never)
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const vanishes = yield* runner({ drainMillis: 0 })
      yield* TestClock.adjust("1 second")
      yield* vanishes.stop
      const r = yield* runner()
      yield* until(id, "parked")
      yield* operations.cancel(id)
      yield* until(id, "cancelled")
      yield* r.stop
      assert.deepStrictEqual(s.calls, ["script", "clean up"])
    }).pipe(Effect.provide(platform(script(s))))
  })
})

describe("zombie", () => {
  it.effect("a runner past its lease writes nothing any more", () => {
    const s = shelf()
    return Effect.gen(function* () {
      const operations = yield* Operations
      const store = yield* OperationStore
      const context = {
        store,
        unitOfWork: yield* UnitOfWork,
        log: yield* EventLog,
        audit: yield* AuditStore,
        notifier: yield* Notifier
      }
      const go = yield* Deferred.make<void>()
      s.instead.set("do a", Deferred.await(go))
      const { id } = yield* operations.start(request)
      const [claimed] = yield* store.claim({ owner: "stopped", limit: 1, leaseMillis: 4_000 })
      if (claimed === undefined) return assert.fail("nothing was claimed")
      const bell = yield* Queue.sliding<void>(1)
      const zombie = yield* Effect.forkChild(
        Effect.exit(Saga.run(context, yield* Definition.OperationDefinitions, claimed, { bell, stopping: () => false }))
      )
      yield* Effect.yieldNow
      yield* TestClock.adjust("5 seconds")
      s.instead.clear()
      const r = yield* runner()
      const ended = yield* until(id, "completed")
      yield* r.stop
      const rows = yield* operations.steps(id)
      const told = yield* types
      yield* Deferred.succeed(go, undefined)
      const exit = yield* Fiber.join(zombie)
      assert.include(JSON.stringify(exit), `"_tag":"LeaseLost"`)
      assert.deepStrictEqual(yield* operations.steps(id), rows)
      assert.deepStrictEqual(yield* operations.get(id), ended)
      assert.deepStrictEqual(yield* types, told)
      assert.deepStrictEqual(
        rows.filter((row) => row.key === "a" && row.phase === "do").map((row) => [row.status, row.epoch]),
        [["done", 2]]
      )
    }).pipe(Effect.provide(platform(three(s))))
  })
})

describe("takeover and retention", () => {
  it.effect("a second runner goes on within 5 s of the first one's death", () => {
    const s = shelf()
    s.instead.set("do b", Effect.never)
    return Effect.gen(function* () {
      const operations = yield* Operations
      const store = yield* OperationStore
      const { id } = yield* operations.start(request)
      // Dead at once: it holds the lease and never renews it.
      yield* store.claim({ owner: "dead", limit: 1, leaseMillis: 4_000 })
      const diedAt = yield* Clock.currentTimeMillis
      s.instead.clear()
      const r = yield* runner()
      yield* until(id, "completed")
      yield* r.stop
      const rows = yield* operations.steps(id)
      const first = Math.min(...rows.flatMap((row) => (row.startedAtMillis === null ? [] : [row.startedAtMillis])))
      assert.isAtMost(first - diedAt, 5_000)
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("a runner that ends in order gives its work back at once", () => {
    const s = shelf()
    const gate = Deferred.makeUnsafe<void>()
    s.instead.set("do a", Deferred.await(gate))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const first = yield* runner({ drainMillis: 5_000 })
      yield* TestClock.adjust("1 second")
      const ending = yield* Effect.forkChild(first.stop)
      yield* Effect.yieldNow
      yield* Deferred.succeed(gate, undefined)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(ending)
      const given = yield* operations.get(id)
      assert.deepStrictEqual([given.status, given.leaseOwner], ["running", null])
      assert.deepStrictEqual(s.calls.sort(), ["do a", "do b"])
      const second = yield* runner()
      yield* until(id, "completed")
      yield* second.stop
      assert.deepStrictEqual(s.calls.sort(), ["do a", "do b", "do c"])
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("purges what ended long ago, never what needs somebody", () => {
    const s = shelf()
    s.instead.set("do c", Effect.fail(Step.failure("Invalid", "no")))
    s.instead.set("undo a", Effect.fail(Step.failure("Unauthorized", "no")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const stuck = yield* operations.start(request)
      const r = yield* runner({ retentionMillis: 86_400_000, pollMillis: 3_600_000, leaseMillis: 86_400_000 })
      yield* until(stuck.id, "compensation_failed")
      s.instead.clear()
      const old = yield* operations.start({ ...request, idempotencyKey: "old" })
      yield* until(old.id, "completed")
      yield* TestClock.adjust("2 days")
      const recent = yield* operations.start({ ...request, idempotencyKey: "recent" })
      yield* until(recent.id, "completed")
      yield* TestClock.adjust("2 hours")
      yield* r.stop
      assert.deepStrictEqual(
        (yield* operations.list({ limit: 10 })).map((operation) => operation.id),
        [recent.id, stuck.id]
      )
    }).pipe(Effect.provide(platform(three(s))))
  })
})

describe("plan and apply", () => {
  it.effect("says what each step would do, and applies exactly that", () => {
    const s = shelf()
    s.things.set("a", "us")
    return Effect.gen(function* () {
      const operations = yield* Operations
      const plan = yield* operations.plan("test.three", { n: 1 })
      assert.deepStrictEqual(
        plan.steps.map((step) => [step.key, step.change]),
        [
          ["a", "adopt"],
          ["b", "create"],
          ["c", "create"]
        ]
      )
      assert.deepStrictEqual(s.calls, [])
      const applied = yield* operations.apply({ ...request, idempotencyKey: "1" }, plan.digest)
      // The world moves on after the plan was applied, before it runs.
      s.things.delete("a")
      const r = yield* runner()
      const ended = yield* until(applied.id, "failed")
      assert.strictEqual(ended.error?.code, "PlanChanged")
      const stale = yield* Effect.flip(operations.apply({ ...request, idempotencyKey: "2" }, plan.digest))
      assert.include(stale.message, "plan again")
      s.things.set("c", "them")
      const next = yield* operations.plan("test.three", { n: 1 })
      assert.strictEqual(next.steps.find((step) => step.key === "c")?.change, "conflict")
      assert.include(
        (yield* Effect.flip(operations.apply({ ...request, idempotencyKey: "3" }, next.digest))).message,
        "refused"
      )
      yield* r.stop
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("refuses unknown kinds, wrong input and keys of other operations", () => {
    const s = shelf()
    return Effect.gen(function* () {
      const operations = yield* Operations
      assert.include(
        (yield* Effect.flip(operations.start({ ...request, kind: "nope" }))).message,
        "known are test.three"
      )
      assert.include((yield* Effect.flip(operations.start({ ...request, input: { n: "x" } }))).message, "input")
    }).pipe(Effect.provide(platform(three(s))))
  })

  it.effect("starts an undone operation anew on retry, once", () => {
    const s = shelf()
    s.instead.set("do c", Effect.fail(Step.failure("Invalid", "no")))
    return Effect.gen(function* () {
      const operations = yield* Operations
      const { id } = yield* operations.start(request)
      const r = yield* runner()
      yield* until(id, "failed")
      s.instead.clear()
      const again = yield* operations.retry(id)
      assert.notStrictEqual(again.id, id)
      assert.strictEqual((yield* operations.retry(id)).id, again.id)
      yield* until(again.id, "completed")
      assert.include((yield* Effect.flip(operations.retry(again.id))).message, "only what failed")
      yield* r.stop
    }).pipe(Effect.provide(platform(three(s))))
  })
})

describe("always", () => {
  it.effect("runs a last step after success, failure and cancel", () => {
    const s = shelf()
    const definition = three(s, {
      steps: () => [
        thing(s, "a"),
        thing(s, "b", ["a"]),
        thing(s, "last", [], { always: true, undo: () => Effect.void })
      ]
    })
    return Effect.gen(function* () {
      const operations = yield* Operations
      const r = yield* runner()
      const good = yield* operations.start(request)
      yield* until(good.id, "completed")
      s.things.clear()
      s.instead.set("do a", Effect.fail(Step.failure("Invalid", "no")))
      const bad = yield* operations.start({ ...request, idempotencyKey: "bad" })
      yield* until(bad.id, "failed")
      s.things.clear()
      s.instead.clear()
      const cancelled = yield* operations.start({ ...request, idempotencyKey: "cancelled" })
      yield* operations.cancel(cancelled.id)
      yield* until(cancelled.id, "cancelled", "completed")
      yield* r.stop
      assert.strictEqual(s.calls.filter((name) => name === "do last").length, 3)
      assert.strictEqual(s.calls.filter((name) => name === "do b").length <= 2, true)
    }).pipe(Effect.provide(platform(definition)))
  })
})
