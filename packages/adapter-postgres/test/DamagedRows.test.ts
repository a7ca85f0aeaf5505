/** A row that cannot be read spoils no list, and is told with its project. */
import { assert, layer } from "@effect/vitest"
import { ApiKeyStore } from "@rdev/core/ports/stores/ApiKeyStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { FeatureStore } from "@rdev/core/ports/stores/FeatureStore"
import { OperationStore } from "@rdev/core/ports/stores/OperationStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import * as Quarantine from "@rdev/core/ports/stores/Quarantine"
import { WebhookStore } from "@rdev/core/ports/stores/WebhookStore"
import * as Samples from "@rdev/conformance/Samples"
import * as NewId from "@rdev/core/ids/NewId"
import { Operation } from "@rdev/core/domain/Operation"
import { ofProject } from "@rdev/core/domain/Event"
import { Project, ProjectName } from "@rdev/core/domain/Project"
import { Effect, Layer, Option } from "effect"
import { Database, layerEmbedded } from "../src/engine/Database.ts"
import * as Keyring from "../src/secrets/Keyring.ts"
import * as PgOperationStore from "../src/stores/PgOperationStore.ts"
import * as Stores from "../src/stores/Stores.ts"

const keyring = Layer.effect(Keyring.Keyring, Keyring.make("test", [Buffer.alloc(32, 7).toString("base64")]))
const stores = Layer.merge(Stores.layerNoKeyring.pipe(Layer.provide(keyring)), PgOperationStore.layer).pipe(
  Layer.provideMerge(layerEmbedded({ memory: true }))
)

const spoils = ["{}", "null", "[]", '"text"', '{"id": 5}']
const watched = <A, E, R>(work: (registry: Quarantine.Registry) => Effect.Effect<A, E, R>) => {
  const registry = Quarantine.make()
  return Effect.provideService(work(registry), Quarantine.Quarantine, registry)
}

const operation = Effect.map(NewId.make("op"), (id) =>
  Operation.make({
    id,
    kind: "suite.run",
    version: 1,
    projectId: null,
    input: {},
    output: null,
    idempotencyKey: `damaged/${id}`,
    planDigest: null,
    status: "planned",
    direction: "do",
    error: null,
    cancelRequested: false,
    actor: "key_1",
    requestId: "req-1",
    sourceAddress: null,
    leaseOwner: null,
    leaseEpoch: 0,
    leaseUntilMillis: null,
    wakeAtMillis: null,
    wakeRequested: false,
    createdAtMillis: 1,
    startedAtMillis: null,
    endedAtMillis: null
  })
)
/** Two of each. */
const seeds = Effect.gen(function* () {
  const [features, operations, webhooks, keys] = [
    yield* FeatureStore,
    yield* OperationStore,
    yield* WebhookStore,
    yield* ApiKeyStore
  ]
  const project = yield* Samples.project()
  for (let i = 0; i < 2; i++) {
    yield* features.insert(yield* Samples.feature(project.id))
    yield* operations.insert(yield* operation, [])
    yield* webhooks.insert(yield* Samples.webhook())
    yield* keys.insert(yield* Samples.apiKey())
  }
})

layer(Layer.orDie(stores), { excludeTestServices: true })("Damaged rows", (it) => {
  it.effect("a project is shown as damaged, with what is good of it, and is not written over", () =>
    Effect.gen(function* () {
      const [projects, { query }] = [yield* ProjectStore, yield* Database]
      const [good, bad] = [yield* Samples.project(), yield* Samples.project()]
      yield* projects.insert(good)
      yield* projects.insert(bad)
      for (const spoil of [...spoils, JSON.stringify({ description: "still here", agent: 5 })]) {
        yield* query("UPDATE rdev.project SET data = $2 WHERE id = $1", [bad.id, spoil])
        yield* watched((registry) =>
          Effect.gen(function* () {
            const listed = yield* projects.list({ after: null, limit: 100, only: [good.id, bad.id] })
            assert.sameMembers(
              listed.map((one) => one.id),
              [good.id, bad.id],
              spoil
            )
            const found = Option.getOrThrow(yield* projects.byId(bad.id))
            assert.deepInclude({ ...found }, { id: bad.id, name: bad.name, status: "damaged", revision: bad.revision })
            if (spoil.includes("still here")) assert.strictEqual(found.description, "still here")
            assert.isTrue(Option.isSome(yield* projects.byName(bad.name)))
            assert.deepStrictEqual(registry.of(good.id), [])
            assert.match(registry.of(bad.id)[0]?.message ?? "", /cannot be read/)
            const refused = yield* Effect.flip(
              projects.update(Project.make({ ...found, description: "new", revision: found.revision + 1 }))
            )
            assert.strictEqual(refused.reason._tag, "Corrupt")
            // Deleting it is the way out.
            if (spoil === "null") return
            assert.strictEqual(
              (yield* query<{ readonly data: unknown }>("SELECT data::text AS data FROM rdev.project WHERE id = $1", [
                bad.id
              ])).length,
              1
            )
          })
        )
      }
      assert.strictEqual(Option.getOrThrow(yield* projects.byId(good.id)).status, good.status)
      yield* projects.update(
        Project.make({
          ...Option.getOrThrow(yield* projects.byId(bad.id)),
          name: ProjectName.make(bad.name),
          status: "deleting",
          revision: bad.revision + 1
        })
      )
      assert.strictEqual(Option.getOrThrow(yield* projects.byId(bad.id)).status, "deleting")
    })
  )

  it.effect("features, operations, webhooks and keys are listed without the damaged one", () =>
    Effect.gen(function* () {
      const { query } = yield* Database
      const rows = [
        { table: "feature", list: Effect.flatMap(FeatureStore, (store) => store.live(null)) },
        {
          table: "operation",
          list: Effect.flatMap(OperationStore, (store) =>
            store.list({ after: null, kind: null, limit: 100, projectId: null, status: null })
          )
        },
        { table: "webhook", list: Effect.flatMap(WebhookStore, (store) => store.list) },
        { table: "api_key", list: Effect.flatMap(ApiKeyStore, (store) => store.list) }
      ]
      yield* seeds
      for (const { list, table } of rows) {
        const before = yield* list
        assert.isAtLeast(before.length, 2, table)
        const damaged = String(before[0]?.id)
        for (const spoil of spoils) {
          yield* query(`UPDATE rdev.${table} SET data = $2 WHERE id = $1`, [damaged, spoil])
          let told = 0
          yield* watched((registry) =>
            Effect.gen(function* () {
              registry.listen(() => {
                told += 1
              })
              assert.strictEqual((yield* list).length, before.length - 1, `${table} ${spoil}`)
            })
          )
          assert.strictEqual(told, 1, table)
        }
      }
    })
  )

  it.effect("an event that cannot be read leaves a note under its number", () =>
    Effect.gen(function* () {
      const [log, { query }] = [yield* EventLog, yield* Database]
      const stream = ofProject((yield* Samples.project()).id)
      yield* log.append(
        stream,
        ["a", "b", "c"].map((type) => ({ type, subject: {}, data: { n: type } }))
      )
      for (const spoil of spoils.slice(1, 4)) {
        yield* query("UPDATE rdev.event SET data = $2 WHERE stream = $1 AND seq = 2", [stream, spoil])
        const page = yield* watched(() => log.read(stream, 0, 10))
        assert.deepStrictEqual(
          page.events.map(({ seq, type }) => [seq, type]),
          [
            [1, "a"],
            [2, "event.unreadable"],
            [3, "c"]
          ],
          spoil
        )
      }
    })
  )
})
