/**
 * The embedded engine: PGlite in this process, spoken to by the same driver through a stream. It has exactly one connection,
 * which a pool of one hands out in turn. The folder is locked, unpacked from a snapshot when new, and refused with a clear
 * error when it is damaged or of another PostgreSQL.
 */
import type { PGlite } from "@electric-sql/pglite"
import { StoreError, type StoreReason } from "@rdev/core/ports/stores/StoreError"
import { Effect, type Scope } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"
import { Duplex } from "node:stream"
import * as ClientPool from "./ClientPool.ts"
import * as DataFolder from "./DataFolder.ts"
import * as Driver from "./Driver.ts"
import * as EngineCode from "../EngineCode.ts"
import * as Migrations from "../Migrations.ts"
import * as Snapshot from "../Snapshot.ts"
import * as SchemaName from "./SchemaName.ts"
import * as SqlFiles from "../SqlFiles.ts"

/** PostgreSQL's major version inside PGlite 0.5; the first line of a folder's PG_VERSION. */
const major = "18"
/** No planner statistics are gathered on their own here, and plans that JIT or scan whole tables lose most. */
const defaults = "SET jit = off"

/**
 * Pages that the engine caches itself. It zeroes them all at start and they belong to this process, so PostgreSQL's 128 MB would cost
 * a tenth of a second and as much more memory; pages that do not fit are read again from the system's cache.
 */
const sharedBuffers = "32MB"

const fail = (reason: StoreReason, cause?: unknown) => new StoreError({ operation: "Embedded.open", reason, cause })
const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/**
 * The engine answers within the same turn of the event loop, so a fiber that queries without a pause would let no timer, socket or
 * other fiber run. After this long the answer waits for the next turn.
 */
const turnMillis = 2

/** A socket as far as the driver uses one. */
class Wire extends Duplex {
  readonly engine: PGlite
  private turnBegan = performance.now()
  constructor(engine: PGlite) {
    super()
    this.engine = engine
  }
  connect(): this {
    process.nextTick(() => this.emit("connect"))
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  override _read(): void {}
  override _writev(chunks: ReadonlyArray<{ readonly chunk: Buffer }>, done: (error?: Error | null) => void): void {
    this.send(
      chunks.length === 1 && chunks[0] !== undefined ? chunks[0].chunk : Buffer.concat(chunks.map((c) => c.chunk)),
      done
    )
  }
  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.send(chunk, done)
  }
  override _final(done: (error?: Error | null) => void): void {
    this.push(null)
    done()
  }
  private send(message: Buffer, done: (error?: Error | null) => void): void {
    // A farewell (Terminate) would end the engine, not the connection.
    if (message.length === 5 && message[0] === 0x58) return done()
    // After the write itself: an answer may bring the next statement at once, and a stream forgets what is written while it hands over.
    Promise.resolve()
      .then(() =>
        this.engine.execProtocolRawStream(message, {
          onRawData: (data) => {
            this.push(Buffer.from(data))
          }
        })
      )
      .then(
        () => {
          if (performance.now() - this.turnBegan < turnMillis) return done()
          setImmediate(() => {
            this.turnBegan = performance.now()
            done()
          })
        },
        (cause: unknown) => done(cause instanceof Error ? cause : new Error(String(cause)))
      )
  }
}

const engine = (options: {
  readonly dataDir?: string
  readonly loadDataDir?: Blob
}): Effect.Effect<PGlite, StoreError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const code = EngineCode.compile()
        const { PGlite } = await import("@electric-sql/pglite")
        return PGlite.create({
          ...options,
          pgliteWasmModule: await code,
          startParams: [...PGlite.defaultStartParams, "-c", `shared_buffers=${sharedBuffers}`]
        })
      },
      catch: (cause) =>
        options.dataDir === undefined
          ? fail(
              { _tag: "Unavailable", message: `the embedded database could not be started: ${messageOf(cause)}` },
              cause
            )
          : fail(
              {
                _tag: "Corrupt",
                message: `the database in ${options.dataDir} cannot be opened (${messageOf(cause)}). Restore the folder from a backup, or move it away to begin with an empty one.`
              },
              cause
            )
    }),
    (db) => Effect.promise(() => (db.closed ? Promise.resolve() : db.close()))
  )

export interface Engine {
  readonly connections: Driver.Connections
  readonly dump: Effect.Effect<Uint8Array, StoreError>
}

const connect = (db: PGlite): Effect.Effect<Engine, never, Scope.Scope> => {
  const pool = ClientPool.make({
    max: 1,
    idleTimeoutMillis: 0,
    user: "postgres",
    database: "postgres",
    // Long, as a transaction may be ahead; a wait without an end would hide a deadlock with oneself.
    connectionTimeoutMillis: 60_000,
    stream: () => new Wire(db),
    onConnect: async (client) => {
      // The engine keeps its one session when the driver makes a new connection.
      await client.query("ROLLBACK")
      await client.query("DISCARD ALL")
      await client.query(defaults)
    }
  })
  return Effect.map(pool, (clients) => ({
    connections: Driver.over(clients, { ...Driver.sessions, abandons: false }),
    dump: Effect.tryPromise({
      try: async () => new Uint8Array(await (await db.dumpDataDir("none")).arrayBuffer()),
      catch: (cause) =>
        fail({ _tag: "Unavailable", message: `the database cannot be dumped: ${messageOf(cause)}` }, cause)
    })
  }))
}

/** A migrated, empty database as a tar; takes some seconds. */
export const build = (files: SqlFiles.SqlFiles): Effect.Effect<Uint8Array, StoreError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const made = yield* Effect.flatMap(engine({}), connect)
      yield* Migrations.run(made.connections, Effect.succeed(made.connections), files, SchemaName.standard)
      yield* made.connections.query("VACUUM (FREEZE, ANALYZE)")
      yield* made.connections.query("CHECKPOINT")
      return yield* made.dump
    })
  )

const checkVersion = (database: string): StoreError | null => {
  const file = path.join(database, "PG_VERSION")
  const version = fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim() : null
  if (version === major) return null
  return fail({
    _tag: "Corrupt",
    message:
      version === null
        ? `${database} is not a database folder any more (PG_VERSION is missing). Restore the folder from a backup, or move it away to begin with an empty one.`
        : `${database} was written by PostgreSQL ${version}, this version of rdev carries PostgreSQL ${major}: ${Number(version) > Number(major) ? "start the newer version of rdev" : "export the data with the version that wrote it"}.`
  })
}

/** Opens (and when new creates) the database of a data folder, or a throw-away one in memory, up to date. */
export const open = (
  where: { readonly dataDir: string } | { readonly memory: true }
): Effect.Effect<Engine, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const files = yield* SqlFiles.load
    const snapshot = Snapshot.load(files, build(files))
    if ("memory" in where) {
      const tar = yield* snapshot
      return yield* Effect.flatMap(engine({ loadDataDir: new Blob([new Uint8Array(tar)]) }), connect)
    }
    const folder = path.resolve(where.dataDir)
    yield* DataFolder.lock(folder)
    const database = path.join(folder, "database")
    const isNew = !fs.existsSync(database)
    if (isNew) yield* Effect.flatMap(snapshot, (tar) => Snapshot.extract(tar, database))
    const problem = checkVersion(database)
    if (problem !== null) return yield* problem
    const opened = yield* Effect.flatMap(engine({ dataDir: database }), connect)
    if (!isNew)
      yield* Migrations.run(opened.connections, Effect.succeed(opened.connections), files, SchemaName.standard)
    return opened
  })
