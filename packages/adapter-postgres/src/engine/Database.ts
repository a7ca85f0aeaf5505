/**
 * The database of an installation, on PostgreSQL or on the embedded engine, migrated and ready when the layer is built.
 * Everything above it writes one SQL for both and joins the transaction of the fiber it runs in.
 */
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import * as Driver from "./Driver.ts"
import * as Embedded from "./Embedded.ts"
import * as Listener from "./Listener.ts"
import * as LocalSignals from "./LocalSignals.ts"
import * as Maintenance from "./Maintenance.ts"
import * as Migrations from "../Migrations.ts"
import * as Route from "./Route.ts"
import * as SchemaName from "./SchemaName.ts"
import * as Session from "./Session.ts"
import * as SqlFiles from "../SqlFiles.ts"

export type { Connections, QueryOptions, Row } from "./Driver.ts"
export type { Signal } from "./Listener.ts"
export type { PostgresOptions } from "./Route.ts"
export type { Session } from "./Session.ts"

export class Database extends Context.Service<
  Database,
  Driver.Connections & {
    readonly engine: "postgresql" | "embedded"
    /** How the server is reached; null for the embedded engine. */
    readonly route: Pick<Route.Route, "notifications" | "pooling"> | null
    /** The schema that everything of rdev lives in. Statements name it `rdev`, whatever it is called: `SELECT … FROM rdev.project`. */
    readonly schema: string
    /** The data folder of the embedded engine, where secrets that must survive may be kept too; null elsewhere. */
    readonly dataDir: string | null
    /** A connection of its own, for statements that must not wait behind others. The embedded engine has one connection for all. */
    readonly session: Effect.Effect<Session.Session, never, Scope.Scope>
    /** Wakes up listeners of all processes; in a transaction when it commits. Payloads are at most 7,999 bytes. */
    notify(channel: string, payloads: ReadonlyArray<string>): Effect.Effect<void, StoreError>
    /** Notifications from the moment this effect succeeds. They may be lost with a connection, and behind some poolers those of other processes do not come: `MayHaveMissed` says so. */
    listen(channel: string): Effect.Effect<Stream.Stream<Listener.Signal>, StoreError, Scope.Scope>
  }
>()("rdev/adapter-postgres/Database") {}

const notifySql = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"
/** A notification is lost in a crash anyway: nobody has to wait for the disk because of one, neither its sender nor the commits behind it. */
const notifyAloneSql =
  "SELECT pg_notify($1, payload), set_config('synchronous_commit', 'off', true) FROM unnest($2::text[]) AS payload"

/** A server. Fails at once with a clear reason when it cannot be reached, refuses the user, has newer data, or stands behind a pooler that cannot be used. */
export const layerPostgres = (options: Route.PostgresOptions): Layer.Layer<Database, StoreError> =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      const route = yield* Route.choose(options)
      const schema = options.schema ?? SchemaName.standard
      if (route.pooling !== "direct") yield* Effect.logInfo(`the database ${Route.describe(route)}`)
      const { apart, pool } = route
      const connections = yield* Driver.make(pool.config, pool.manner)
      const files = yield* SqlFiles.load
      const patient = Route.unlimited(apart)
      yield* Migrations.run(connections, Driver.make(patient.config, patient.manner), files, schema)
      const listener = route.listener === null ? null : yield* Listener.make(route.listener)
      const session = Session.make(apart.config, apart.manner)
      const tell: Database["Service"]["notify"] = (channel, payloads) =>
        payloads.length === 0
          ? Effect.void
          : Effect.flatMap(connections.inTransaction, (inside) =>
              Effect.asVoid(
                connections.query(inside ? notifySql : notifyAloneSql, [channel, payloads], { prepare: true })
              )
            )
      const base = { ...connections, engine: "postgresql", route, schema, dataDir: null } as const
      if (listener !== null) return Database.of({ ...base, session, notify: tell, listen: listener.listen })
      const local = yield* LocalSignals.make(Route.lookMillis)
      return Database.of({
        ...base,
        session: Effect.map(session, (own): Session.Session => ({ ...own, hear: local.hear })),
        notify: (channel, payloads) =>
          Effect.andThen(tell(channel, payloads), connections.afterCommit(local.publish(channel, payloads))),
        listen: local.listen
      })
    })
  )

export interface EmbeddedOptions {
  readonly dataDir: string
}

/** The embedded engine on a data folder, which this process holds until the layer's scope ends, or in memory. */
export const layerEmbedded = (
  options: EmbeddedOptions | { readonly memory: true }
): Layer.Layer<Database, StoreError> =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      const opened = yield* Embedded.open(options)
      yield* Maintenance.run(opened.connections)
      const signals = yield* LocalSignals.make(null)
      return Database.of({
        ...opened.connections,
        engine: "embedded",
        route: null,
        schema: SchemaName.standard,
        dataDir: "dataDir" in options ? options.dataDir : null,
        session: Effect.succeed({ ...opened.connections, hear: signals.hear }),
        notify: (channel, payloads) => opened.connections.afterCommit(signals.publish(channel, payloads)),
        listen: signals.listen
      })
    })
  )

/** Stores share a transaction: `transact` of this layer is that of the Database. */
export const layerUnitOfWork: Layer.Layer<UnitOfWork, never, Database> = Layer.effect(
  UnitOfWork,
  Effect.map(Effect.service(Database), (database) => UnitOfWork.of({ transact: database.transact }))
)
