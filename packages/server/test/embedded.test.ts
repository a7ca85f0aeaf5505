/** The server as it is installed on one machine: embedded database, real git, real processes, a data folder of its own. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { get } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Server from "../src/Server.ts"
import { fromEnvironment, type StartError } from "../src/ServerConfig.ts"

const dataDir = mkdtempSync(join(tmpdir(), "rdev-server-"))
const environment = { RDEV_PORT: "0", RDEV_DATA_DIR: dataDir, RDEV_UNSAFE_HOST: "true", RDEV_DRAIN_SECONDS: "1" }
const scopes: Array<Scope.Closeable> = []
const start = async (env: Record<string, string> = {}) => {
  const scope = Scope.makeUnsafe()
  scopes.push(scope)
  const running = await Effect.runPromise(
    Scope.provide(Effect.flatMap(fromEnvironment({ ...environment, ...env }), Server.start), scope)
  )
  return { ...running, stop: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}
const refusal = (env: Record<string, string> = {}): Promise<StartError> =>
  Effect.runPromise(
    Effect.scoped(Effect.flip(Effect.flatMap(fromEnvironment({ ...environment, ...env }), Server.start)))
  )

let server: Awaited<ReturnType<typeof start>>
let key: string
beforeAll(async () => {
  server = await start()
  key = server.newKey?.key ?? ""
})
afterAll(async () => {
  for (const scope of scopes) await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(dataDir, { recursive: true, force: true })
})

const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(server.url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> }
}
const page = (host: string) =>
  new Promise<{ readonly status: number; readonly text: string }>((resolve, reject) => {
    get({ host: "127.0.0.1", port: server.port, path: "/", headers: { host } }, (response) => {
      let text = ""
      response
        .on("data", (chunk) => {
          text += String(chunk)
        })
        .on("end", () => resolve({ status: response.statusCode ?? 0, text }))
    }).on("error", reject)
  })

describe("a first start", () => {
  it("makes an admin key, shows it once and keeps it for this user alone", async () => {
    assert.match(key, /^rdev_local_/)
    assert.strictEqual(readFileSync(join(dataDir, "admin.key"), "utf8").trim(), key)
    for (const file of ["admin.key", "pepper"])
      assert.strictEqual(statSync(join(dataDir, file)).mode & 0o777, 0o600, file)
    assert.strictEqual((await call("GET", "/projects")).status, 200)
  })

  it("holds its folder and its port: a second server says which and what to do", async () => {
    const locked = await refusal()
    assert.strictEqual(locked.field, "data folder")
    assert.include(locked.message, dataDir)
    assert.include(locked.message, String(process.pid))
    assert.include(locked.message, "--data-dir")
    const taken = await refusal({ RDEV_PORT: String(server.port), RDEV_DATA_DIR: `${dataDir}-other` })
    assert.strictEqual(taken.field, "port")
    assert.include(taken.message, `127.0.0.1:${server.port}`)
    assert.include(taken.message, "--port")
  })
})

describe("a project", () => {
  it("is provisioned, served under its own name, and works in a workspace", async () => {
    const made = await call("POST", "/projects", { name: "hello" }, { prefer: "wait=60" })
    assert.strictEqual(made.status, 202)
    assert.strictEqual((made.body["project"] as { status: string }).status, "ready")
    const preview = await page(`hello.localhost:${server.port}`)
    assert.strictEqual(preview.status, 200)
    assert.include(preview.text, "<title>hello</title>")
    assert.strictEqual((await page(`nobody.localhost:${server.port}`)).status, 404)

    const run = await call("POST", "/projects/hello/workspace/execs", {
      command: ["sh", "-c", "echo out; echo err >&2; test -f package.json; exit 3"]
    })
    assert.strictEqual(run.status, 201)
    const ended = await call("GET", `/projects/hello/workspace/execs/${String(run.body["id"])}?wait=30`)
    assert.deepInclude(ended.body, { state: "exited", exit_code: 3, reason: "exited" })
    const { events } = (await call("GET", String(ended.body["events_url"]))).body as {
      events: ReadonlyArray<Record<string, unknown>>
    }
    const lines = events
      .filter((event) => event["type"] === "output")
      .map((event) => `${String(event["stream"])}:${String(event["line"])}`)
      .sort()
    assert.deepStrictEqual(lines, ["stderr:err", "stdout:out"])
    assert.deepInclude(events.at(-1), { type: "complete", exit_code: 3 })

    const wrong = await call("POST", "/projects/hello/workspace/execs", { command: ["no-such-program"] })
    assert.strictEqual(wrong.status, 422)
    assert.include(String(wrong.body["detail"]), "no-such-program")
    const slow = await call("POST", "/projects/hello/workspace/execs", { command: ["sleep", "60"] })
    const killed = await call("POST", `/projects/hello/workspace/execs/${String(slow.body["id"])}/kill`)
    assert.strictEqual(killed.body["state"], "exited")
    assert.notStrictEqual(killed.body["exit_code"], 0)
  }, 90_000)

  it("is there after a restart, and so is the key and what became of commands", async () => {
    const { events } = (await call("GET", "/projects/hello/events?types=exec.started&limit=1")).body as {
      events: ReadonlyArray<Record<string, unknown>>
    }
    assert.deepStrictEqual(server.releases, [])
    await server.stop()
    server = await start()
    assert.isNull(server.newKey)
    assert.deepStrictEqual(server.releases, [{ project: "hello", url: `http://hello.localhost:${server.port}/` }])
    assert.strictEqual((await call("GET", "/projects/hello")).status, 200)
    assert.strictEqual((await page(`hello.localhost:${server.port}`)).status, 200)
    const exec = await call("GET", `/projects/hello/workspace/execs/${String(events[0]?.["exec_id"])}`)
    assert.deepInclude(exec.body, { state: "exited", exit_code: 3 })
  }, 60_000)
})
