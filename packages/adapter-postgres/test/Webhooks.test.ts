/** An event and its webhook deliveries on the database: both or neither, once, and known to other processes. */
import { assert, it } from "@effect/vitest"
import * as Event from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import * as MemoryWebhookTransport from "@rdev/core/memory/infra/WebhookTransport"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import * as TaskHandlers from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import { Webhooks, layer as layerWebhooks } from "@rdev/core/services/Webhooks"
import * as Deliveries from "@rdev/core/services/webhooks/Deliveries"
import * as Outbox from "@rdev/core/services/webhooks/Outbox"
import * as Subscriptions from "@rdev/core/services/webhooks/Subscriptions"
import { Context, Effect, Layer, Scope } from "effect"
import { type Database, layerEmbedded, layerPostgres } from "../src/engine/Database.ts"
import * as Keyring from "../src/secrets/Keyring.ts"
import * as PgWorkQueueStore from "../src/queue/PgWorkQueueStore.ts"
import * as Stores from "../src/stores/Stores.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"
import * as Fleet from "./queue/Fleet.ts"

const keyring = Layer.effect(Keyring.Keyring, Keyring.make("test", [Buffer.alloc(32, 7).toString("base64")]))
/** What one process of an installation has. */
const services = (database: Layer.Layer<Database, StoreError>) =>
  layerWebhooks.pipe(
    Layer.provideMerge(WorkQueue.layer),
    Layer.provideMerge(TaskEvents.layer),
    Layer.provideMerge(Outbox.layer.pipe(Layer.provideMerge(Subscriptions.layer))),
    Layer.provideMerge(MemoryWebhookTransport.layer),
    Layer.provideMerge(
      Layer.merge(Stores.layerNoKeyring.pipe(Layer.provide(keyring)), PgWorkQueueStore.layer).pipe(
        Layer.provide(database)
      )
    )
  )
const work = Layer.merge(
  Worker.layer({ capacity: 1 }).pipe(Layer.provide(TaskHandlers.layer({ nothing: () => Effect.succeed(null) }))),
  Deliveries.layerWorker({ name: "test", version: "0", capacity: 4, drainMillis: 1_000 })
)
const append = (stream: Event.StreamName, ...types: ReadonlyArray<string>) =>
  Effect.flatMap(EventLog, (log) =>
    log.append(
      stream,
      types.map((type) => ({ type, subject: {}, data: {} }))
    )
  )
const all = { status: null, after: null, limit: 100 }

const test = (name: string, database: Layer.Layer<Database, StoreError>) =>
  it.live(
    `an event and its deliveries are written together: ${name}`,
    () =>
      Effect.gen(function* () {
        const hooks = yield* Webhooks
        const log = yield* EventLog
        const unit = yield* UnitOfWork
        const receiver = yield* MemoryWebhookTransport.Receiver
        const projectId = yield* NewId.make("proj")
        const stream = Event.ofProject(projectId)
        const { webhook } = yield* hooks.create({ projectId, url: "https://example.com", events: ["good.*"] })
        assert.strictEqual(
          yield* Effect.flip(unit.transact(Effect.andThen(append(stream, "good.undone"), Effect.fail("undone")))),
          "undone"
        )
        assert.deepStrictEqual(yield* hooks.deliveries(webhook.id, all), [])
        // Side by side, in transactions and not, several at once.
        yield* Effect.all(
          [
            ...Array.from({ length: 10 }, (_, i) => append(stream, `good.plain${i}`, "bad")),
            ...Array.from({ length: 10 }, (_, i) => unit.transact(append(stream, "bad", `good.inside${i}`)))
          ],
          { concurrency: "unbounded" }
        )
        const { events } = yield* log.read(stream, 0, 100)
        assert.strictEqual(events.length, 40)
        const good = events.filter(({ type }) => type.startsWith("good."))
        const recorded = yield* hooks.deliveries(webhook.id, all)
        assert.deepStrictEqual(
          recorded.map(({ event }) => event.seq).sort((a, b) => a - b),
          good.map(({ seq }) => seq)
        )
        assert.deepStrictEqual(
          new Map(recorded.map(({ event }) => [event.seq, event])),
          new Map(good.map((event) => [event.seq, event]))
        )
        yield* Effect.provide(
          Fleet.until(
            "all arrive",
            Effect.map(hooks.deliveries(webhook.id, { ...all, status: "completed" }), (ended) => ended.length === 20)
          ),
          work
        )
        assert.deepStrictEqual(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size, 20)
        assert.strictEqual(receiver.received.length, 20)
      }).pipe(Effect.provide(services(database))),
    60_000
  )

test("embedded", layerEmbedded({ memory: true }))
test("PostgreSQL", TestPostgres.layerDatabase({ schema: "Rdev-Test", settings: { search_path: "nowhere" } }))

it.live(
  "another process sends events to a webhook made here, and stops when it is disabled",
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* TestPostgres.make({})
        const url = yield* server.createDatabase
        const scope = yield* Scope.Scope
        const process = Layer.buildWithScope(services(layerPostgres({ url })), scope)
        const [here, there] = [yield* process, yield* process]
        const hooks = Context.get(here, Webhooks)
        const projectId = yield* NewId.make("proj")
        const { webhook } = yield* hooks.create({ projectId, url: "https://example.com", events: ["*"] })
        const watching = Effect.sync(
          () => Context.get(there, Subscriptions.Subscriptions).watching(Event.ofProject(projectId)).length
        )
        yield* Fleet.until(
          "the other process knows it",
          Effect.map(watching, (count) => count === 1)
        )
        yield* Effect.provideContext(append(Event.ofProject(projectId), "there"), there)
        assert.deepStrictEqual(
          (yield* hooks.deliveries(webhook.id, all)).map(({ event }) => event.type),
          ["there"]
        )
        yield* hooks.disable(webhook.id, "enough")
        yield* Fleet.until(
          "the other process has stopped",
          Effect.map(watching, (count) => count === 0)
        )
      })
    ),
  60_000
)
