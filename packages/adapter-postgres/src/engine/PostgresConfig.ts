/** Every environment variable this package reads. */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Config, Effect, Redacted, Schema } from "effect"
import * as SchemaName from "./SchemaName.ts"

const read = <A>(config: Config.Config<A>): Effect.Effect<A, StoreError> =>
  Effect.mapError(
    config,
    (cause) =>
      new StoreError({
        operation: "PostgresConfig.read",
        reason: { _tag: "Invalid", field: "environment", message: cause.message },
        cause
      })
  )
const orNull = <A>(config: Config.Config<A>): Config.Config<A | null> => config.pipe(Config.withDefault(null))

/**
 * `RDEV_DATABASE_URL` (postgresql://…; absent = the embedded engine), `RDEV_DATABASE_DIRECT_URL` (the same database past its pooler),
 * `RDEV_DATABASE_POOLING` (default `auto`), `RDEV_DATABASE_SCHEMA` (default `rdev`; the embedded engine's is always that) and
 * `RDEV_DATABASE_MAX_CONNECTIONS` (default 10).
 */
export const database = read(
  Config.all({
    url: orNull(Config.Redacted("RDEV_DATABASE_URL")),
    directUrl: orNull(Config.Redacted("RDEV_DATABASE_DIRECT_URL")),
    pooling: Config.schema(Schema.Literals(["auto", "direct", "session", "transaction"]), "RDEV_DATABASE_POOLING").pipe(
      Config.withDefault("auto" as const)
    ),
    schema: Config.String("RDEV_DATABASE_SCHEMA").pipe(Config.withDefault(SchemaName.standard)),
    maxConnections: Config.schema(
      Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: 1_000 })),
      "RDEV_DATABASE_MAX_CONNECTIONS"
    ).pipe(Config.withDefault(10))
  })
)

/** `RDEV_KEK`: 32 bytes in base64. `RDEV_KEK_PREVIOUS`: keys it replaced, separated by commas, until `rotate` has run. */
export const keys: Effect.Effect<
  { readonly current: Redacted.Redacted | null; readonly previous: ReadonlyArray<Redacted.Redacted> },
  StoreError
> = read(
  Config.all({
    current: orNull(Config.Redacted("RDEV_KEK")),
    previous: Config.String("RDEV_KEK_PREVIOUS").pipe(
      Config.withDefault(""),
      Config.map((list) =>
        list
          .split(",")
          .filter((key) => key.trim() !== "")
          .map((key) => Redacted.make(key))
      )
    )
  })
)

/** `RDEV_TENANT_DATABASE_URL`: an administrator's URL of the server that holds the projects' databases. Absent = none. */
export const tenants = read(orNull(Config.Redacted("RDEV_TENANT_DATABASE_URL")))
