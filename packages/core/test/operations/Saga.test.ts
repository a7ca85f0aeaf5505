import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Schema } from "effect"
import * as Definition from "@rdev/core/operations/Definition"
import { Operations } from "@rdev/core/operations/Operations"
import * as Step from "@rdev/core/operations/Step"
import { EventLog } from "@rdev/core/ports/EventLog"
import { system } from "@rdev/core/domain/Event"
import { platform, runner, until } from "./Harness.ts"

interface World { readonly things: Map<string, string>; readonly calls: Array<string>; fail: Map<string, Step.StepFailure> }
const world = (): World => ({ things: new Map(), calls: [], fail: new Map() })

const thing = (w: World, key: string, dependsOn: ReadonlyArray<string> = []) => Step.make({
  key, title: `Make ${key}`, dependsOn, intent: "create", output: Schema.Struct({ name: Schema.String }),
  resource: { provider: "shelf", externalId: key },
  observe: () => Effect.sync((): Step.Observed<{ name: string }> => {
    const owner = w.things.get(key)
    if (owner === undefined) return { _tag: "Absent" }
    return owner === "us" ? { _tag: "Present", output: { name: key }, known: false, drift: null, detail: "it is there" } : { _tag: "Foreign", detail: `${key} is ${owner}'s` }
  }),
  do: () => Effect.suspend(() => {
    w.calls.push(`do ${key}`)
    const why = w.fail.get(`do ${key}`)
    if (why !== undefined) return Effect.fail(why)
    w.things.set(key, "us")
    return Effect.succeed(Step.done({ name: key }))
  }),
  undo: () => Effect.suspend(() => {
    w.calls.push(`undo ${key}`)
    const why = w.fail.get(`undo ${key}`)
    if (why !== undefined) return Effect.fail(why)
    w.things.delete(key)
    return Effect.void
  })
})
const three = (w: World) => Definition.make({
  kind: "test.three", version: 1, input: Schema.Struct({ n: Schema.Int }), onFailure: "compensate",
  steps: () => [thing(w, "c", ["a", "b"]), thing(w, "a"), thing(w, "b")]
})
const request = { kind: "test.three", projectId: null, input: { n: 1 }, idempotencyKey: "k" }

describe("Saga", () => {
  it.effect("runs the steps in order of dependency and tells", () => {
    const w = world()
    return Effect.gen(function*() {
      const operations = yield* Operations
      const started = yield* operations.start(request)
      assert.strictEqual((yield* operations.start(request)).id, started.id)
      const r = yield* runner()
      const ended = yield* until(started.id, "completed")
      yield* r.stop
      assert.deepStrictEqual(w.calls, ["do a", "do b", "do c"])
      assert.deepStrictEqual(ended.output, { a: { name: "a" }, b: { name: "b" }, c: { name: "c" } })
      const log = yield* EventLog
      const { events } = yield* log.read(system, 0, 100)
      const types = events.map((e) => e.type)
      assert.deepStrictEqual([types[0], types[1], types.at(-1)], ["operation.planned", "operation.started", "operation.completed"])
      assert.strictEqual(types.filter((t) => t === "step.completed").length, 3)
    }).pipe(Effect.provide(platform(three(w))))
  })
  it.effect("undoes in reverse order when a step fails", () => {
    const w = world()
    w.fail.set("do c", Step.failure("Invalid", "no"))
    return Effect.gen(function*() {
      const operations = yield* Operations
      const started = yield* operations.start(request)
      const r = yield* runner()
      const ended = yield* until(started.id, "failed")
      yield* r.stop
      assert.deepStrictEqual(w.calls, ["do a", "do b", "do c", "undo c", "undo a", "undo b"])
      assert.strictEqual(ended.error?.message, "c: no")
      assert.strictEqual(w.things.size, 0)
      assert.isTrue(Option.isNone(Option.fromNullOr(ended.leaseOwner)))
    }).pipe(Effect.provide(platform(three(w))))
  })
})
