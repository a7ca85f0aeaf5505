/** Operations that an earlier release began, in every state in which one can be left, come to their ends with the code of today. */
import { assert, describe, it, layer as withLayer } from "@effect/vitest"
import { layerEmbedded } from "@rdev/adapter-postgres/engine/Database"
import * as Keyring from "@rdev/adapter-postgres/secrets/Keyring"
import * as Stores from "@rdev/adapter-postgres/stores/Stores"
import * as TestPostgres from "@rdev/adapter-postgres/testing/TestPostgres"
import * as Memory from "@rdev/core/memory"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import { Operations } from "@rdev/core/operations/Operations"
import { Deployer } from "@rdev/core/ports/infra/Deployer"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import * as Environments from "@rdev/core/services/projects/Environments"
import { Effect, Fiber, Layer, Option } from "effect"
import { TestClock } from "effect/testing"
import { installation } from "./Ports.ts"
import * as Restore from "./Restore.ts"
import { scenarios } from "./Scenarios.ts"

/** What there is of a project that stands, and of one that is gone. */
const standing = {
  repositories: 1,
  records: 2,
  databases: 1,
  deployments: 1,
  credentials: ["CACHE_URL", "DATABASE_URL"]
}
const gone = { repositories: 0, records: 0, databases: 0, deployments: 0, credentials: [] }

const inventory = (projectId: Restore.Record["project"]["id"]) =>
  Effect.gen(function* () {
    return {
      repositories: (yield* (yield* RepositoryHost).list).length,
      records: (yield* (yield* Dns).list).length,
      databases: (yield* (yield* TenantDatabase).list).length,
      deployments: (yield* (yield* Deployer).list).length,
      credentials: (yield* (yield* CredentialStore).list(projectId)).map(({ name }) => name)
    }
  })

/** Goes on with it, to the end that its scenario names. */
const finish = Effect.fnUntraced(function* (record: Restore.Record) {
  const operations = yield* Operations
  const { operation, project } = record
  const ended = record.retry ? yield* operations.retry(operation.id) : operation
  yield* Layer.build(Layer.fresh(OperationRunner.layer({ drainMillis: 0, pollMillis: 100 })))
  const last = yield* operations.await(ended.id)
  assert.strictEqual(last.status, record.ends, JSON.stringify(last.error))
  assert.strictEqual(last.version, operation.version)
  const stands = record.ends === "completed" && record.does !== "delete"
  assert.deepStrictEqual(yield* inventory(project.id), stands ? standing : gone)
  const after = Option.getOrThrow(yield* (yield* ProjectStore).byId(project.id))
  assert.strictEqual(after.status, stands ? "ready" : record.does === "delete" ? "deleted" : "failed")
  const environments = yield* Environments.of(project.id)
  if (!stands) return
  assert.deepStrictEqual(
    after.resources.map(({ kind, status }) => `${kind} ${status}`),
    ["repository ready", "ci ready", "database ready", "cache ready"]
  )
  assert.deepStrictEqual(
    environments.map(({ bindings, name }) => [name, bindings.map(({ kind, status }) => `${kind} ${status}`)]),
    [
      ["production", ["dns ready", "tls ready", "deployment ready"]],
      ["staging", ["dns ready", "tls ready"]]
    ]
  )
  assert.match(environments[0]?.release?.id ?? "", /^rel_/)
})

describe("the records", () => {
  it("hold every state of every kind", () => {
    const versions = Map.groupBy(Restore.records, ({ operation }) => operation.version)
    assert.deepStrictEqual([...versions.keys()].sort(), [1, 2])
    for (const [version, records] of versions) {
      assert.deepStrictEqual(
        records.map(({ scenario }) => scenario).sort(),
        scenarios.map(({ name }) => name).sort(),
        `version ${version}`
      )
      const statuses = new Set(records.map(({ operation }) => operation.status))
      for (const status of ["planned", "running", "waiting", "compensating", "failed", "compensation_failed"] as const)
        assert.isTrue(statuses.has(status), `${status} of version ${version}`)
    }
  })
})

describe("in memory", () => {
  const stores = Layer.mergeAll(
    Memory.AuditStore.layer,
    Memory.CredentialStore.layer,
    Memory.EnvironmentStore.layer,
    Memory.ForgeStore.layer,
    Memory.IssueStore.layer,
    Memory.EventLog.layer,
    Memory.FeatureStore.layer,
    Memory.Notifier.layer,
    Memory.OperationStore.layer,
    Memory.PolicyStore.layer,
    Memory.ProjectStore.layer,
    Memory.UnitOfWork.layer
  )
  for (const record of Restore.records)
    it.effect(`${record.scenario} of version ${record.operation.version} ends as ${record.ends}`, () =>
      Effect.gen(function* () {
        yield* TestClock.setTime(Date.UTC(2030, 0))
        yield* Restore.intoMemory(record)
        yield* Restore.world(record)
        const done = yield* Effect.forkChild(Effect.scoped(finish(record)))
        for (let i = 0; i < 2_000 && done.pollUnsafe() === undefined; i++) yield* TestClock.adjust("250 millis")
        yield* Fiber.join(done)
      }).pipe(Effect.provide(Layer.fresh(installation().pipe(Layer.provideMerge(stores)))))
    )
})

const keyring = Layer.effect(Keyring.Keyring, Keyring.make("test", [Buffer.alloc(32, 7).toString("base64")]))
const databases = {
  "the embedded engine": layerEmbedded({ memory: true }),
  PostgreSQL: TestPostgres.layerDatabase({})
}
for (const [name, database] of Object.entries(databases)) {
  const stores = Stores.layerNoKeyring.pipe(Layer.provide(keyring), Layer.provideMerge(database))
  withLayer(Layer.orDie(stores), { excludeTestServices: true })(`on ${name}`, (it) => {
    for (const record of Restore.records)
      it.effect(`${record.scenario} of version ${record.operation.version} ends as ${record.ends}`, () =>
        Effect.gen(function* () {
          yield* Restore.clear
          yield* Restore.intoDatabase(record)
          yield* Restore.world(record)
          yield* Effect.scoped(finish(record))
          yield* (yield* CredentialStore).removeAll(record.project.id)
        }).pipe(Effect.provide(Layer.fresh(installation())))
      )
  })
}
