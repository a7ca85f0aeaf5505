/** A Gitea of the test's own, on a port of its own, that can be stopped, killed and started again. Its cleaners look every two seconds. */
import { Effect, Redacted } from "effect"
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"

const cache = join(process.env["RDEV_LAB_CACHE"] ?? join(homedir(), ".cache", "rdev-lab"), "vendors")
const program = join(cache, "bin", "gitea")

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error())
      )
    })
  })
const settings = (root: string, port: number) => `
RUN_MODE = prod
WORK_PATH = ${root}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
DOMAIN = 127.0.0.1
ROOT_URL = http://127.0.0.1:${port}/
STATIC_ROOT_PATH = ${join(cache, "gitea-static")}
APP_DATA_PATH = ${root}/data
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = ${root}/gitea.db
SQLITE_JOURNAL_MODE = WAL
[repository]
ROOT = ${root}/repos
[security]
INSTALL_LOCK = true
PASSWORD_HASH_ALGO = pbkdf2
[queue]
TYPE = channel
[indexer]
ISSUE_INDEXER_TYPE = db
[actions]
ENABLED = true
ZOMBIE_TASK_TIMEOUT = 4s
[cron.stop_zombie_tasks]
ENABLED = true
SCHEDULE = @every 2s
[log]
LEVEL = error
MODE = console
`
const answers = async (url: string): Promise<void> => {
  for (let tries = 0; tries < 600; tries++) {
    const well = await fetch(`${url}/api/v1/version`).then(
      ({ ok }) => ok,
      () => false
    )
    if (well) return
    await new Promise((go) => setTimeout(go, 100))
  }
  throw new Error(`${url} does not answer`)
}

export interface OwnGitea {
  readonly url: string
  readonly token: Redacted.Redacted
  readonly start: () => Promise<void>
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>
  /** Takes a token away, and makes another. */
  readonly newToken: (name: string) => Redacted.Redacted
}

export const make = Effect.gen(function* () {
  const root = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-own-gitea-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 10 }))
  )
  const port = yield* Effect.promise(freePort)
  const [url, config] = [`http://127.0.0.1:${port}`, join(root, "app.ini")]
  const env = { PATH: process.env["PATH"], HOME: join(root, "home"), GITEA_WORK_DIR: root, USER: "root" }
  const command = (...args: ReadonlyArray<string>) =>
    execFileSync(program, ["--config", config, ...args], { env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })
  mkdirSync(join(root, "home"))
  writeFileSync(config, settings(root, port))
  command("migrate")
  command(
    "admin",
    "user",
    "create",
    "--admin",
    "--username",
    "own",
    "--password",
    "own-password-1",
    "--email",
    "own@lab.test",
    "--must-change-password=false"
  )
  const newToken = (name: string) =>
    Redacted.make(
      command(
        "admin",
        "user",
        "generate-access-token",
        "--username",
        "own",
        "--token-name",
        name,
        "--scopes",
        "all",
        "--raw"
      )
        .trim()
        .split("\n")
        .at(-1) ?? ""
    )
  let child: ChildProcess | null = null
  const start = async () => {
    child = spawn(program, ["--config", config, "web"], { env, stdio: "ignore" })
    await answers(url)
  }
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    const running = child
    child = null
    if (running === null || running.exitCode !== null) return
    const over = new Promise((resolve) => running.once("exit", resolve))
    running.kill(signal)
    await over
  }
  yield* Effect.addFinalizer(() => Effect.promise(() => stop("SIGKILL")))
  const token = newToken("first")
  yield* Effect.promise(start)
  return { url, token, start, stop, newToken } satisfies OwnGitea
})
