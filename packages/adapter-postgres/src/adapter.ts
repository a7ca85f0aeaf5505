/** PostgreSQL as an adapter, and the embedded engine where no server is named: what `use: postgres` chooses in platform.yaml. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { AfterCommit, Host, StoresAnswer, WorkFolder } from "@rdev/core/adapter/Host"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Effect, Layer, Redacted, Schema } from "effect"
import { portReason } from "./classifyError.ts"
import * as Database from "./engine/Database.ts"
import * as Driver from "./engine/Driver.ts"
import * as Keyring from "./secrets/Keyring.ts"
import * as PgOperationStore from "./stores/PgOperationStore.ts"
import * as PgReplicas from "./stores/PgReplicas.ts"
import * as PgTenantDatabase from "./tenants/PgTenantDatabase.ts"
import * as PgWorkQueueStore from "./queue/PgWorkQueueStore.ts"
import * as Route from "./engine/Route.ts"
import * as SchemaName from "./engine/SchemaName.ts"
import * as Stores from "./stores/Stores.ts"
import * as WorkFolders from "./engine/WorkFolder.ts"

const secret = (variable: string, description: string) =>
  Adapter.Secret.pipe(Adapter.variable(variable, "secret")).annotate({ description })

const StoresConfig = Schema.Struct({
  url: Schema.optionalKey(
    secret(
      "RDEV_DATABASE_URL",
      "postgresql://user:password@host:5432/database. Left out: the embedded engine in the data folder."
    )
  ),
  directUrl: Schema.optionalKey(
    secret("RDEV_DATABASE_DIRECT_URL", "The same database past its pooler, where one stands before it.")
  ),
  pooling: Schema.optionalKey(
    Schema.Literals(["auto", "direct", "session", "transaction"])
      .pipe(Adapter.variable("RDEV_DATABASE_POOLING"))
      .annotate({ description: "What stands before the database. Default auto: it is found out." })
  ),
  maxConnections: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000 }))
      .pipe(Adapter.variable("RDEV_DATABASE_MAX_CONNECTIONS", "number"))
      .annotate({ description: "Connections of this process. Default 10." })
  ),
  schema: Schema.optionalKey(
    Schema.String.check(
      Schema.makeFilter(
        (name) =>
          SchemaName.problemOf(name) === null ||
          "expected a schema of its own: letters a-z and A-Z, digits, _ and -, at most 53, beginning with a letter or _; not public and none of PostgreSQL's"
      )
    )
      .pipe(Adapter.variable("RDEV_DATABASE_SCHEMA"))
      .annotate({
        description: "The schema that everything of rdev lives in. Default rdev; the embedded engine's always."
      })
  ),
  key: Schema.optionalKey(
    secret(
      "RDEV_KEK",
      "32 bytes in base64 that encrypt the secrets of projects. Needed with a server; the embedded engine makes one."
    )
  ),
  previousKeys: Schema.optionalKey(
    secret("RDEV_KEK_PREVIOUS", "Keys that `key` replaced, separated by commas, while they are still needed.")
  )
})
type StoresConfig = typeof StoresConfig.Type

const failing = <A, R>(operation: string, layer: Layer.Layer<A, StoreError, R>) =>
  Layer.catch(layer, (cause) =>
    Layer.effectContext(Effect.fail(new Adapter.AdapterError({ operation, reason: portReason(cause), cause })))
  ) as Layer.Layer<A, Adapter.AdapterError, R>

const database = ({ directUrl, maxConnections, pooling, schema, url }: StoresConfig) =>
  url === undefined
    ? Layer.unwrap(Effect.map(Host, ({ dataDir }) => Database.layerEmbedded({ dataDir })))
    : Database.layerPostgres({
        url,
        directUrl,
        schema,
        pooling: pooling ?? "auto",
        maxConnections: maxConnections ?? 10
      })

const keyring = ({ key, previousKeys }: StoresConfig) =>
  key === undefined ? Keyring.layer : Keyring.layerOf({ current: key, previous: previousKeys })

/** What others look at beside the stores. */
const told = Layer.mergeAll(
  Layer.effect(
    AfterCommit,
    Effect.map(Database.Database, ({ afterCommit }) => afterCommit)
  ),
  Layer.effect(
    StoresAnswer,
    Effect.map(Database.Database, ({ route }) => (route === null ? "answers" : Route.describe(route)))
  ),
  Layer.effect(
    WorkFolder,
    Effect.map(Database.Database, (service) =>
      service.engine === "embedded"
        ? null
        : (folder: WorkFolders.WorkFolder) =>
            Effect.provideService(WorkFolders.claim(folder), Database.Database, service)
    )
  )
)

/** One statement on a connection of its own: nothing is migrated. */
const asks = (url: Redacted.Redacted) =>
  Effect.flatMap(
    Driver.make({ connectionString: Redacted.value(url), connectionTimeoutMillis: 5_000, max: 1 }),
    ({ query }) => query<{ readonly version: string }>("SELECT version() AS version")
  ).pipe(
    Effect.scoped,
    Effect.match({
      onSuccess: (rows) => ({ ok: true, detail: (rows[0]?.version ?? "answers").split(",", 1)[0] ?? "answers" }),
      onFailure: (error) => ({ ok: false, detail: error.message })
    })
  )

export default Adapter.define({
  api: 1,
  name: "postgres",
  slots: {
    stores: {
      config: StoresConfig,
      shared: ({ url }) => url !== undefined,
      layer: (config) =>
        failing(
          "Stores.layer",
          Layer.mergeAll(
            Layer.provide(Stores.layerNoKeyring, keyring(config)),
            PgOperationStore.layer,
            PgWorkQueueStore.layer,
            PgReplicas.layer,
            told
          ).pipe(Layer.provide(database(config)))
        ),
      health: () =>
        Effect.gen(function* () {
          const answer = yield* StoresAnswer
          const store = yield* ProjectStore
          return yield* Effect.match(store.list({ after: null, limit: 1, only: null }), {
            onSuccess: () => ({ ok: true, detail: answer }),
            onFailure: (error) => ({ ok: false, detail: error.message })
          })
        }),
      probe: ({ url }) =>
        url === undefined
          ? Effect.succeed({ ok: true, detail: "the embedded engine, which needs nothing installed" })
          : asks(url)
    },
    database: {
      config: Schema.Struct({
        url: secret(
          "RDEV_TENANT_DATABASE_URL",
          "An administrator's URL of the PostgreSQL or CockroachDB server that holds the projects' databases."
        ),
        prefix: Schema.optionalKey(
          Schema.String.check(
            Schema.isPattern(/^[a-z][a-z0-9_]{0,15}$/, {
              message: "expected up to 16 lower-case letters, digits and underscores, starting with a letter"
            })
          ).annotate({
            description: "Stands before every name; tells installations on one server apart. Default rdev_."
          })
        ),
        connectionLimit: Schema.optionalKey(
          Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 })).annotate({
            description: "Connections of one project. Default 20."
          })
        )
      }),
      layer: ({ connectionLimit, prefix, url }) =>
        PgTenantDatabase.layer({
          adminUrl: url,
          ...(prefix === undefined ? {} : { prefix }),
          ...(connectionLimit === undefined ? {} : { connectionLimit })
        }),
      health: () =>
        Effect.flatMap(TenantDatabase, (service) =>
          Adapter.healthOf(service.list, (list) => `${list.length} databases of projects`)
        )
    }
  }
})
