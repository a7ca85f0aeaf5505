/** Puts a recorded operation back: into stores, as they hold it, and into providers, what they had. */
import { Database } from "@rdev/adapter-postgres/engine/Database"
import { Environment } from "@rdev/core/domain/Environment"
import { Operation, OperationResource, OperationStep } from "@rdev/core/domain/Operation"
import { Project } from "@rdev/core/domain/Project"
import { Builder } from "@rdev/core/ports/infra/Builder"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { Deployer } from "@rdev/core/ports/infra/Deployer"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { TenantCache } from "@rdev/core/ports/infra/TenantCache"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Tls } from "@rdev/core/ports/infra/Tls"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import { OperationStore } from "@rdev/core/ports/stores/OperationStore"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Effect, Redacted, Schema } from "effect"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const Record = Schema.Struct({
  scenario: Schema.String,
  does: Schema.Literals(["provision", "provision planned", "sync", "delete"]),
  ends: Schema.Literals(["completed", "failed"]),
  retry: Schema.Boolean,
  rows: Schema.Record(Schema.String, Schema.Array(Schema.Record(Schema.String, Schema.Json))),
  operation: Operation,
  steps: Schema.Array(OperationStep),
  resources: Schema.Array(OperationResource),
  project: Project,
  /** Version 1 kept them in the project's record. */
  environments: Schema.optionalKey(Schema.Array(Environment)),
  world: Schema.Struct({
    repository: Schema.Boolean,
    records: Schema.Array(Schema.Struct({ host: Schema.String, target: Schema.String })),
    certificates: Schema.Array(Schema.String),
    database: Schema.Boolean,
    cache: Schema.Boolean,
    release: Schema.NullOr(
      Schema.Struct({ environment: Schema.Literals(["staging", "production"]), sha: Schema.String })
    ),
    credentials: Schema.Array(Schema.String)
  })
})
export type Record = typeof Record.Type
const decodeRecord = Schema.decodeUnknownSync(Record)
/** A field that has another name since; the database's column kept its own. */
const decode = (json: { readonly operation: { readonly poked?: boolean } }) => {
  const { poked, ...operation } = json.operation
  return decodeRecord({ ...json, operation: poked === undefined ? operation : { ...operation, wakeRequested: poked } })
}

export const records: ReadonlyArray<Record> = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && entry.name.startsWith("version-"))
  .flatMap(({ name }) => {
    const folder = join(import.meta.dirname, name)
    return readdirSync(folder).map((file) => decode(JSON.parse(readFileSync(join(folder, file), "utf8"))))
  })

/** Through the ports: what a memory store holds. */
export const intoMemory = Effect.fnUntraced(function* ({
  environments = [],
  operation,
  project,
  resources,
  steps
}: Record) {
  yield* (yield* ProjectStore).insert(project)
  for (const environment of environments) yield* (yield* EnvironmentStore).insert(environment)
  const store = yield* OperationStore
  yield* store.insert(operation, steps)
  // Only who holds an operation may write to it.
  if (resources.length > 0 && operation.leaseOwner !== null)
    yield* store.record({ id: operation.id, epoch: operation.leaseEpoch }, { resources })
})

/** Row by row, as the database of that day held them. */
export const intoDatabase = Effect.fnUntraced(function* ({ rows }: Record) {
  const { query } = yield* Database
  for (const [table, all] of Object.entries(rows))
    for (const row of all) {
      const columns = Object.keys(row).join(", ")
      yield* query(
        `INSERT INTO rdev.${table} (${columns}) SELECT ${columns} FROM json_populate_record(NULL::rdev.${table}, $1::json)`,
        [JSON.stringify(row)]
      )
    }
})
export const clear = Effect.gen(function* () {
  const { query } = yield* Database
  for (const table of ["environment", "operation", "project"]) yield* query(`DELETE FROM rdev.${table}`, [])
})

export const world = Effect.fnUntraced(function* ({ operation, project, world }: Record) {
  const tenant = { projectId: project.id, name: project.name }
  const files = [{ path: "README.md", content: `# ${project.name}\n` }]
  if (world.repository) {
    const branch = BranchName.make(project.defaultBranch)
    yield* (yield* RepositoryHost).ensure(tenant, { defaultBranch: branch, files, message: "Start" })
    yield* (yield* Ci).ensure(tenant)
  }
  for (const { host, target } of world.records) yield* (yield* Dns).ensure({ projectId: project.id, host, target })
  for (const host of world.certificates) yield* (yield* Tls).ensure(project.id, host)
  if (world.database) yield* (yield* TenantDatabase).ensure(tenant)
  if (world.cache) yield* (yield* TenantCache).ensure(tenant)
  if (world.release !== null) {
    // Names did not lead to releases by routes yet.
    const { environment, sha } = world.release
    const artifact = yield* (yield* Builder).build(tenant, { sha })
    const key = `${operation.id}/deployment/${environment}`
    yield* (yield* Deployer).deploy(tenant, { key, environment, artifact, env: {} })
  }
  for (const name of world.credentials)
    yield* (yield* CredentialStore).put(project.id, name, Redacted.make("memory://restored"))
})
