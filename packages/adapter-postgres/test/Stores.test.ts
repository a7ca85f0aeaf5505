import * as ApiKeyStoreSuite from "@rdev/conformance/stores/ApiKeyStoreSuite"
import * as AuditStoreSuite from "@rdev/conformance/stores/AuditStoreSuite"
import * as CredentialStoreSuite from "@rdev/conformance/stores/CredentialStoreSuite"
import * as EnvironmentStoreSuite from "@rdev/conformance/stores/EnvironmentStoreSuite"
import * as EventLogSuite from "@rdev/conformance/stores/EventLogSuite"
import * as PolicyStoreSuite from "@rdev/conformance/stores/PolicyStoreSuite"
import * as FeatureStoreSuite from "@rdev/conformance/stores/FeatureStoreSuite"
import * as IdempotencyStoreSuite from "@rdev/conformance/stores/IdempotencyStoreSuite"
import * as NotifierSuite from "@rdev/conformance/stores/NotifierSuite"
import * as OperationStoreSuite from "@rdev/conformance/stores/OperationStoreSuite"
import * as ProjectStoreSuite from "@rdev/conformance/stores/ProjectStoreSuite"
import * as UnitOfWorkSuite from "@rdev/conformance/stores/UnitOfWorkSuite"
import * as ForgeStoreSuite from "@rdev/conformance/stores/ForgeStoreSuite"
import * as IssueStoreSuite from "@rdev/conformance/stores/IssueStoreSuite"
import * as WebhookStoreSuite from "@rdev/conformance/stores/WebhookStoreSuite"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Exit, Layer, Scope } from "effect"
import { afterAll } from "vitest"
import { type Database, layerEmbedded } from "../src/engine/Database.ts"
import * as Keyring from "../src/secrets/Keyring.ts"
import * as Stores from "../src/stores/Stores.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

const keyring = Layer.effect(Keyring.Keyring, Keyring.make("test", [Buffer.alloc(32, 7).toString("base64")]))

const run = async (name: string, database: Layer.Layer<Database, StoreError>) => {
  // One engine for all suites of this file.
  const scope = Scope.makeUnsafe()
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const stores = Layer.succeedContext(
    await Effect.runPromise(
      Layer.buildWithScope(Stores.layerNoKeyring.pipe(Layer.provide(keyring), Layer.provide(database)), scope)
    )
  )
  ApiKeyStoreSuite.suite(name, stores)
  AuditStoreSuite.suite(name, stores)
  CredentialStoreSuite.suite(name, stores)
  EnvironmentStoreSuite.suite(name, stores)
  EventLogSuite.suite(name, stores, { appenders: 20 })
  FeatureStoreSuite.suite(name, stores)
  PolicyStoreSuite.suite(name, stores)
  IdempotencyStoreSuite.suite(name, stores)
  NotifierSuite.suite(name, stores)
  OperationStoreSuite.suite(name, stores)
  ProjectStoreSuite.suite(name, stores)
  UnitOfWorkSuite.suite(name, stores)
  WebhookStoreSuite.suite(name, stores)
  ForgeStoreSuite.suite(name, stores)
  IssueStoreSuite.suite(name, stores)
}

await run("embedded", layerEmbedded({ memory: true }))
await run("PostgreSQL", TestPostgres.layerDatabase({ schema: "Rdev-Test", settings: { search_path: "nowhere" } }))
// What is installed is often older: where the npm package of this platform is there, its current version is used too.
if (TestPostgres.hasPackage())
  await run("PostgreSQL of the npm package", TestPostgres.layerDatabase({ binaries: "packaged" }))
