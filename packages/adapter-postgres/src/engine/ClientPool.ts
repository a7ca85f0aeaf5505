/**
 * pg's pool, with the connection that was used last kept at hand: to get one from the pool takes timers and a turn of the event loop,
 * which is as long as a small statement. What failed is never used again.
 */
import { Effect, type Scope } from "effect"
import { Pool, type PoolClient, type PoolConfig, types } from "pg"
import { breaksConnection } from "../classifyError.ts"

export interface ClientPool {
  /** The connection at hand, if it is free. */
  take(): PoolClient | null
  connect(): Promise<PoolClient>
  /** `cause`: what a statement on it failed with. */
  giveBack(client: PoolClient, cause?: unknown): void
  /** Closes it, also in the middle of a statement. */
  discard(client: PoolClient, cause: unknown): void
}

const int8 = 20
/** int8 as number (all of ours are below 2^53: milliseconds, counters); what does not fit stays a decimal string. */
export const typeParsers: NonNullable<PoolConfig["types"]> = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === int8 && format !== "binary"
      ? (text: string) => {
          const n = Number(text)
          return Number.isSafeInteger(n) ? n : text
        }
      : format === "binary"
        ? types.getTypeParser(oid, "binary")
        : types.getTypeParser(oid, "text")) as typeof types.getTypeParser
}

/** A server that does not answer any more must not keep a process from ending. */
export const farewell = () =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, 2_000).unref()
  })

const discard = (client: PoolClient, cause: unknown) => {
  // Without this a connection whose peer is gone waits for an answer to its farewell.
  const connection: unknown = Reflect.get(client, "connection")
  if (typeof connection === "object" && connection !== null) {
    const stream: unknown = Reflect.get(connection, "stream")
    if (typeof stream === "object" && stream !== null && "destroy" in stream && typeof stream.destroy === "function")
      stream.destroy()
  }
  client.release(cause instanceof Error ? cause : true)
}

const open = (config: PoolConfig) => {
  const pool = new Pool({ types: typeParsers, allowExitOnIdle: false, ...config })
  let atHand: PoolClient | null = null
  // A connection that breaks reports it to whoever waits for its answer; its `error` event says nothing more, and without a listener it
  // would end the process.
  pool.on("error", () => {})
  pool.on("connect", (client) => {
    client.on("error", (cause) => {
      if (client !== atHand) return
      atHand = null
      discard(client, cause)
    })
  })
  const giveBack = (client: PoolClient, cause?: unknown) => {
    if (cause !== undefined && breaksConnection(cause)) discard(client, cause)
    else if (atHand === null && pool.waitingCount === 0 && !pool.ending) atHand = client
    else client.release()
  }
  const take = () => {
    const client = atHand
    atHand = null
    return client
  }
  // Whoever comes before the first connection is there waits for it, and fails with it, rather than opening another.
  let first: Promise<void> | null = pool.connect().then((client) => giveBack(client))
  const opened = () => {
    first = null
  }
  first.then(opened, opened)
  return {
    take,
    connect: async () => {
      if (first !== null) await first
      return take() ?? (await pool.connect())
    },
    giveBack,
    discard,
    close: () => {
      const ended = pool.end()
      take()?.release()
      return Promise.race([ended, farewell()])
    }
  }
}

/** Its first connection is opened at once, beside whatever the caller does meanwhile; closed when the scope ends. */
export const make = (config: PoolConfig): Effect.Effect<ClientPool, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => open(config)),
    (pool) => Effect.promise(pool.close)
  )
