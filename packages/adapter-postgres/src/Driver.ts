/**
 * The only file that imports pg (besides types): a bounded pool whose plain queries may be interrupted at any time, and
 * transactions carried in the fiber's context, so that stores join one without being handed a client.
 *
 * Promises: a connection that failed is never used again; an interrupted query gives its connection back when it ends;
 * after an interrupted or failed transaction nothing of it remains; COMMIT of a transaction in which a failed statement
 * was ignored fails instead of silently writing nothing.
 */
import { StoreError } from "@rdev/core/ports/StoreError"
import { Context, Effect, type Scope } from "effect"
import { type ClientBase, escapeIdentifier, Pool, type PoolClient, type PoolConfig, types } from "pg"
import { breaksConnection, classifyError } from "./classifyError.ts"

export { Client, escapeIdentifier, escapeLiteral } from "pg"
export type { ClientConfig } from "pg"

export type Row = Record<string, unknown>
export interface QueryOptions {
  /** Parse and plan once per connection. Only for a fixed set of texts: each text stays named for the connection's life. */
  readonly prepare?: boolean
}
export interface Connections {
  query<R extends object = Row>(sql: string, params?: ReadonlyArray<unknown>, options?: QueryOptions): Effect.Effect<ReadonlyArray<R>, StoreError>
  transact<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | StoreError, R>
  /** Runs when the surrounding transaction has committed and never if it did not; at once outside of one. Must be short and not query. */
  afterCommit(effect: Effect.Effect<void>): Effect.Effect<void>
  /** Whether the fiber is inside a transaction of this pool. */
  readonly inTransaction: Effect.Effect<boolean>
}

interface Transaction {
  readonly owner: object
  readonly client: PoolClient
  readonly hooks: Array<Effect.Effect<void>>
  open: boolean
  /** Ends with the statement sent last: fibers of one transaction take turns, as the driver no longer queues for them. */
  last: Promise<unknown>
  /** Statements sent and not answered. */
  pending: number
}
const Current = Context.Reference<Transaction | null>("rdev/adapter-postgres/Transaction", { defaultValue: () => null })

const int8 = 20
/** int8 as number (all of ours are below 2^53: milliseconds, counters); what does not fit stays a decimal string. */
export const typeParsers: NonNullable<PoolConfig["types"]> = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === int8 && format !== "binary"
      ? (text: string) => { const n = Number(text); return Number.isSafeInteger(n) ? n : text }
      : format === "binary" ? types.getTypeParser(oid, "binary") : types.getTypeParser(oid, "text")) as typeof types.getTypeParser
}

const statementNames = new Map<string, string>()
const statementName = (sql: string): string => {
  let name = statementNames.get(sql)
  if (name === undefined) statementNames.set(sql, name = `s${statementNames.size + 1}`)
  return name
}
const send = (client: PoolClient, sql: string, params?: ReadonlyArray<unknown>, options?: QueryOptions) =>
  params === undefined && options?.prepare !== true
    ? client.query(sql)
    : client.query({ text: sql, values: (params ?? []).slice(), ...(options?.prepare === true ? { name: statementName(sql) } : undefined) })

const discard = (client: PoolClient, cause: unknown) => {
  // Without this a connection whose peer is gone waits for an answer to its farewell.
  const connection: unknown = Reflect.get(client, "connection")
  if (typeof connection === "object" && connection !== null) {
    const stream: unknown = Reflect.get(connection, "stream")
    if (typeof stream === "object" && stream !== null && "destroy" in stream && typeof stream.destroy === "function") stream.destroy()
  }
  client.release(cause instanceof Error ? cause : true)
}
const giveBack = (client: PoolClient, cause?: unknown) =>
  cause !== undefined && breaksConnection(cause) ? discard(client, cause) : client.release()

/**
 * A connection that breaks, idle or in use, reports it to whoever waits for its answer and is dropped by the pool; its `error`
 * event says nothing more, and without a listener it would end the process.
 */
export const survive = (pool: Pool): void => {
  pool.on("error", () => {})
  pool.on("connect", (client) => { client.on("error", () => {}) })
}

/** A server that does not answer any more must not keep a process from ending. */
export const farewell = () => new Promise<void>((resolve) => { setTimeout(resolve, 2_000).unref() })

const makePool = (config: PoolConfig): Effect.Effect<Pool, never, Scope.Scope> => Effect.acquireRelease(
  Effect.sync(() => {
    const pool = new Pool({ types: typeParsers, allowExitOnIdle: false, ...config })
    survive(pool)
    return pool
  }),
  (pool) => Effect.promise(() => Promise.race([pool.end(), farewell()]))
)

/** The first connection of a pool, opened at once. Whoever comes before it is there waits for it, and fails with it, rather than opening another. */
const opening = (pool: Pool): () => Promise<PoolClient> => {
  let first: Promise<void> | null = pool.connect().then((client) => client.release())
  const over = () => { first = null }
  first.then(over, over)
  return async () => {
    if (first !== null) await first
    return pool.connect()
  }
}

/** A pool of its own, closed when the scope ends. Its first connection is opened beside whatever the caller does meanwhile. */
export const make = (config: PoolConfig): Effect.Effect<Connections, never, Scope.Scope> =>
  Effect.map(makePool(config), (pool) => over({ connect: opening(pool), owner: pool, abandons: true }))

/** Statements on one connection, which also hears notifications: whoever was woken by one goes on where it arrived. */
export interface Session extends Connections {
  /**
   * Calls `heard` with each notification of the channel, until the scope ends; with null when some may have been missed, as the
   * connection was opened again. It must not fail.
   */
  hear(channel: string, heard: (payload: string | null) => void): Effect.Effect<void, StoreError, Scope.Scope>
}
type Hearer = Parameters<Session["hear"]>[1]

/** Callbacks by channel. */
export const hearers = () => {
  const channels = new Map<string, Set<Hearer>>()
  return {
    names: () => channels.keys(),
    tell: (channel: string, payload: string | null) => { for (const heard of channels.get(channel) ?? []) heard(payload) },
    /** Until the scope ends. The channel stays known: to stop listening would be a statement for nobody. */
    add: (channel: string, heard: Hearer): Effect.Effect<void, never, Scope.Scope> => Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => {
        const all = channels.get(channel)
        if (all === undefined) channels.set(channel, new Set([heard]))
        else all.add(heard)
      }),
      () => Effect.sync(() => { channels.get(channel)?.delete(heard) })
    ))
  }
}

export const session = (config: PoolConfig): Effect.Effect<Session, never, Scope.Scope> => {
  const { add, names, tell } = hearers()
  const listenSql = (channel: string) => `LISTEN ${escapeIdentifier(channel)}`
  const onConnect = async (client: ClientBase) => {
    client.on("notification", ({ channel, payload }) => tell(channel, payload ?? ""))
    const channels = [...names()]
    if (channels.length === 0) return
    await client.query(channels.map(listenSql).join("; "))
    for (const channel of channels) tell(channel, null)
  }
  return Effect.map(makePool({ ...config, max: 1, idleTimeoutMillis: 0, onConnect }), (pool): Session => {
    const connections = over({ connect: opening(pool), owner: pool, abandons: true })
    return {
      ...connections,
      hear: (channel, heard) => Effect.andThen(connections.query(listenSql(channel)), add(channel, heard))
    }
  })
}

interface Source {
  connect(): Promise<PoolClient>
  /** Whose transactions are joined. */
  readonly owner: object
  /**
   * Whoever stops waiting for an answer gives the connection up with it: behind a network that swallows everything, waiting for silent
   * connections would use the pool up. The embedded engine always answers.
   */
  readonly abandons: boolean
}

/** The verbs over connections. */
export const over = ({ abandons, connect, owner }: Source): Connections => {
  const plain = <R extends object>(sql: string, params?: ReadonlyArray<unknown>, options?: QueryOptions) =>
    Effect.callback<ReadonlyArray<R>, StoreError>((resume) => {
      let gone = false
      let waiting: PoolClient | null = null
      const run = async () => {
        const client = await connect()
        if (gone) return giveBack(client)
        waiting = client
        try {
          const result = await send(client, sql, params, options)
          if (waiting !== null) giveBack(client)
          resume(Effect.succeed(result.rows as ReadonlyArray<R>))
        } catch (cause) {
          if (waiting !== null) giveBack(client, cause)
          throw cause
        } finally {
          waiting = null
        }
      }
      run().catch((cause: unknown) => resume(Effect.fail(classifyError("Database.query", cause))))
      return Effect.sync(() => {
        gone = true
        if (!abandons || waiting === null) return
        const client = waiting
        waiting = null
        discard(client, true)
      })
    })

  const inside = <R extends object>(tx: Transaction, sql: string, params?: ReadonlyArray<unknown>, options?: QueryOptions) =>
    Effect.map(
      attempt("Database.query", () => inTurn(tx, () => tx.open ? send(tx.client, sql, params, options) : Promise.reject(ended))),
      (result) => result.rows as ReadonlyArray<R>
    )

  /** Goes on with the fiber's transaction on this pool. One step, as it comes before every statement. */
  const withMine = <A, E, R>(next: (tx: Transaction | null) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => Effect.withFiber<A, E, R>((fiber) => {
    const tx = Context.get(fiber.context, Current)
    return next(tx !== null && tx.owner === owner ? tx : null)
  })

  return {
    query: (sql, params, options) => withMine((tx) => tx === null ? plain(sql, params, options) : inside(tx, sql, params, options)),
    inTransaction: withMine((tx) => Effect.succeed(tx !== null && tx.open)),
    afterCommit: (effect) => withMine((tx) => tx === null || !tx.open ? effect : Effect.sync(() => { tx.hooks.push(effect) })),
    transact: (effect) => withMine((outer) => outer !== null ? (outer.open ? effect : Effect.fail(ended)) : begin(owner, connect, effect, abandons))
  }
}

const ended = new StoreError({ operation: "Database.transact", reason: { _tag: "Conflict", message: "the transaction has ended: a fiber started in it outlived it" } })

const inTurn = <A>(tx: Transaction, run: () => Promise<A>): Promise<A> => {
  tx.pending += 1
  const result = tx.last.then(run).finally(() => { tx.pending -= 1 })
  tx.last = result.catch(() => undefined)
  return result
}

const attempt = <A>(operation: string, run: () => Promise<A>): Effect.Effect<A, StoreError> =>
  Effect.tryPromise({ try: run, catch: (cause) => classifyError(operation, cause) })

/** One connection held by a transaction, given back exactly once. */
interface Lease { client: PoolClient | null; over: boolean }
const settle = (lease: Lease, cause?: unknown) => {
  const { client } = lease
  lease.over = true
  lease.client = null
  if (client !== null) giveBack(client, cause)
}

/** Waiting for a connection can be interrupted; one that arrives afterwards goes back. */
const acquire = (lease: Lease, connect: () => Promise<PoolClient>) =>
  Effect.callback<PoolClient, StoreError>((resume) => {
    connect().then(
      (client) => {
        if (lease.over) return giveBack(client)
        lease.client = client
        resume(Effect.succeed(client))
      },
      (cause: unknown) => resume(Effect.fail(classifyError("Database.transact", cause)))
    )
  })

const begin = <A, E, R>(owner: object, connect: () => Promise<PoolClient>, effect: Effect.Effect<A, E, R>, abandons: boolean): Effect.Effect<A, E | StoreError, R> =>
  Effect.uninterruptibleMask((restore) => Effect.suspend(() => {
    const lease: Lease = { client: null, over: false }
    return Effect.gen(function*() {
      const client = yield* restore(acquire(lease, connect))
      const tx: Transaction = { owner, client, hooks: [], open: true, last: Promise.resolve(), pending: 0 }
      const exit = yield* Effect.exit(restore(Effect.andThen(
        attempt("Database.transact", () => inTurn(tx, () => client.query("BEGIN"))),
        Effect.provideService(effect, Current, tx)
      )))
      tx.open = false
      if (exit._tag === "Failure" && abandons && tx.pending > 0) {
        // Interrupted in the middle of a statement: the server rolls back when the connection is gone.
        lease.client = null
        discard(client, true)
        return yield* exit
      }
      if (exit._tag === "Failure") {
        yield* finish(lease, tx, "ROLLBACK").pipe(Effect.ignore)
        return yield* exit
      }
      yield* finish(lease, tx, "COMMIT")
      // Before the connection is given back, so that hooks of a one-connection pool run in the order of their commits.
      for (const hook of tx.hooks) yield* hook
      return exit.value
    }).pipe(Effect.ensuring(Effect.sync(() => settle(lease))))
  }))

/** Ends the transaction; when that fails the connection is dropped, and with it whatever was open. */
const finish = (lease: Lease, tx: Transaction, verb: "COMMIT" | "ROLLBACK") =>
  Effect.tryPromise({
    try: () => inTurn(tx, () => tx.client.query(verb)),
    catch: (cause) => {
      lease.client = null
      discard(tx.client, cause)
      return classifyError("Database.transact", cause)
    }
  }).pipe(Effect.flatMap((result) =>
    result.command === verb ? Effect.void : Effect.fail(new StoreError({
      operation: "Database.transact",
      reason: { _tag: "Conflict", message: "a statement of the transaction failed and its error was ignored: everything was rolled back" }
    }))
  ))
