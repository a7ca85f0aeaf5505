/**
 * What the ledger costs: operations of twenty steps that do nothing, one after the other, on the embedded engine (on disk) and on
 * PostgreSQL (with fsync). Prints milliseconds per step, from start to the first step, and beside it what one transaction of one row costs
 * there: a step is two transactions, so on a busy or slow disk that is where its time goes.
 * Run: npx node --conditions=@rdev/source packages/server/bench/operations.ts
 */
import { layerEmbedded, layerPostgres, layerUnitOfWork, Database } from "@rdev/adapter-postgres/engine/Database"
import * as PgAuditStore from "@rdev/adapter-postgres/stores/PgAuditStore"
import * as PgEventLog from "@rdev/adapter-postgres/stores/PgEventLog"
import * as PgNotifier from "@rdev/adapter-postgres/stores/PgNotifier"
import * as PgOperationStore from "@rdev/adapter-postgres/stores/PgOperationStore"
import * as TestPostgres from "@rdev/adapter-postgres/testing/TestPostgres"
import * as Definition from "@rdev/core/operations/Definition"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import * as Operations from "@rdev/core/operations/Operations"
import * as Step from "@rdev/core/operations/Step"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Layer, Schema } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const stepsEach = 20
const runs = 30

const nothing = Definition.make({
  kind: "bench.nothing",
  version: 1,
  input: Schema.Struct({}),
  onFailure: "compensate",
  steps: () =>
    Array.from({ length: stepsEach }, (_, i) =>
      Step.make({
        key: `s${i}`,
        title: `Step ${i}`,
        dependsOn: i === 0 ? [] : [`s${i - 1}`],
        intent: "create",
        output: Schema.Null,
        resource: { provider: "none", externalId: `s${i}` },
        observe: () => Effect.succeed({ _tag: "Absent" as const }),
        do: () => Effect.succeed(Step.done(null)),
        undo: () => Effect.void
      })
    )
})

const median = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const p95 = (values: ReadonlyArray<number>) => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.95)] ?? 0

/** Milliseconds of a transaction that writes one row. */
const floor = Effect.gen(function* () {
  const database = yield* Database
  yield* database.query("CREATE TABLE bench_floor (n int)")
  const times: Array<number> = []
  for (let i = 0; i < 100; i++) {
    const began = performance.now()
    yield* database.transact(database.query("INSERT INTO bench_floor VALUES ($1)", [i]))
    times.push(performance.now() - began)
  }
  return median(times)
})

const measure = (name: string, database: Layer.Layer<Database, StoreError>) =>
  Effect.gen(function* () {
    const operations = yield* Operations.Operations
    const alone = yield* floor
    const perStep: Array<number> = []
    const untilFirst: Array<number> = []
    for (let i = 0; i < runs; i++) {
      const { id } = yield* operations.start({
        kind: "bench.nothing",
        projectId: null,
        input: {},
        idempotencyKey: `${name}-${i}`
      })
      const ended = yield* operations.await(id)
      const started = ended.startedAtMillis ?? 0
      // The first runs warm statements and code up.
      if (i < 5) continue
      perStep.push(((ended.endedAtMillis ?? 0) - started) / stepsEach)
      untilFirst.push(started - ended.createdAtMillis)
    }
    console.log(
      `${name}: ${median(perStep).toFixed(2)} ms per step (p95 ${p95(perStep).toFixed(2)}), ${median(untilFirst)} ms from start to the first step; a transaction of one row ${alone.toFixed(2)} ms   (bar: ≤ 10 ms per step)`
    )
  }).pipe(
    Effect.provide(
      OperationRunner.layer().pipe(
        Layer.provideMerge(Operations.layer),
        Layer.provideMerge(Definition.layer([nothing])),
        Layer.provideMerge(
          Layer.mergeAll(
            layerUnitOfWork,
            PgAuditStore.layer,
            PgEventLog.layer,
            PgNotifier.layer,
            PgOperationStore.layer
          )
        ),
        Layer.provideMerge(database)
      )
    )
  )

const dataDir = mkdtempSync(join(tmpdir(), "rdev-bench-"))
await Effect.runPromise(measure("embedded", layerEmbedded({ dataDir })))
rmSync(dataDir, { recursive: true, force: true })
await Effect.runPromise(
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* TestPostgres.make({ durable: true })
      yield* measure("PostgreSQL", layerPostgres({ url: yield* server.createDatabase }))
    })
  )
)
