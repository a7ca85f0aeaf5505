/**
 * A real PgBouncer before a test's PostgreSQL, where one is installed: on a free port of 127.0.0.1, ended with the scope. Root gives it
 * another uid, as it refuses to run as root.
 */
import { Effect, Schedule, type Scope } from "effect"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as TestPostgres from "./TestPostgres.ts"

const program = [...(process.env["PATH"] ?? "").split(path.delimiter), "/usr/sbin"]
  .map((folder) => path.join(folder, "pgbouncer"))
  .find((file) => fs.existsSync(file))
/** Why there is none; null where there is one. */
export const missing: string | null =
  program === undefined
    ? "no PgBouncer is installed (apt-get install pgbouncer): nothing behind a pooler is tested"
    : null

export interface PgBouncer {
  /** The same database through the pooler. */
  readonly through: (url: string) => string
  readonly port: number
  /** Without a word to its clients. */
  readonly stop: Effect.Effect<void>
  readonly start: Effect.Effect<void>
}
export interface Options {
  readonly mode: "session" | "transaction" | "statement"
  /** Further settings, e.g. `{ default_pool_size: "1" }`. */
  readonly settings?: Readonly<Record<string, string>>
}

const answers = (port: number) =>
  Effect.callback<void, string>((resume) => {
    const socket = net.connect(port, "127.0.0.1")
    socket.once("connect", () => {
      socket.destroy()
      resume(Effect.void)
    })
    socket.once("error", (cause) => resume(Effect.fail(cause.message)))
  })

const begin = async (server: TestPostgres.TestServer, { mode, settings }: Options) => {
  if (program === undefined) throw new Error(missing ?? "no PgBouncer")
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "rdev-pgbouncer-"))
  const port = await TestPostgres.freePort()
  const { password, username } = new URL(server.adminUrl)
  const users = path.join(folder, "users")
  fs.writeFileSync(users, `"${username}" "${decodeURIComponent(password)}"\n`)
  const all = {
    listen_addr: "127.0.0.1",
    listen_port: String(port),
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: users,
    auth_user: username,
    pool_mode: mode,
    default_pool_size: "20",
    max_client_conn: "200",
    ...settings
  }
  const file = path.join(folder, "pgbouncer.ini")
  fs.writeFileSync(
    file,
    `[databases]\n* = host=127.0.0.1 port=${server.port}\n[pgbouncer]\n${Object.entries(all)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join("")}`
  )
  const as = TestPostgres.unprivileged()
  if (as !== undefined) for (const one of [folder, users, file]) fs.chownSync(one, as.uid, as.gid)
  const state: { stop: () => Promise<void> } = { stop: () => Promise.resolve() }
  const start = async () => {
    const { dismiss, server: child } = TestPostgres.launch(folder, [program, file], {
      cwd: folder,
      env: { PATH: process.env["PATH"] ?? "" },
      ...as
    })
    const ended = new Promise<void>((resolve) =>
      child.once("exit", () => {
        dismiss()
        resolve()
      })
    )
    state.stop = async () => {
      state.stop = () => Promise.resolve()
      child.kill("SIGKILL")
      await ended
    }
    const early = ended.then(() => {
      throw new Error(
        `PgBouncer ended while starting: ${fs.readFileSync(path.join(folder, "log"), "utf8").slice(-2_000)}`
      )
    })
    early.catch(() => undefined)
    await Promise.race([
      Effect.runPromise(
        Effect.retry(answers(port), Schedule.spaced("20 millis").pipe(Schedule.upTo({ duration: "10 seconds" })))
      ),
      early
    ])
  }
  await start()
  return { folder, port, start, state }
}

export const make = (server: TestPostgres.TestServer, options: Options): Effect.Effect<PgBouncer, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => begin(server, options)),
    (pooler) =>
      Effect.promise(async () => {
        await pooler.state.stop()
        fs.rmSync(pooler.folder, { recursive: true, force: true })
      })
  ).pipe(
    Effect.map((pooler): PgBouncer => ({
      port: pooler.port,
      through: (url) => {
        const there = new URL(url)
        there.port = String(pooler.port)
        return there.href
      },
      stop: Effect.promise(() => pooler.state.stop()),
      start: Effect.promise(() => pooler.start())
    }))
  )
