/**
 * `node --conditions=@rdev/source test/recorded/record.ts [scenario…]`: records operations of the versions that new ones get now, in every state that
 * a scenario names, as the stores hold them and beside it what the providers have. Run it before a version is followed by another; the
 * files of older versions are never made again.
 */
import { layerEmbedded, Database } from "@rdev/adapter-postgres/engine/Database"
import * as Keyring from "@rdev/adapter-postgres/secrets/Keyring"
import * as Stores from "@rdev/adapter-postgres/stores/Stores"
import { Environment } from "@rdev/core/domain/Environment"
import { Operation, OperationResource, OperationStep } from "@rdev/core/domain/Operation"
import { Project } from "@rdev/core/domain/Project"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import { Operations } from "@rdev/core/operations/Operations"
import { Deployer } from "@rdev/core/ports/infra/Deployer"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { TenantCache } from "@rdev/core/ports/infra/TenantCache"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Tls } from "@rdev/core/ports/infra/Tls"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import { OperationStore } from "@rdev/core/ports/stores/OperationStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Projects } from "@rdev/core/services/Projects"
import { Effect, Exit, Layer, Option, Schema, Scope } from "effect"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { installation, type Meddle } from "./Ports.ts"
import { type Scenario, scenarios } from "./Scenarios.ts"

const encodeStep = Schema.encodeSync(Schema.Struct(OperationStep.fields))
const encodeResource = Schema.encodeSync(Schema.Struct(OperationResource.fields))
const encodeEnvironment = Schema.encodeSync(Schema.Struct(Environment.fields))

const folderOf = (version: number) => join(import.meta.dirname, `version-${version}`)
const tables = ["project", "environment", "operation", "operation_step", "operation_resource"] as const

/** As the database holds them; generated numbers are left out, the order of rows is theirs. */
const rows = Effect.gen(function* () {
  const { query } = yield* Database
  const found: Record<string, ReadonlyArray<unknown>> = {}
  for (const table of tables) {
    const order = table.startsWith("operation_") ? "number" : "id"
    const read = yield* query<{ readonly row: Record<string, unknown> }>(
      `SELECT row_to_json(t) AS row FROM rdev.${table} t ORDER BY ${order}`,
      []
    )
    found[table] = read.map(({ row }) => Object.fromEntries(Object.entries(row).filter(([key]) => key !== "number")))
  }
  return found
})

/** What the providers have of the project. */
const world = (project: Project, hosts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const tenant = { projectId: project.id, name: project.name }
    const records = yield* (yield* Dns).list
    const tls = yield* Tls
    const certificates = yield* Effect.filter(hosts, (host) => Effect.map(tls.observe(host), Option.isSome))
    const deployer = yield* Deployer
    const release = yield* deployer.observe(tenant, "production")
    return {
      repository: (yield* (yield* RepositoryHost).list).length > 0,
      records,
      certificates,
      database: Option.isSome(yield* (yield* TenantDatabase).observe(tenant)),
      cache: Option.isSome(yield* (yield* TenantCache).observe(tenant)),
      release: Option.getOrNull(Option.map(release, ({ environment, sha }) => ({ environment, sha }))),
      credentials: (yield* (yield* CredentialStore).list(project.id)).map(({ name }) => name)
    }
  })

const runner = Effect.gen(function* () {
  const scope = yield* Scope.make()
  yield* Layer.buildWithScope(Layer.fresh(OperationRunner.layer({ drainMillis: 0, pollMillis: 100 })), scope)
  return Scope.close(scope, Exit.void)
})

const begin = ({ does }: Scenario, meddle: { current: Meddle }, mine: Meddle) =>
  Effect.gen(function* () {
    const projects = yield* Projects
    if (does === "provision") return yield* projects.create({ name: "hello", description: "A site" })
    if (does === "provision planned") {
      const plan = yield* projects.plan({ name: "hello" })
      return yield* projects.create({ name: "hello", planDigest: plan.digest })
    }
    meddle.current = () => null
    const first = yield* projects.create({ name: "hello" })
    const stop = yield* runner
    yield* (yield* Operations).await(first.operation.id)
    yield* stop
    meddle.current = mine
    if (does === "delete") return yield* projects.delete("hello")
    yield* (yield* Dns).remove(first.project.id, "hello.localhost")
    return yield* projects.sync("hello")
  })

const record = (scenario: Scenario) => {
  const meddle = { current: scenario.meddle }
  return Effect.gen(function* () {
    const store = yield* OperationStore
    const { operation, project } = yield* begin(scenario, meddle, scenario.meddle)
    const stop = scenario.runs ? yield* runner : Effect.void
    const reached = Effect.gen(function* () {
      const now = Option.getOrThrow(yield* store.get(operation.id))
      return scenario.until(now, yield* store.steps(operation.id))
    })
    yield* Effect.repeat(Effect.delay(reached, 50), { until: (done) => done }).pipe(Effect.timeout("60 seconds"))
    yield* Effect.sleep(200)
    const found = {
      scenario: scenario.name,
      does: scenario.does,
      ends: scenario.ends,
      retry: scenario.retry,
      operationId: operation.id,
      projectId: project.id,
      rows: yield* rows,
      environments: (yield* (yield* EnvironmentStore).ofProjects([project.id])).map((one) => encodeEnvironment(one)),
      operation: Schema.encodeSync(Schema.Struct(Operation.fields))(Option.getOrThrow(yield* store.get(operation.id))),
      steps: (yield* store.steps(operation.id)).map((row) => encodeStep(row)),
      resources: (yield* store.resources(operation.id)).map((row) => encodeResource(row)),
      project: Schema.encodeSync(Schema.Struct(Project.fields))(
        Option.getOrThrow(yield* (yield* ProjectStore).byId(project.id))
      ),
      world: yield* Effect.suspend(() => {
        // Its dead process keeps what it waits for; we ask without it.
        meddle.current = () => null
        return world(project, ["hello.localhost", "staging.hello.localhost"])
      })
    }
    yield* stop
    const folder = folderOf(found.operation.version)
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${scenario.name}.json`), `${JSON.stringify(found)}\n`)
  }).pipe(
    Effect.provide(
      installation(meddle).pipe(
        Layer.provideMerge(Stores.layerNoKeyring),
        Layer.provide(Layer.effect(Keyring.Keyring, Keyring.make("test", [Buffer.alloc(32, 7).toString("base64")]))),
        Layer.provideMerge(layerEmbedded({ memory: true }))
      )
    )
  )
}

const only = process.argv.slice(2)
const wanted = scenarios.filter(({ name }) => only.length === 0 || only.includes(name))
await Effect.runPromise(Effect.forEach(wanted, record, { discard: true }))
process.exit(0)
