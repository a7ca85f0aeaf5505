/**
 * A process that runs operations until it is killed. Arguments: provider URL, lease milliseconds, then either a PostgreSQL URL or
 * `embedded:<data folder>`, and with the latter how many operations to start (the same ones at every start).
 * It says `ready`, and for the embedded engine one line per operation that has ended.
 */
import { Database, layerEmbedded, layerPostgres, layerUnitOfWork } from "@rdev/adapter-postgres/engine/Database"
import * as PgAuditStore from "@rdev/adapter-postgres/stores/PgAuditStore"
import * as PgEventLog from "@rdev/adapter-postgres/stores/PgEventLog"
import * as PgNotifier from "@rdev/adapter-postgres/stores/PgNotifier"
import * as PgOperationStore from "@rdev/adapter-postgres/stores/PgOperationStore"
import * as Definition from "@rdev/core/operations/Definition"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import { Operations } from "@rdev/core/operations/Operations"
import * as OperationsModule from "@rdev/core/operations/Operations"
import { Effect, Layer } from "effect"
import * as ChaosOperation from "./ChaosOperation.ts"

const [provider = "", lease = "4000", where = "", count = "0"] = process.argv.slice(2)
const say = (line: string) => process.stdout.write(`${line}\n`)

const database = where.startsWith("embedded:")
  ? layerEmbedded({ dataDir: where.slice("embedded:".length) })
  : layerPostgres({ url: where, maxConnections: 5 })
const stores = Layer.mergeAll(
  layerUnitOfWork,
  PgAuditStore.layer,
  PgEventLog.layer,
  PgNotifier.layer,
  PgOperationStore.layer
).pipe(Layer.provideMerge(database))
const platform = OperationsModule.layer.pipe(
  Layer.provideMerge(Definition.layer([ChaosOperation.definition(provider)])),
  Layer.provideMerge(stores)
)

const main = Effect.gen(function* () {
  yield* Database
  yield* Layer.build(OperationRunner.layer({ leaseMillis: Number(lease) }))
  say("ready")
  const operations = yield* Operations
  yield* Effect.forEach(
    Array.from({ length: Number(count) }, (_, i) => `e-${i}`),
    (name) =>
      Effect.gen(function* () {
        const { id } = yield* operations.start({
          kind: ChaosOperation.kind,
          projectId: null,
          input: { name },
          idempotencyKey: name
        })
        const ended = yield* operations.await(id)
        const epochs = Math.max(...(yield* operations.steps(id)).map((row) => row.epoch))
        say(`ended ${name} ${ended.status} ${epochs}`)
      }),
    { concurrency: "unbounded" }
  )
  return yield* Effect.never
})

await Effect.runPromise(Effect.scoped(Effect.provide(main, platform)))
