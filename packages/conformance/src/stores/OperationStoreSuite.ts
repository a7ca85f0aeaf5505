/** What every store of operations must do; fencing above all. Tests share the store and use operations of their own. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { Operation, OperationResource, OperationStep } from "@rdev/core/domain/Operation"
import { OperationStore } from "@rdev/core/ports/stores/OperationStore"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { Clock, Effect, Layer, Option, Schedule } from "effect"

const long = 3_600_000

const operation = (fields: Partial<Operation> = {}) =>
  Effect.gen(function* () {
    const id = yield* NewId.make("op")
    return Operation.make({
      id,
      kind: "suite.run",
      version: 1,
      projectId: null,
      input: { text: "ünï \u2028", n: 1 },
      output: null,
      idempotencyKey: `suite/${id}`,
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
      actor: "platform",
      requestId: null,
      sourceAddress: null,
      createdAtMillis: yield* Clock.currentTimeMillis,
      startedAtMillis: null,
      endedAtMillis: null,
      ...fields
    })
  })
const step = (of: Operation, key: string, fields: Partial<OperationStep> = {}) =>
  OperationStep.make({
    operationId: of.id,
    key,
    phase: "do",
    title: key,
    change: "create",
    changeReason: "",
    dependsOn: [],
    status: "planned",
    attempt: 0,
    tries: 0,
    output: null,
    error: null,
    wait: null,
    epoch: 0,
    startedAtMillis: null,
    endedAtMillis: null,
    ...fields
  })
const inserted = (fields: Partial<Operation> = {}, keys: ReadonlyArray<string> = ["b", "a"]) =>
  Effect.gen(function* () {
    const made = yield* operation(fields)
    yield* (yield* OperationStore).insert(
      made,
      keys.map((key) => step(made, key))
    )
    return made
  })
/** Claims until this operation is among the claimed: what other tests left is claimed too. */
const claimed = (id: Operation["id"], owner: string, leaseMillis = long) =>
  Effect.gen(function* () {
    const found = (yield* (yield* OperationStore).claim({ owner, limit: 1_000, leaseMillis })).find(
      (one) => one.id === id
    )
    return Option.fromUndefinedOr(found)
  })
const mine = (id: Operation["id"], owner: string, leaseMillis = long) =>
  Effect.flatMap(
    claimed(id, owner, leaseMillis),
    Option.match({
      onNone: () => Effect.fail("not claimed yet"),
      onSome: (one) => Effect.succeed(one)
    })
  ).pipe(Effect.retry(Schedule.spaced("5 millis").pipe(Schedule.upTo({ duration: "10 seconds" }))))
const reason = <A, E extends { readonly reason: { readonly _tag: string } }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason._tag)
const held = (one: Operation) => ({ id: one.id, epoch: one.leaseEpoch })

export const suite = (name: string, layer: Layer.Layer<OperationStore | UnitOfWork, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`OperationStore: ${name}`, (it) => {
    it.effect("gives back what was inserted; a key starts one operation", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const made = yield* inserted()
        assert.deepStrictEqual(yield* store.get(made.id), Option.some(made))
        assert.deepStrictEqual(
          (yield* store.steps(made.id)).map((row) => row.key),
          ["b", "a"]
        )
        const second = yield* operation({ idempotencyKey: made.idempotencyKey })
        const again = yield* store.insert(second, [step(second, "x")])
        assert.deepStrictEqual(again, { operation: made, inserted: false })
        assert.isTrue(Option.isNone(yield* store.get(second.id)))
        assert.deepStrictEqual(yield* store.steps(second.id), [])
      })
    )

    it.effect("has one winner among parallel inserts of a key", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const key = `race/${yield* NewId.make("op")}`
        const all = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () => Effect.flatMap(operation({ idempotencyKey: key }), (one) => store.insert(one, [])),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(all.filter((one) => one.inserted).length, 1)
        assert.strictEqual(new Set(all.map((one) => one.operation.id)).size, 1)
      })
    )

    it.effect("hands an operation to one claimant, with a greater epoch each time", () =>
      Effect.gen(function* () {
        const made = yield* inserted()
        const rounds = yield* Effect.forEach(["w1", "w2", "w3", "w4"], (owner) => claimed(made.id, owner), {
          concurrency: "unbounded"
        })
        const winners = rounds.flatMap(Option.toArray)
        assert.strictEqual(winners.length, 1)
        assert.strictEqual(winners[0]?.leaseEpoch, 1)
        assert.isTrue(Option.isNone(yield* claimed(made.id, "w5")))
      })
    )

    it.effect("lets a lapsed lease be claimed, and refuses everything of the old epoch", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const made = yield* inserted()
        const first = yield* mine(made.id, "first", 1)
        const second = yield* mine(made.id, "second")
        assert.strictEqual(second.leaseEpoch, first.leaseEpoch + 1)
        const before = yield* store.steps(made.id)
        const stale = {
          operation: { status: "completed" as const },
          steps: [step(made, "a", { status: "done" })],
          resources: [
            OperationResource.make({ operationId: made.id, key: "a", provider: "p", externalId: "x", state: "created" })
          ]
        }
        assert.strictEqual(yield* reason(store.record(held(first), stale)), "Conflict")
        assert.deepStrictEqual(yield* store.steps(made.id), before)
        assert.deepStrictEqual(yield* store.resources(made.id), [])
        assert.strictEqual(Option.getOrThrow(yield* store.get(made.id)).status, "planned")
        assert.deepStrictEqual(yield* store.renew("first", [held(first)], long), [])
        assert.deepStrictEqual(
          (yield* store.renew("second", [held(first), held(second)], long)).map((one) => one.leaseEpoch),
          [second.leaseEpoch]
        )
      })
    )

    it.effect("renews a lapsed lease that nobody claimed", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const made = yield* inserted({ status: "running" })
        const first = yield* mine(made.id, "slow", 0)
        const kept = yield* store.renew("slow", [held(first)], long)
        // Another test may have claimed it in between; then it must not be renewed.
        if (kept.length === 1) assert.isTrue(Option.isNone(yield* claimed(made.id, "other")))
        else assert.notStrictEqual(Option.getOrThrow(yield* store.get(made.id)).leaseEpoch, first.leaseEpoch)
      })
    )

    it.effect("records steps, resources and the operation in one", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const made = yield* inserted()
        const one = yield* mine(made.id, "w")
        const done = step(made, "a", {
          status: "done",
          output: { deep: [1, null, "\u0000".length] },
          epoch: 1,
          startedAtMillis: 5,
          endedAtMillis: 9
        })
        const undo = step(made, "a", { phase: "undo" })
        const resource = OperationResource.make({
          operationId: made.id,
          key: "a",
          provider: "shelf",
          externalId: "a",
          state: "planned"
        })
        const after = yield* store.record(held(one), {
          operation: { status: "running", startedAtMillis: 7 },
          steps: [done, undo],
          resources: [resource]
        })
        assert.deepStrictEqual([after.status, after.startedAtMillis, after.leaseOwner], ["running", 7, "w"])
        assert.deepStrictEqual(
          (yield* store.steps(made.id)).map((row) => [row.key, row.phase, row.status]),
          [
            ["b", "do", "planned"],
            ["a", "do", "done"],
            ["a", "undo", "planned"]
          ]
        )
        assert.deepStrictEqual((yield* store.steps(made.id))[1], done)
        yield* store.record(held(one), { resources: [OperationResource.make({ ...resource, state: "created" })] })
        assert.deepStrictEqual(
          (yield* store.resources(made.id)).map((row) => row.state),
          ["created"]
        )
        const error = { code: "Invalid", message: "no", retryable: false }
        const ended = yield* store.record(held(one), {
          operation: {
            status: "failed",
            direction: "undo",
            error,
            output: { x: 1 },
            endedAtMillis: 11,
            release: { wakeAtMillis: null }
          }
        })
        assert.deepStrictEqual(
          [ended.status, ended.direction, ended.error, ended.output, ended.endedAtMillis, ended.leaseOwner],
          ["failed", "undo", error, { x: 1 }, 11, null]
        )
        assert.strictEqual(yield* reason(store.record(held(one), {})), "Conflict")
        assert.isTrue(Option.isNone(yield* claimed(made.id, "later")))
        const cleared = yield* Effect.flip(store.record({ id: yield* NewId.make("op"), epoch: 1 }, {}))
        assert.strictEqual(cleared.reason._tag, "NotFound")
      })
    )

    it.effect("takes a write back with its transaction", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const made = yield* inserted()
        const one = yield* mine(made.id, "w")
        yield* Effect.flip(
          (yield* UnitOfWork).transact(
            Effect.andThen(
              store.record(held(one), {
                operation: { status: "running" },
                steps: [step(made, "a", { status: "done" })]
              }),
              Effect.fail("undo")
            )
          )
        )
        assert.strictEqual(Option.getOrThrow(yield* store.get(made.id)).status, "planned")
        assert.isTrue((yield* store.steps(made.id)).every((row) => row.status === "planned"))
      })
    )

    it.effect("sleeps until its wake time; a cancel or an answer wakes it, also one that came before the release", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const now = yield* Clock.currentTimeMillis
        const sleeping = yield* inserted()
        const one = yield* mine(sleeping.id, "w")
        yield* store.record(held(one), { operation: { status: "waiting", release: { wakeAtMillis: now + long } } })
        assert.isTrue(Option.isNone(yield* claimed(sleeping.id, "x")))
        assert.isTrue((yield* store.requestCancel(sleeping.id)).cancelRequested)
        const woken = yield* mine(sleeping.id, "w")
        assert.isTrue(woken.cancelRequested)
        assert.isFalse(woken.wakeRequested)
        yield* store.answer(sleeping.id, "a", { yes: true })
        yield* store.answer(sleeping.id, "a", "later")
        assert.isTrue(Option.getOrThrow(yield* store.get(sleeping.id)).wakeRequested)
        yield* store.record(held(woken), { operation: { status: "waiting", release: { wakeAtMillis: now + long } } })
        const again = yield* mine(sleeping.id, "w")
        assert.deepStrictEqual([...(yield* store.answers(sleeping.id))], [["a", { yes: true }]])
        yield* store.record(held(again), {
          operation: { status: "cancelled", endedAtMillis: now, release: { wakeAtMillis: null } }
        })
        assert.strictEqual(yield* reason(store.answer(sleeping.id, "b", 1)), "Conflict")
        assert.strictEqual((yield* store.requestCancel(sleeping.id)).status, "cancelled")
      })
    )

    it.effect("does not hand out what has ended or is parked, and reopens it on request", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const made = yield* inserted()
        const one = yield* mine(made.id, "w")
        yield* store.requestCancel(made.id)
        yield* store.record(held(one), { operation: { status: "parked", release: { wakeAtMillis: null } } })
        assert.isTrue(Option.isNone(yield* claimed(made.id, "x")))
        assert.strictEqual(yield* reason(store.reopen(made.id, ["failed"], {})), "Conflict")
        const opened = yield* store.reopen(made.id, ["parked", "failed"], {
          operation: { status: "running" },
          steps: [step(made, "a", { attempt: 3 })]
        })
        assert.deepStrictEqual(
          [opened.status, opened.cancelRequested, opened.wakeAtMillis, opened.leaseEpoch],
          ["running", false, null, one.leaseEpoch + 1]
        )
        assert.strictEqual((yield* store.steps(made.id)).find((row) => row.key === "a")?.attempt, 3)
        assert.strictEqual(yield* reason(store.record(held(one), {})), "Conflict")
        assert.strictEqual((yield* mine(made.id, "y")).leaseEpoch, opened.leaseEpoch + 1)
      })
    )

    it.effect("makes a reopened one somebody else's, and keeps the rest of it", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const made = yield* inserted({ input: { text: "\u0000 {", deep: [null, 1e21] } })
        const one = yield* mine(made.id, "w")
        yield* store.record(held(one), { operation: { status: "parked", release: { wakeAtMillis: null } } })
        assert.strictEqual(yield* reason(store.reopen(made.id, ["failed"], { actor: "key_2" })), "Conflict")
        assert.strictEqual(Option.getOrThrow(yield* store.get(made.id)).actor, made.actor)
        yield* store.reopen(made.id, ["parked"], { operation: { status: "running" }, actor: "key_2" })
        const after = Option.getOrThrow(yield* store.get(made.id))
        assert.deepStrictEqual([after.actor, after.input, after.requestId], ["key_2", made.input, made.requestId])
      })
    )

    it.effect("lists the newest first, in pages, by project, status and kind", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const projectId = yield* NewId.make("proj")
        const made = yield* Effect.forEach([1, 2, 3, 4, 5], (n) =>
          inserted({ projectId, kind: n === 2 ? "suite.other" : "suite.run", status: n === 3 ? "parked" : "planned" })
        )
        const ids = made.map((one) => one.id).reverse()
        const query = { projectId, status: null, kind: null, after: null, limit: 2 }
        const first = yield* store.list(query)
        assert.deepStrictEqual(
          first.map((one) => one.id),
          ids.slice(0, 2)
        )
        assert.deepStrictEqual(
          (yield* store.list({ ...query, after: first[1]?.id ?? null, limit: 10 })).map((one) => one.id),
          ids.slice(2)
        )
        assert.deepStrictEqual(
          (yield* store.list({ ...query, status: ["parked", "failed"], limit: 10 })).map((one) => one.id),
          [made[2]?.id]
        )
        assert.deepStrictEqual(
          (yield* store.list({ ...query, kind: "suite.other", limit: 10 })).map((one) => one.id),
          [made[1]?.id]
        )
        assert.deepStrictEqual(yield* store.list({ ...query, projectId: yield* NewId.make("proj") }), [])
      })
    )

    it.effect("purges what ended long ago with its rows, and nothing that needs somebody", () =>
      Effect.gen(function* () {
        const store = yield* OperationStore
        const projectId = yield* NewId.make("proj")
        const statuses = [
          "completed",
          "failed",
          "cancelled",
          "compensation_failed",
          "parked",
          "running",
          "completed"
        ] as const
        // The last one ended later.
        const made = yield* Effect.forEach(statuses, (status, i) =>
          inserted({ projectId, status, endedAtMillis: status === "running" ? null : i === 6 ? 1_000 : 10 })
        )
        for (let removed = 1; removed > 0;) removed = yield* store.purge(500, 2)
        const left = (yield* store.list({ projectId, status: null, kind: null, after: null, limit: 10 })).map(
          (one) => one.id
        )
        assert.deepStrictEqual(
          left,
          [made[6], made[5], made[4], made[3]].map((one) => one?.id)
        )
        assert.deepStrictEqual(yield* store.steps(made[0]?.id ?? (yield* NewId.make("op"))), [])
      })
    )
  })
}
