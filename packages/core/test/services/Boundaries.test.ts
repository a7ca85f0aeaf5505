/** 52 what is kept of tasks, operations, audit and features holds no secret; output is searched in turns with everything else. */
import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import * as MemoryAuditStore from "@rdev/core/memory/stores/AuditStore"
import * as AuditStore from "@rdev/core/ports/stores/AuditStore"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as CredentialStore from "@rdev/core/ports/stores/CredentialStore"
import { OperationStore } from "@rdev/core/ports/stores/OperationStore"
import { TaskFailure, TaskHandlers, type TaskHandler } from "@rdev/core/queue/TaskHandlers"
import { Operations } from "@rdev/core/operations/Operations"
import * as Step from "@rdev/core/operations/Step"
import * as Boundaries from "@rdev/core/services/redaction/Boundaries"
import * as Redaction from "@rdev/core/services/redaction/Redaction"
import * as Redactor from "@rdev/core/redaction/Redactor"
import * as Turns from "@rdev/core/services/redaction/Turns"
import { Cause, Effect, Exit, Layer, Redacted } from "effect"
import * as Harness from "../operations/Harness.ts"
import { request, shelf, three } from "../operations/Shelf.ts"

const secret = "tok_4f9A8c2E7b1D0x5K"
const redaction = Redaction.layer({ values: [secret] }).pipe(
  Layer.provideMerge(Layer.merge(MemoryCredentialStore.layer, MemoryEnvironmentStore.layer))
)

describe("what a task leaves", () => {
  const ends: Readonly<Record<string, TaskHandler>> = {
    result: () => Effect.succeed({ said: [secret] }),
    failure: () => Effect.fail(new TaskFailure({ reason: { _tag: "Unknown", message: `no ${secret}` } })),
    death: () => Effect.die(new Error(`no ${secret}`)),
    "death of a text": () => Effect.die(`no ${secret}`),
    "a throw": () => {
      throw new Error(`no ${secret}`)
    },
    progress: (context) => Effect.as(context.progress({ at: secret }), null)
  }
  for (const [name, handler] of Object.entries(ends)) {
    it.effect(`has no secret: ${name}`, () =>
      Effect.gen(function* () {
        const told: Array<unknown> = []
        const task = { owner: yield* NewId.make("proj") } as WorkTask
        const masked = (yield* TaskHandlers).get("x") as TaskHandler
        const exit = yield* Effect.exit(
          masked({
            task,
            fence: 1n,
            attempt: 1,
            progress: (value) =>
              Effect.sync(() => {
                told.push(value)
              }),
            emit: () => Effect.void
          })
        )
        const said =
          JSON.stringify(told) + (Exit.isSuccess(exit) ? JSON.stringify(exit.value) : Cause.pretty(exit.cause))
        assert.notInclude(said, secret)
        assert.include(said, "***")
        assert.strictEqual(Exit.isSuccess(exit), name === "result" || name === "progress")
      }).pipe(
        Effect.provide(
          Boundaries.layerTaskHandlers.pipe(
            Layer.provide(Layer.succeed(TaskHandlers, new Map([["x", handler]]))),
            Layer.provideMerge(redaction)
          )
        )
      )
    )
  }
})

describe("what an operation leaves", () => {
  const failures: Readonly<Record<string, Effect.Effect<never, Step.StepFailure>>> = {
    refused: Effect.fail(Step.failure("Invalid", `no ${secret}`)),
    "refused, for now": Effect.fail(
      new Step.StepFailure({ code: "Unavailable", message: `no ${secret}`, retryable: true, retryAfterMillis: null })
    ),
    broken: Effect.die(new Error(`no ${secret}`))
  }
  for (const [name, failing] of Object.entries(failures)) {
    it.effect(`has no secret: a step is ${name}`, () => {
      const s = shelf()
      s.instead.set("do b", failing)
      return Effect.gen(function* () {
        const { id } = yield* (yield* Operations).start(request)
        const run = yield* Harness.runner()
        const ended = yield* Harness.until(id, "failed", "parked", "compensation_failed")
        yield* run.stop
        const store = yield* OperationStore
        const kept = JSON.stringify([ended, yield* store.steps(id)])
        assert.notInclude(kept, secret)
        assert.include(kept, "no ***")
      }).pipe(Effect.provide(Harness.platform(three(s)).pipe(Layer.provideMerge(redaction))))
    })
  }
})

describe("the audit trail", () => {
  it.effect("has none in its data nor in the names of its steps", () =>
    Effect.gen(function* () {
      const entry = yield* (yield* AuditStore.AuditStore).append({
        projectId: yield* NewId.make("proj"),
        operationId: null,
        type: "x",
        actor: "ada",
        requestId: null,
        sourceAddress: null,
        outcome: "completed",
        steps: [{ name: `a ${secret}`, status: "completed", durationMillis: 1 }],
        data: { a: { b: secret } }
      })
      assert.deepStrictEqual([entry.steps[0]?.name, entry.data], ["a ***", { a: { b: "***" } }])
    }).pipe(
      Effect.provide(
        Boundaries.layerAuditStore.pipe(Layer.provide(MemoryAuditStore.layer), Layer.provideMerge(redaction))
      )
    )
  )
})

describe("secrets of the installation and of one run", () => {
  it.effect("a key that is made later is known at once, for every project", () =>
    Effect.gen(function* () {
      const known = yield* Redaction.Redaction
      const projectId = yield* NewId.make("proj")
      yield* (yield* CredentialStore.CredentialStore).put(projectId, "A", Redacted.make("tok_9e8d7C6b5A4f"))
      const later = "key_0q9W8e7R6t5Y"
      assert.strictEqual((yield* known.of(projectId)).text(later), later)
      yield* known.learn(null, [later])
      for (const id of [projectId, null, yield* NewId.make("proj")])
        assert.strictEqual((yield* known.of(id)).text(`${later} ${secret}`), "*** ***")
      assert.strictEqual((yield* known.of(projectId)).text("tok_9e8d7C6b5A4f"), "***")
    }).pipe(Effect.provide(redaction))
  )

  it.effect("what one run was given is masked in it, besides what the project has, and nowhere else", () =>
    Effect.gen(function* () {
      const known = yield* Redaction.Redaction
      const projectId = yield* NewId.make("proj")
      yield* (yield* CredentialStore.CredentialStore).put(projectId, "A", Redacted.make("tok_9e8d7C6b5A4f"))
      const own = "claude-agent-model-4"
      assert.strictEqual(
        (yield* known.given(projectId, [own])).text(`${own} ${secret} tok_9e8d7C6b5A4f`),
        "*** *** ***"
      )
      assert.strictEqual((yield* known.of(projectId)).text(own), own)
    }).pipe(Effect.provide(redaction))
  )

  it.effect("without a layer a run's own are masked", () =>
    Effect.gen(function* () {
      const given = yield* (yield* Redaction.Redaction).given(yield* NewId.make("proj"), [secret])
      assert.strictEqual(given.text(secret), "***")
    })
  )
})

describe("long work", () => {
  const busy = (millis: number) => {
    for (const end = performance.now() + millis; performance.now() < end;);
  }

  it.live("is done in turns with others, however many do it", () =>
    Effect.gen(function* () {
      let turns = 0
      let stopped = false
      const count = () => {
        turns += 1
        if (!stopped) setImmediate(count)
      }
      setImmediate(count)
      const work = Turns.run(function* () {
        for (let i = 0; i < 10; i++) {
          busy(5)
          yield
        }
        return "done"
      })
      assert.deepStrictEqual(yield* Effect.all([work, work, work], { concurrency: "unbounded" }), [
        "done",
        "done",
        "done"
      ])
      stopped = true
      // 30 slices, and no two of them in one turn.
      assert.isAtLeast(turns, 25)
    })
  )

  it.effect("in pieces is the work on the whole", () =>
    Effect.gen(function* () {
      for (const size of [0, 1, Turns.pieceBytes, Turns.pieceBytes + 1, 3 * Turns.pieceBytes]) {
        const bytes = Buffer.from(Array.from({ length: size }, (_, i) => i % 251))
        assert.deepStrictEqual(yield* Turns.inPieces(bytes, (piece) => [...piece]), [...bytes])
        assert.deepStrictEqual(
          yield* Turns.each([...bytes], (byte) => byte + 1),
          [...bytes].map((byte) => byte + 1)
        )
      }
    })
  )

  it("a search finds the same wherever its pieces end", () => {
    const redactor = Redactor.make([secret])
    for (const at of [0, 4_080, 4_090, 4_095, 4_096, 8_191, 12_000]) {
      for (const form of [
        secret,
        Buffer.from(secret).toString("base64"),
        [...secret].map((c) => `%${c.charCodeAt(0).toString(16)}`).join(""),
        "rdev_local_0123456789abcdefghijklmnopqrstuvwxyz"
      ]) {
        const bytes = Buffer.from(`${".".repeat(at)}${form}${".".repeat(9_000)}`)
        const search = redactor.find(bytes)
        let [step, yields] = [search.next(), 0]
        for (; step.done !== true; step = search.next()) yields++
        assert.isAtLeast(yields, 2)
        assert.lengthOf(step.value, 1, `${form} at ${at}`)
        assert.isAtMost(Math.abs((step.value[0]?.from ?? 0) - at), 1, `${form} at ${at}`)
      }
    }
  })
})
