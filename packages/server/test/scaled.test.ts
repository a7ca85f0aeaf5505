/** Two servers over one PostgreSQL: what one writes the other shows, follows live, and honours. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as TestPostgres from "@rdev/adapter-postgres/testing/TestPostgres"
import * as EventStream from "@rdev/api/EventStream"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { randomBytes } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Server from "../src/Server.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"

const scope = Scope.makeUnsafe()
const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), "rdev-scaled-")))
const secrets = { RDEV_KEY_PEPPER: randomBytes(32).toString("hex"), RDEV_KEK: randomBytes(32).toString("base64") }
const before = { ...process.env }
let servers: ReadonlyArray<Server.Running>
let key: string

beforeAll(async () => {
  Object.assign(process.env, secrets)
  const start = Effect.gen(function* () {
    const postgres = yield* TestPostgres.make()
    const url = yield* postgres.createDatabase
    const server = (dataDir: string, capacity: string) =>
      Effect.flatMap(
        fromEnvironment({
          RDEV_PORT: "0",
          RDEV_DATA_DIR: dataDir,
          RDEV_DATABASE_URL: url,
          RDEV_UNSAFE_HOST: "true",
          RDEV_DRAIN_SECONDS: "1",
          RDEV_WORKER_CAPACITY: capacity
        }),
        Server.start
      )
    // Repositories are on one machine's disk: only the first server works on them.
    return [yield* server(folders[0] ?? "", "2"), yield* server(folders[1] ?? "", "0")]
  })
  servers = await Effect.runPromise(Scope.provide(start, scope))
  key = readFileSync(join(folders[0] ?? "", "admin.key"), "utf8").trim()
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  for (const name of Object.keys(secrets)) {
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  }
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const call = async (
  server: number,
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly key?: string } = {}
) => {
  const response = await fetch(`${servers[server]?.url ?? ""}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${options.key ?? key}`,
      prefer: "wait=30",
      ...(options.body === undefined ? {} : { "content-type": "application/json" })
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) })
  })
  const text = await response.text()
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> }
}
const until = async (done: () => Promise<boolean>, seconds: number) => {
  const deadline = Date.now() + seconds * 1000
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`not within ${seconds} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

describe("two servers over one database", () => {
  it("make one admin key, and are ready", async () => {
    assert.isNotNull(servers[0]?.newKey)
    assert.isNull(servers[1]?.newKey)
    for (const server of [0, 1])
      assert.deepInclude((await call(server, "GET", "/readyz")).body, { status: "ok", mode: "scaled" })
  })

  it("show and follow what was written through the other", async () => {
    // Asked of the server without workers: the other one provisions.
    const made = await call(1, "POST", "/projects", { body: { name: "shared" } })
    assert.strictEqual((made.body["project"] as Record<string, unknown>)["status"], "ready")
    const following = Effect.runFork(
      EventStream.follow({ url: servers[1]?.url ?? "", key, path: "/projects/shared/events?types=complete" }).pipe(
        Stream.filter((event) => event.type === "complete"),
        Stream.runHead
      )
    )
    const run = await call(0, "POST", "/projects/shared/workspace/execs", { body: { command: ["echo", "hello"] } })
    assert.strictEqual(run.status, 201)
    const ended = await Effect.runPromise(Fiber.join(following))
    assert.deepInclude(ended._tag === "Some" ? ended.value : {}, {
      type: "complete",
      exit_code: 0,
      exec_id: run.body["id"]
    })
  }, 60_000)

  it("refuse a key within five seconds of its revocation elsewhere", async () => {
    const made = await call(0, "POST", "/keys", { body: { name: "short", scopes: ["projects:read"] } })
    const short = String(made.body["key"])
    assert.strictEqual((await call(1, "GET", "/projects", { key: short })).status, 200)
    assert.strictEqual(
      (await call(0, "DELETE", `/keys/${String((made.body["record"] as Record<string, unknown>)["id"])}`)).status,
      204
    )
    await until(async () => (await call(1, "GET", "/projects", { key: short })).status === 401, 5)
  })
})
