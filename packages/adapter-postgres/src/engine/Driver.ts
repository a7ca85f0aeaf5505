/**
 * Statements and transactions over pg: plain queries may be interrupted at any time, and a transaction is carried in the fiber's
 * context, so that stores join one without being handed a client. pg itself is imported here and in ClientPool alone (besides types).
 *
 * Promises: a connection that failed is never used again; an interrupted query gives its connection back when it ends;
 * after an interrupted or failed transaction nothing of it remains; COMMIT of a transaction in which a failed statement
 * was ignored fails instead of silently writing nothing.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Context, Effect, Exit, type Scope } from "effect"
import { type PoolClient, type PoolConfig, Query } from "pg"
import { classifyError } from "../classifyError.ts"
import * as ClientPool from "./ClientPool.ts"

export { Client, escapeIdentifier, escapeLiteral } from "pg"
export type { ClientConfig } from "pg"

export type Row = Record<string, unknown>
export interface QueryOptions {
  /** Parse and plan once per connection. Only for a fixed set of texts: each text stays named for the connection's life. */
  readonly prepare?: boolean
}
export interface Connections {
  query<R extends object = Row>(
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: QueryOptions
  ): Effect.Effect<ReadonlyArray<R>, StoreError>
  /**
   * A statement outside of every transaction, for a caller to whom each step of the program counts. `done` is called once with its end,
   * and not at all after what this returns was called, which gives the answer up.
   */
  start<R extends object = Row>(
    sql: string,
    params: ReadonlyArray<unknown> | undefined,
    options: QueryOptions | undefined,
    done: (exit: Exit.Exit<ReadonlyArray<R>, StoreError>) => void
  ): () => void
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

const statementNames = new Map<string, string>()
const statementName = (sql: string): string => {
  let name = statementNames.get(sql)
  if (name === undefined) statementNames.set(sql, (name = `s${statementNames.size + 1}`))
  return name
}
/** What the connections of a pool are like. */
export interface Manner {
  /**
   * Whoever stops waiting for an answer gives the connection up with it: behind a network that swallows everything, waiting for silent
   * connections would use the pool up. The embedded engine always answers.
   */
  readonly abandons: boolean
  /** A prepared statement is found again by its name. Not so where a pooler gives each transaction another connection. */
  readonly named: boolean
  /** What opens a transaction; settings may follow, for where a session keeps none. */
  readonly begin: string
  /** Statements as they are sent: those of another schema than `rdev` are rewritten. */
  readonly text: (sql: string) => string
}
/** A connection is a session of the server's. */
export const sessions: Manner = { abandons: true, named: true, begin: "BEGIN", text: (sql) => sql }

type Done = (error: Error | null, rows: ReadonlyArray<object>) => void
const send = (
  client: PoolClient,
  { named, text }: Manner,
  statement: string,
  params: ReadonlyArray<unknown> | undefined,
  options: QueryOptions | undefined,
  done: Done
): void => {
  const sql = text(statement)
  const answered = (error: Error | null | undefined, result?: { readonly rows: ReadonlyArray<object> }): void =>
    done(error ?? null, result?.rows ?? [])
  if (params === undefined && options?.prepare !== true) {
    client.query(sql, answered)
    return
  }
  // Its name is set here: from an object with a name the driver first makes another with its property descriptors, 30 µs of a small statement.
  const query: Query & { name?: string } = new Query(sql, (params ?? []).slice(), answered)
  if (named && options?.prepare === true) query.name = statementName(sql)
  client.query(query)
}

const answer = (
  client: PoolClient,
  manner: Manner,
  sql: string,
  params?: ReadonlyArray<unknown>,
  options?: QueryOptions
) =>
  new Promise<ReadonlyArray<object>>((resolve, reject) => {
    send(client, manner, sql, params, options, (error, rows) => (error === null ? resolve(rows) : reject(error)))
  })

/** A pool of its own, closed when the scope ends. Its first connection is opened beside whatever the caller does meanwhile. */
export const make = (config: PoolConfig, manner: Manner = sessions): Effect.Effect<Connections, never, Scope.Scope> =>
  Effect.map(ClientPool.make(config), (pool) => over(pool, manner))

/** The verbs over a pool. */
export const over = (pool: ClientPool.ClientPool, manner: Manner): Connections => {
  const { abandons } = manner
  const start: Connections["start"] = <R extends object>(
    sql: string,
    params: ReadonlyArray<unknown> | undefined,
    options: QueryOptions | undefined,
    done: (exit: Exit.Exit<ReadonlyArray<R>, StoreError>) => void
  ) => {
    let gone = false
    let waiting: PoolClient | null = null
    const fail = (cause: unknown) => {
      if (!gone) done(Exit.fail(classifyError("Database.query", cause)))
    }
    const use = (client: PoolClient) => {
      waiting = client
      send(client, manner, sql, params, options, (error, rows) => {
        if (waiting !== null) pool.giveBack(client, error ?? undefined)
        waiting = null
        if (error !== null) fail(error)
        else if (!gone) done(Exit.succeed(rows as ReadonlyArray<R>))
      })
    }
    const atHand = pool.take()
    if (atHand !== null) use(atHand)
    else pool.connect().then((client) => (gone ? pool.giveBack(client) : use(client)), fail)
    return () => {
      gone = true
      if (!abandons || waiting === null) return
      const client = waiting
      waiting = null
      pool.discard(client, true)
    }
  }
  const plain = <R extends object>(sql: string, params?: ReadonlyArray<unknown>, options?: QueryOptions) =>
    Effect.callback<ReadonlyArray<R>, StoreError>((resume) => Effect.sync(start<R>(sql, params, options, resume)))

  const inside = <R extends object>(
    tx: Transaction,
    sql: string,
    params?: ReadonlyArray<unknown>,
    options?: QueryOptions
  ) =>
    Effect.map(
      attempt("Database.query", () =>
        inTurn(tx, () => (tx.open ? answer(tx.client, manner, sql, params, options) : Promise.reject(ended)))
      ),
      (rows) => rows as ReadonlyArray<R>
    )

  /** Goes on with the fiber's transaction on this pool. One step, as it comes before every statement. */
  const withMine = <A, E, R>(next: (tx: Transaction | null) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber<A, E, R>((fiber) => {
      const tx = Context.get(fiber.context, Current)
      return next(tx !== null && tx.owner === pool ? tx : null)
    })

  return {
    query: (sql, params, options) =>
      withMine((tx) => (tx === null ? plain(sql, params, options) : inside(tx, sql, params, options))),
    start,
    inTransaction: withMine((tx) => Effect.succeed(tx !== null && tx.open)),
    afterCommit: (effect) =>
      withMine((tx) =>
        tx === null || !tx.open
          ? effect
          : Effect.sync(() => {
              tx.hooks.push(effect)
            })
      ),
    transact: (effect) =>
      withMine((outer) => (outer !== null ? (outer.open ? effect : Effect.fail(ended)) : begin(pool, effect, manner)))
  }
}

const ended = new StoreError({
  operation: "Database.transact",
  reason: { _tag: "Conflict", message: "the transaction has ended: a fiber started in it outlived it" }
})

const inTurn = <A>(tx: Transaction, run: () => Promise<A>): Promise<A> => {
  tx.pending += 1
  const result = tx.last.then(run).finally(() => {
    tx.pending -= 1
  })
  tx.last = result.catch(() => undefined)
  return result
}

const attempt = <A>(operation: string, run: () => Promise<A>): Effect.Effect<A, StoreError> =>
  Effect.tryPromise({ try: run, catch: (cause) => classifyError(operation, cause) })

/** One connection held by a transaction, given back exactly once. */
interface Lease {
  readonly pool: ClientPool.ClientPool
  client: PoolClient | null
  over: boolean
}
const settle = (lease: Lease) => {
  const { client } = lease
  lease.over = true
  lease.client = null
  if (client !== null) lease.pool.giveBack(client)
}
/** It is not used again. */
const drop = (lease: Lease, cause: unknown) => {
  const { client } = lease
  lease.client = null
  if (client !== null) lease.pool.discard(client, cause)
}

/** Waiting for a connection can be interrupted; one that arrives afterwards goes back. */
const acquire = (lease: Lease) =>
  Effect.callback<PoolClient, StoreError>((resume) => {
    lease.pool.connect().then(
      (client) => {
        if (lease.over) return lease.pool.giveBack(client)
        lease.client = client
        resume(Effect.succeed(client))
      },
      (cause: unknown) => resume(Effect.fail(classifyError("Database.transact", cause)))
    )
  })

const begin = <A, E, R>(
  pool: ClientPool.ClientPool,
  effect: Effect.Effect<A, E, R>,
  manner: Manner
): Effect.Effect<A, E | StoreError, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      const lease: Lease = { pool, client: null, over: false }
      return Effect.gen(function* () {
        const client = yield* restore(acquire(lease))
        const tx: Transaction = { owner: pool, client, hooks: [], open: true, last: Promise.resolve(), pending: 0 }
        const exit = yield* Effect.exit(
          restore(
            Effect.andThen(
              attempt("Database.transact", () => inTurn(tx, () => client.query(manner.begin))),
              Effect.provideService(effect, Current, tx)
            )
          )
        )
        tx.open = false
        if (exit._tag === "Failure" && manner.abandons && tx.pending > 0) {
          // Interrupted in the middle of a statement: the server rolls back when the connection is gone.
          drop(lease, true)
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
    })
  )

/** Ends the transaction; when that fails the connection is dropped, and with it whatever was open. */
const finish = (lease: Lease, tx: Transaction, verb: "COMMIT" | "ROLLBACK") =>
  Effect.tryPromise({
    try: () => inTurn(tx, () => tx.client.query(verb)),
    catch: (cause) => {
      drop(lease, cause)
      return classifyError("Database.transact", cause)
    }
  }).pipe(
    Effect.flatMap((result) =>
      result.command === verb
        ? Effect.void
        : Effect.fail(
            new StoreError({
              operation: "Database.transact",
              reason: {
                _tag: "Conflict",
                message: "a statement of the transaction failed and its error was ignored: everything was rolled back"
              }
            })
          )
    )
  )
