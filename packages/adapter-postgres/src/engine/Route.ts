/**
 * How an installation reaches its PostgreSQL, decided once at start: what a pooler in between allows, and where notifications come
 * from. The settings of every connection are made here.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Redacted } from "effect"
import type { ClientBase, PoolConfig } from "pg"
import * as ClientPool from "./ClientPool.ts"
import * as Driver from "./Driver.ts"
import * as Pooler from "./Pooler.ts"
import * as SchemaName from "./SchemaName.ts"

export interface PostgresOptions {
  /** `postgresql://user:password@host:5432/database?sslmode=verify-full` */
  readonly url: string | Redacted.Redacted
  /** The same database past its pooler: for notifications, claims and migrations. */
  readonly directUrl?: string | Redacted.Redacted | undefined
  /** What stands before the server. Default `auto`: asked of it at start. */
  readonly pooling?: "auto" | Pooler.Pooling | undefined
  /** Default 10, besides one for notifications and those of sessions. */
  readonly maxConnections?: number
  /** The schema that everything of rdev lives in, made when it does not exist. Default `rdev`. */
  readonly schema?: string | undefined
  /** Longest statement; default 15,000. An unreachable server is noticed after as long. */
  readonly statementTimeoutMillis?: number
}

/** A pool's settings and its manner. */
export interface Way {
  readonly config: PoolConfig
  readonly manner: Driver.Manner
}
export interface Route {
  readonly pooling: Pooler.Pooling
  /** Where other processes' notifications come from; `looks`: from nowhere, what they did is looked for instead. */
  readonly notifications: "connection" | "direct connection" | "looks"
  readonly pool: Way
  /** For what one connection does for long: claims, migrations. */
  readonly apart: Way
  /** Null where notifications cannot be heard. */
  readonly listener: Driver.ClientConfig | null
}

export const connectTimeoutMillis = 5_000
/** Between two looks for what other processes did, where their notifications cannot be heard. */
export const lookMillis = 500
/** No transaction waits for anything but its statements; one whose process was stopped would hold its rows for as long. */
const idleInTransactionMillis = 5_000

/** Settings of a session that a URL may carry as parameters: a pooler refuses the client that asks for them. */
const sessionParameters = ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"]
const textOf = (url: string | Redacted.Redacted): string => (typeof url === "string" ? url : Redacted.value(url))
/** Left as it is unless one of these parameters stands in it: what the driver reads from a URL may be no URL to others. */
const plainUrl = (url: string): string => {
  if (!sessionParameters.some((name) => url.includes(`${name}=`))) return url
  const [before = "", query = ""] = url.split("?", 2)
  const left = query.split("&").filter((part) => !sessionParameters.includes(part.split("=", 1)[0] ?? ""))
  return left.length === 0 ? before : `${before}?${left.join("&")}`
}

const clientConfig = (url: string) => ({
  connectionString: url,
  types: ClientPool.typeParsers,
  application_name: "rdev",
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
  connectionTimeoutMillis: connectTimeoutMillis
})
const limitOf = (options: PostgresOptions) => options.statementTimeoutMillis ?? 15_000
const poolConfig = (options: PostgresOptions, url: string) => ({
  ...clientConfig(url),
  // The server gives up first and says so; the driver's limit is for a server that no longer answers.
  query_timeout: limitOf(options) + 2_000,
  max: options.maxConnections ?? 10,
  idleTimeoutMillis: 30_000
})

/** Settings go along with the start of each session: no statement more. */
const direct = (options: PostgresOptions, url: string): Way => ({
  config: {
    ...poolConfig(options, url),
    statement_timeout: limitOf(options),
    idle_in_transaction_session_timeout: idleInTransactionMillis
  },
  manner: Driver.sessions
})
/**
 * A session behind a pooler: settings are a statement after its start. An earlier client's prepared statements and LISTENs may still be
 * there, where the pooler is set to leave them.
 */
const session = (options: PostgresOptions, url: string): Way => ({
  config: {
    ...poolConfig(options, plainUrl(url)),
    onConnect: async (client: ClientBase) => {
      await client.query(
        `DEALLOCATE ALL; UNLISTEN *; SET statement_timeout = ${limitOf(options)}; SET idle_in_transaction_session_timeout = ${idleInTransactionMillis}`
      )
    }
  },
  manner: Driver.sessions
})
/** Nothing outlives a transaction. A single statement has the driver's limit alone. */
const transaction = (options: PostgresOptions, url: string): Way => ({
  config: poolConfig(options, plainUrl(url)),
  manner: {
    ...Driver.sessions,
    named: false,
    begin: `BEGIN; SET LOCAL statement_timeout = ${limitOf(options)}; SET LOCAL idle_in_transaction_session_timeout = ${idleInTransactionMillis}`
  }
})
const makers = { direct, session, transaction }
const way = (pooling: Pooler.Pooling, options: PostgresOptions, url: string): Way => {
  const { config, manner } = makers[pooling](options, url)
  return { config, manner: { ...manner, text: SchemaName.render(options.schema ?? SchemaName.standard) } }
}

const probe = (url: string) => ({ ...clientConfig(plainUrl(url)), query_timeout: connectTimeoutMillis })
const refuse = (message: string) =>
  new StoreError({
    operation: "Database.connect",
    reason: { _tag: "Invalid", field: "RDEV_DATABASE_DIRECT_URL", message }
  })

/** A direct URL leads to the same database, and past the pooler. */
const checked = (url: string, directUrl: string) =>
  Effect.gen(function* () {
    const pooling = yield* Pooler.detect(probe(directUrl))
    if (pooling === "transaction")
      return yield* refuse("it leads through a pooler in transaction mode too; write the address of PostgreSQL itself")
    const [place, other] = yield* Effect.all([Pooler.destination(probe(url)), Pooler.destination(probe(directUrl))], {
      concurrency: 2
    })
    if (place !== other)
      return yield* refuse(
        `it leads to ${other}, and RDEV_DATABASE_URL to ${place}; write the address of the same database`
      )
    return pooling
  })

/** Asks the database what stands before it, unless the options say so. */
export const choose = (options: PostgresOptions): Effect.Effect<Route, StoreError> =>
  Effect.gen(function* () {
    const misnamed = SchemaName.problemOf(options.schema ?? SchemaName.standard)
    if (misnamed !== null) return yield* misnamed
    const url = textOf(options.url)
    const directUrl = options.directUrl === undefined ? null : textOf(options.directUrl)
    const pooling =
      options.pooling === undefined || options.pooling === "auto" ? yield* Pooler.detect(probe(url)) : options.pooling
    const pool = way(pooling, options, url)
    if (directUrl !== null) {
      const apart = way(yield* checked(url, directUrl), options, directUrl)
      return { pooling, notifications: "direct connection", pool, apart, listener: listenerOf(directUrl) } as const
    }
    return pooling === "transaction"
      ? ({ pooling, notifications: "looks", pool, apart: pool, listener: null } as const)
      : ({
          pooling,
          notifications: "connection",
          pool,
          apart: pool,
          listener: listenerOf(pooling === "session" ? plainUrl(url) : url)
        } as const)
  })
const listenerOf = (url: string) => ({ ...clientConfig(url), query_timeout: connectTimeoutMillis })

/** The same with one connection and no limit on a statement, for migrations. */
export const unlimited = ({ config, manner }: Way): Way => {
  const {
    idle_in_transaction_session_timeout: _idle,
    onConnect: _onConnect,
    query_timeout: _query,
    statement_timeout: _statement,
    ...rest
  } = config
  return { config: { ...rest, max: 1 }, manner: { ...manner, begin: "BEGIN" } }
}

/** For people: what was found and what follows from it. */
export const describe = ({ notifications, pooling }: Pick<Route, "notifications" | "pooling">): string => {
  if (pooling === "direct") return "answers"
  const heard =
    notifications === "looks"
      ? `notifications of other processes cannot be heard through it, so what they did is looked for every ${lookMillis} ms (set RDEV_DATABASE_DIRECT_URL to hear them)`
      : notifications === "direct connection"
        ? "notifications come by RDEV_DATABASE_DIRECT_URL"
        : "notifications come through it"
  return `answers through a pooler in ${pooling} mode; ${heard}`
}
