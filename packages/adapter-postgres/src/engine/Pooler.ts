/**
 * What stands between this process and PostgreSQL: nothing, a pooler that gives a client one connection for as long as it stays
 * (`session`), or one that gives each transaction another (`transaction`). Asked at start, as what a session keeps (prepared
 * statements, LISTEN, settings) works in the first two only and fails later, and elsewhere, in the third.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect } from "effect"
import { classifyError } from "../classifyError.ts"
import { farewell } from "./ClientPool.ts"
import { Client, type ClientConfig } from "./Driver.ts"

export type Pooling = "direct" | "session" | "transaction"

/** How often the second client looks whether it is given a connection of the first one. Others may take it in between, but not each time. */
const rounds = 25

const refuse = (message: string, cause?: unknown) =>
  new StoreError({
    operation: "Database.connect",
    reason: { _tag: "Invalid", field: "RDEV_DATABASE_URL", message },
    cause
  })
const starved = (cause: unknown) =>
  new StoreError({
    operation: "Database.connect",
    reason: {
      _tag: "Unavailable",
      message:
        "the pooler gave this process no second connection in time: raise its pool (PgBouncer: default_pool_size) to what RDEV_DATABASE_MAX_CONNECTIONS asks for and two more, per process"
    },
    cause
  })
const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const connected = async <A>(config: ClientConfig, use: (client: Client) => Promise<A>): Promise<A> => {
  const client = new Client(config)
  client.on("error", () => {})
  try {
    await client.connect()
    return await use(client)
  } finally {
    await Promise.race([client.end().catch(() => undefined), farewell()])
  }
}

/** The server's process that answers. */
const backendOf = async (client: Client): Promise<number> =>
  Number((await client.query<{ readonly pid: number }>("SELECT pg_backend_pid() AS pid")).rows[0]?.pid)
/** The process that the greeting named: a pooler names none of the server's, as it may give another with each statement. */
const greeted = (client: Client): unknown => Reflect.get(client, "processID")

/** Two clients of a pooler: only where connections are shared is the second given the one that the first has just used. */
const shared = (config: ClientConfig, first: Client, seen: ReadonlySet<number>) =>
  connected(config, async (second) => {
    for (let round = 0; round < rounds; round++) {
      try {
        await second.query("BEGIN")
      } catch (cause) {
        if (/statement pooling/i.test(messageOf(cause)))
          throw refuse(
            "the pooler is in statement mode, which allows no transactions: set pool_mode = transaction (or session) for this database",
            cause
          )
        throw messageOf(cause) === "Query read timeout" ? starved(cause) : cause
      }
      const other = await backendOf(second)
      await second.query("COMMIT")
      if (seen.has(other) || !seen.has(await backendOf(first))) return true
    }
    return false
  })

/** `config`: without settings at the start of a session, which a pooler refuses. Uses two connections for a moment, one without a pooler. */
export const detect = (config: ClientConfig): Effect.Effect<Pooling, StoreError> =>
  Effect.tryPromise({
    try: () =>
      connected(config, async (first): Promise<Pooling> => {
        const backend = await backendOf(first)
        if (greeted(first) === backend) return "direct"
        return (await shared(config, first, new Set([backend]))) ? "transaction" : "session"
      }),
    catch: (cause) => classifyError("Database.connect", cause)
  })

/** The server and database that a URL leads to, to see whether another leads to the same. */
export const destination = (config: ClientConfig): Effect.Effect<string, StoreError> =>
  Effect.tryPromise({
    try: () =>
      connected(config, async (client) => {
        const found = await client.query<{ readonly place: string }>(
          "SELECT current_database() || ' of the server started ' || pg_postmaster_start_time() AS place"
        )
        return found.rows[0]?.place ?? ""
      }),
    catch: (cause) => classifyError("Database.connect", cause)
  })
