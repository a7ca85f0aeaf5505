/**
 * The database of an installation, on PostgreSQL or on the embedded engine, migrated and ready when the layer is built.
 * Everything above it writes one SQL for both and joins the transaction of the fiber it runs in.
 */
import type { StoreError } from "@rdev/core/ports/StoreError"
import { UnitOfWork } from "@rdev/core/ports/UnitOfWork"
import { Context, Effect, Layer, PubSub, Redacted, type Scope, Stream } from "effect"
import * as ClientPool from "./ClientPool.ts"
import * as Driver from "./Driver.ts"
import * as Embedded from "./Embedded.ts"
import * as Listener from "./Listener.ts"
import * as Maintenance from "./Maintenance.ts"
import * as Migrations from "./Migrations.ts"
import * as PostgresConfig from "./PostgresConfig.ts"
import * as Session from "./Session.ts"

export type { Connections, QueryOptions, Row } from "./Driver.ts"
export type { Signal } from "./Listener.ts"
export type { Session } from "./Session.ts"

export class Database extends Context.Service<Database, Driver.Connections & {
  readonly engine: "postgresql" | "embedded"
  /** The data folder of the embedded engine, where secrets that must survive may be kept too; null elsewhere. */
  readonly dataDir: string | null
  /** A connection of its own, for statements that must not wait behind others. The embedded engine has one connection for all. */
  readonly session: Effect.Effect<Session.Session, never, Scope.Scope>
  /** Wakes up listeners of all processes; in a transaction when it commits. Payloads are at most 7,999 bytes. */
  notify(channel: string, payloads: ReadonlyArray<string>): Effect.Effect<void, StoreError>
  /** Notifications from the moment this effect succeeds. They may be lost with a connection: `Reconnected` says so. */
  listen(channel: string): Effect.Effect<Stream.Stream<Listener.Signal>, StoreError, Scope.Scope>
}>()("rdev/adapter-postgres/Database") {}

export interface PostgresOptions {
  /** `postgresql://user:password@host:5432/database?sslmode=verify-full` */
  readonly url: string | Redacted.Redacted
  /** Default 10, besides one for notifications and those of sessions. */
  readonly maxConnections?: number
  /** Longest statement; default 15,000. An unreachable server is noticed after as long. */
  readonly statementTimeoutMillis?: number
}

const connectTimeoutMillis = 5_000

const clientConfig = (options: PostgresOptions) => ({
  connectionString: typeof options.url === "string" ? options.url : Redacted.value(options.url),
  types: ClientPool.typeParsers,
  application_name: "rdev",
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  connectionTimeoutMillis: connectTimeoutMillis
})
const poolConfig = (options: PostgresOptions) => {
  const limit = options.statementTimeoutMillis ?? 15_000
  return {
    ...clientConfig(options),
    // The server gives up first and says so; the driver's limit is for a server that no longer answers.
    statement_timeout: limit,
    query_timeout: limit + 2_000,
    // No transaction waits for anything but its statements; one whose process was stopped would hold its rows for as long.
    idle_in_transaction_session_timeout: 5_000,
    max: options.maxConnections ?? 10,
    idleTimeoutMillis: 30_000
  }
}

const notifySql = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"
/** A notification is lost in a crash anyway: nobody has to wait for the disk because of one, neither its sender nor the commits behind it. */
const notifyAloneSql = "SELECT pg_notify($1, payload), set_config('synchronous_commit', 'off', true) FROM unnest($2::text[]) AS payload"

/** A server. Fails at once with a clear reason when it cannot be reached, refuses the user, or has newer data. */
export const layerPostgres = (options: PostgresOptions): Layer.Layer<Database, StoreError> =>
  Layer.effect(Database, Effect.gen(function*() {
    const connections = yield* Driver.make(poolConfig(options))
    const migrations = yield* Migrations.load
    yield* Migrations.run(connections, Driver.make({ ...clientConfig(options), max: 1 }), migrations)
    const listener = yield* Listener.make({ ...clientConfig(options), query_timeout: connectTimeoutMillis })
    return Database.of({
      ...connections,
      engine: "postgresql",
      dataDir: null,
      session: Session.make(poolConfig(options)),
      notify: (channel, payloads) => payloads.length === 0
        ? Effect.void
        : Effect.flatMap(connections.inTransaction, (inside) => Effect.asVoid(connections.query(inside ? notifySql : notifyAloneSql, [channel, payloads], { prepare: true }))),
      listen: listener.listen
    })
  }))

export interface EmbeddedOptions { readonly dataDir: string }

/** The embedded engine on a data folder, which this process holds until the layer's scope ends, or in memory. */
export const layerEmbedded = (options: EmbeddedOptions | { readonly memory: true }): Layer.Layer<Database, StoreError> =>
  Layer.effect(Database, Effect.gen(function*() {
    const opened = yield* Embedded.open(options)
    yield* Maintenance.run(opened.connections)
    const hub = yield* Effect.acquireRelease(PubSub.sliding<{ readonly channel: string; readonly payload: string }>(Listener.capacity), PubSub.shutdown)
    const hearers = Session.hearers()
    return Database.of({
      ...opened.connections,
      engine: "embedded",
      dataDir: "dataDir" in options ? options.dataDir : null,
      session: Effect.succeed({ ...opened.connections, hear: hearers.add }),
      notify: (channel, payloads) => opened.connections.afterCommit(Effect.suspend(() => {
        for (const payload of payloads) hearers.tell(channel, payload)
        return Effect.asVoid(PubSub.publishAll(hub, payloads.map((payload) => ({ channel, payload }))))
      })),
      listen: (channel) => Effect.map(PubSub.subscribe(hub), (subscription) => Stream.fromSubscription(subscription).pipe(
        Stream.filter((message) => message.channel === channel),
        Stream.map((message): Listener.Signal => ({ _tag: "Message", payload: message.payload }))
      ))
    })
  }))

/** PostgreSQL when RDEV_DATABASE_URL is set (RDEV_DATABASE_MAX_CONNECTIONS, default 10), else the embedded engine on the folder. */
export const layerConfig = (embedded: EmbeddedOptions): Layer.Layer<Database, StoreError> =>
  Layer.unwrap(Effect.map(PostgresConfig.database, ({ maxConnections, url }) => url === null ? layerEmbedded(embedded) : layerPostgres({ url, maxConnections })))

/** Stores share a transaction: `transact` of this layer is that of the Database. */
export const layerUnitOfWork: Layer.Layer<UnitOfWork, never, Database> = Layer.effect(
  UnitOfWork,
  Effect.map(Effect.service(Database), (database) => UnitOfWork.of({ transact: database.transact }))
)
