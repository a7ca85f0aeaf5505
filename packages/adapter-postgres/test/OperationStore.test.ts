/** The store on the database does what the one in memory does, on random histories; and claims have one winner among replicas. */
import { assert, describe, layer } from "@effect/vitest"
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import {
  Operation,
  type OperationResource,
  type OperationStatus,
  type OperationStep
} from "@rdev/core/domain/Operation"
import * as MemoryOperationStore from "@rdev/core/memory/stores/OperationStore"
import * as OperationStore from "@rdev/core/ports/stores/OperationStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Context, Effect, Layer, Option } from "effect"
import { type Database, layerEmbedded } from "../src/engine/Database.ts"
import * as PgOperationStore from "../src/stores/PgOperationStore.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

type Store = OperationStore.OperationStore["Service"]

const sample = (id: Ids.OperationId, key: string, projectId: Ids.ProjectId): Operation =>
  new Operation({
    id,
    kind: "project.provision",
    version: 1,
    projectId,
    input: { name: "a\u0000b", list: [1, null] },
    output: null,
    idempotencyKey: key,
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
    actor: "key_1",
    requestId: null,
    sourceAddress: null,
    createdAtMillis: 1_750_000_000_000,
    startedAtMillis: null,
    endedAtMillis: null
  })
const step = (
  operationId: Ids.OperationId,
  key: string,
  phase: "do" | "undo",
  status: OperationStep["status"],
  epoch: number
): OperationStep =>
  ({
    operationId,
    key,
    phase,
    title: key,
    change: "create",
    changeReason: "missing",
    dependsOn: [],
    status,
    attempt: 1,
    tries: 1,
    output: status === "done" ? { id: 7 } : null,
    error: null,
    wait: null,
    epoch,
    startedAtMillis: null,
    endedAtMillis: null
  }) as OperationStep

/** Times depend on when each store was asked. */
const timeless = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null, (key, v: unknown) =>
      /^(leaseUntil|wakeAt)Millis$/.test(key) && typeof v === "number" ? "some time" : v
    )
  )
const outcome = <A>(effect: Effect.Effect<A, StoreError>) =>
  Effect.map(Effect.result(effect), (result) =>
    result._tag === "Failure"
      ? { failed: result.failure.reason._tag, message: result.failure.message }
      : { value: timeless(result.success) }
  )

/** A small generator of numbers below n, the same for the same seed. */
const random = (seed: number) => {
  let state = seed
  return (n: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}
const statuses: ReadonlyArray<OperationStatus> = [
  "running",
  "waiting",
  "compensating",
  "completed",
  "failed",
  "parked",
  "cancelled",
  "compensation_failed"
]

/** One random call, the same for every store. */
const call = (
  next: (n: number) => number,
  ids: ReadonlyArray<Ids.OperationId>,
  projectId: Ids.ProjectId
): ((store: Store) => Effect.Effect<unknown, StoreError>) => {
  const id = ids[next(ids.length)] ?? ids[0]!
  const epoch = next(4)
  const given = next(5)
  const held = { id, epoch }
  const wakeAtMillis = [null, 1, 9_000_000_000_000][next(3)] ?? null
  const status = statuses[next(statuses.length)] ?? "running"
  const resource: OperationResource = {
    operationId: id,
    key: `k${next(3)}`,
    provider: "forge",
    externalId: String(next(9)),
    state: "created"
  } as OperationResource
  const change: OperationStore.LedgerChange = {
    ...(next(2) === 0
      ? {}
      : {
          operation: {
            ...(next(2) === 0 ? { status } : {}),
            ...(next(3) === 0 ? { error: { code: "x", message: "m", retryable: false } } : {}),
            ...(next(4) === 0 ? { output: null, endedAtMillis: 5 } : {}),
            ...(next(3) === 0 ? { release: { wakeAtMillis } } : {})
          }
        }),
    ...(next(2) === 0
      ? {}
      : {
          steps: [
            step(id, `k${next(4)}`, next(3) === 0 ? "undo" : "do", "done", epoch),
            step(id, "last", "do", "started", epoch)
          ]
        }),
    ...(next(3) === 0 ? { resources: [resource] } : {})
  }
  switch (next(12)) {
    case 0:
    case 1:
    case 2:
      return (store) => store.record(held, change)
    case 3:
    case 4:
      return (store) =>
        Effect.map(store.claim({ owner: `w${epoch}`, limit: 100, leaseMillis: 0 }), (claimed) =>
          claimed.map((o) => o.id).sort()
        )
    case 5:
      return (store) =>
        Effect.map(
          store.renew(
            `w${epoch}`,
            ids.map((held) => ({ id: held, epoch })),
            0
          ),
          (renewed) => renewed.map((o) => o.id).sort()
        )
    case 6:
      return (store) => store.requestCancel(id)
    case 7:
      return (store) => store.answer(id, `q${epoch}`, { n: given })
    case 8:
      return (store) => store.reopen(id, ["parked", "failed", status], change)
    case 9:
      return (store) =>
        store.list({
          projectId,
          status: epoch === 0 ? null : [status, "planned"],
          kind: null,
          after: epoch === 1 ? id : null,
          limit: 3 + epoch
        })
    case 10:
      return (store) => store.insert(sample(id, `first ${id}`, projectId), [step(id, "a", "do", "planned", 0)])
    default:
      return (store) =>
        epoch === 0 ? store.purge(10, 1) : Effect.map(store.answers(id), (answers) => [...answers].sort())
  }
}

const suite = (name: string, database: Layer.Layer<Database, StoreError>) =>
  describe(name, () => {
    layer(Layer.provideMerge(PgOperationStore.layer, database), { excludeTestServices: true })((it) => {
      it.effect("agrees with the store in memory on random histories", () =>
        Effect.gen(function* () {
          const stored = yield* OperationStore.OperationStore
          for (let seed = 1; seed <= 12; seed++) {
            const memory = Context.get(
              yield* Effect.scoped(Layer.build(Layer.fresh(MemoryOperationStore.layer))),
              OperationStore.OperationStore
            )
            const projectId = yield* NewId.make("proj")
            const ids = yield* Effect.forEach(Array.from({ length: 5 }), () => NewId.make("op"))
            const next = random(seed)
            for (const id of ids.slice(0, 3))
              for (const store of [memory, stored])
                yield* store.insert(sample(id, `first ${id}`, projectId), [step(id, "k1", "do", "planned", 0)])
            for (let i = 0; i < 120; i++) {
              const made = call(next, ids, projectId)
              const [expected, actual] = [yield* outcome(made(memory)), yield* outcome(made(stored))]
              assert.deepStrictEqual(actual, expected, `seed ${seed}, call ${i}`)
            }
            for (const id of ids) {
              for (const look of [
                (s: Store) => s.get(id),
                (s: Store) => s.steps(id),
                (s: Store) => s.resources(id)
              ] as const) {
                assert.deepStrictEqual(
                  yield* outcome(look(stored) as Effect.Effect<unknown, StoreError>),
                  yield* outcome(look(memory) as Effect.Effect<unknown, StoreError>),
                  `seed ${seed}`
                )
              }
              // So that the next history finds nothing to claim.
              const left = yield* stored.get(id)
              if (Option.isSome(left))
                yield* Effect.ignore(
                  stored.reopen(id, [left.value.status], { operation: { status: "completed", endedAtMillis: 1 } })
                )
            }
            yield* stored.purge(10, 100)
          }
        })
      )

      it.effect("gives each operation to one of many claimants", () =>
        Effect.gen(function* () {
          const store = yield* OperationStore.OperationStore
          const projectId = yield* NewId.make("proj")
          const ids = yield* Effect.forEach(Array.from({ length: 30 }), () => NewId.make("op"))
          yield* Effect.forEach(ids, (id) => store.insert(sample(id, id, projectId), []))
          const claimed = yield* Effect.forEach(
            Array.from({ length: 12 }, (_, i) => i),
            (i) => store.claim({ owner: `w${i}`, limit: 5, leaseMillis: 60_000 }),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(
            claimed
              .flat()
              .map((o) => o.id)
              .sort(),
            ids.toSorted()
          )
          assert.deepStrictEqual(yield* store.claim({ owner: "late", limit: 5, leaseMillis: 60_000 }), [])
        })
      )
    })
  })

suite("OperationStore: embedded", layerEmbedded({ memory: true }))
suite(
  "OperationStore: PostgreSQL",
  TestPostgres.layerDatabase({ schema: "Rdev-Test", settings: { search_path: "nowhere" } })
)
