/** A project's own database, for real: a PostgreSQL server, the role and database on it, where the credential goes, and what becomes of it all. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as Driver from "@rdev/adapter-postgres/engine/Driver"
import * as TestPostgres from "@rdev/adapter-postgres/testing/TestPostgres"
import { Effect, Exit, Scope } from "effect"
import { createHash } from "node:crypto"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { get } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Server from "../src/Server.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"
import { builtIn } from "../src/TemplatesDisk.ts"

const folder = mkdtempSync(join(tmpdir(), "rdev-tenants-"))
const dataDir = join(folder, "data")
const scope = Scope.makeUnsafe()
let postgres: TestPostgres.TestServer
let running: Server.Running & { readonly stop: () => Promise<void> }
let key: string

const start = async (variables: Record<string, string>) => {
  const own = Scope.makeUnsafe()
  const server = await Effect.runPromise(
    Scope.provide(
      Effect.flatMap(
        fromEnvironment({
          RDEV_PORT: "0",
          RDEV_DATA_DIR: dataDir,
          RDEV_UNSAFE_HOST: "true",
          RDEV_DRAIN_SECONDS: "1",
          RDEV_PROJECT_NETWORK: "internet",
          RDEV_TEMPLATES: join(folder, "templates"),
          ...variables
        }),
        Server.start
      ),
      own
    )
  )
  return { ...server, stop: () => Effect.runPromise(Scope.close(own, Exit.void)) }
}

beforeAll(async () => {
  // The template for services, with a route that tells the digest of what the deployment was given.
  cpSync(join(builtIn, "node-api"), join(folder, "templates", "probe"), { recursive: true })
  writeFileSync(
    join(folder, "templates", "probe", "files", "src", "routes.mjs"),
    ["health", "index", "digest"].map((name) => `import ${name} from "./routes/${name}.mjs"\n`).join("") +
      "export const routes = [index, health, digest]\n"
  )
  writeFileSync(
    join(folder, "templates", "probe", "files", "src", "routes", "digest.mjs"),
    `import { createHash } from "node:crypto"
export default { method: "GET", path: "/digest", summary: "Digest of the URL.", handle: () => ({ status: 200, body: { digest: createHash("sha256").update(process.env.DATABASE_URL ?? "").digest("hex") } }) }
`
  )
  postgres = await Effect.runPromise(Scope.provide(TestPostgres.make(), scope))
  running = await start({ RDEV_TENANT_DATABASE_URL: postgres.adminUrl })
  key = running.newKey?.key ?? ""
})
afterAll(async () => {
  await running.stop()
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(folder, { recursive: true, force: true })
})

const call = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(running.url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      prefer: "wait=60",
      ...(body === undefined ? {} : { "content-type": "application/json" })
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) })
  })
  const text = await response.text()
  return { status: response.status, text, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> }
}
const sql = (url: string, text: string) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.flatMap(
        Driver.make({
          connectionString: url,
          max: 1,
          application_name: "test",
          connectionTimeoutMillis: 5_000,
          query_timeout: 10_000,
          idleTimeoutMillis: 1_000
        }),
        ({ query }) => query<Record<string, unknown>>(text)
      )
    )
  )
const onServer = async () => ({
  databases: (await sql(postgres.adminUrl, "SELECT datname AS name FROM pg_database WHERE datname LIKE 'rdev_%'")).map(
    (row) => row["name"]
  ),
  roles: (await sql(postgres.adminUrl, "SELECT rolname AS name FROM pg_roles WHERE rolname LIKE 'rdev_%'")).map(
    (row) => row["name"]
  )
})
const ran = async (project: string, script: string) => {
  const started = await call("POST", `/projects/${project}/workspace/execs`, { command: ["sh", "-c", script] })
  assert.strictEqual(started.status, 201, started.text)
  const ended = await call("GET", `/projects/${project}/workspace/execs/${String(started.body["id"])}?wait=30`)
  assert.strictEqual(ended.body["exit_code"], 0, ended.text)
  const { events } = (await call("GET", String(ended.body["events_url"]))).body as {
    events: ReadonlyArray<Record<string, unknown>>
  }
  return events.filter((event) => event["type"] === "output").map((event) => String(event["line"]))
}
const resource = (project: Record<string, unknown>, kind: string) =>
  (project["resources"] as ReadonlyArray<Record<string, unknown>>).find((one) => one["kind"] === kind)
const page = (host: string, path: string) =>
  new Promise<string>((resolve, reject) => {
    get({ host: "127.0.0.1", port: running.port, path, headers: { host } }, (response) => {
      let text = ""
      response
        .on("data", (chunk) => {
          text += String(chunk)
        })
        .on("end", () => resolve(text))
    }).on("error", reject)
  })

describe("a project's database", () => {
  let url: string

  it("is made with a role of its own, and its URL opens that database alone", async () => {
    const made = await call("POST", "/projects", { name: "shop", template: "probe" })
    assert.strictEqual((made.body["project"] as { readonly status: string }).status, "ready", made.text)
    assert.deepInclude(resource(made.body["project"] as Record<string, unknown>, "database"), {
      status: "ready",
      external_id: "rdev_shop"
    })
    const there = await onServer()
    assert.deepStrictEqual(there.databases, ["rdev_shop"])
    assert.strictEqual(there.roles.length, 1)
    await ran("shop", 'printf %s "$DATABASE_URL" > the-url')
    const files = readdirSync(join(dataDir, "workspaces"), { recursive: true, withFileTypes: true }).filter(
      (file) => file.name === "the-url"
    )
    url = readFileSync(join(files[0]?.parentPath ?? "", "the-url"), "utf8")
    assert.deepStrictEqual(await sql(url, "SELECT current_database() AS database, current_user AS role"), [
      { database: "rdev_shop", role: there.roles[0] }
    ])
    await sql(url, "CREATE TABLE orders (id int)")
  }, 120_000)

  it("reaches commands and deployments as DATABASE_URL", async () => {
    const digest = createHash("sha256").update(url).digest("hex")
    assert.deepStrictEqual(
      await ran(
        "shop",
        'node -e \'console.log(require("node:crypto").createHash("sha256").update(process.env.DATABASE_URL).digest("hex"))\''
      ),
      [digest]
    )
    assert.deepStrictEqual(JSON.parse(await page(`shop.localhost:${running.port}`, "/digest")), { digest })
    // With the machine's network they reach its server too: it asks for a password (R), as PostgreSQL does.
    assert.deepStrictEqual(
      await ran(
        "shop",
        `node -e '
      const url = new URL(process.env.DATABASE_URL), text = Buffer.from("user\\0" + url.username + "\\0database\\0" + url.pathname.slice(1) + "\\0\\0"), head = Buffer.alloc(8)
      head.writeInt32BE(text.length + 8, 0); head.writeInt32BE(196608, 4)
      const socket = require("node:net").connect(Number(url.port), url.hostname, () => socket.write(Buffer.concat([head, text])))
      socket.once("data", (chunk) => { console.log(String.fromCharCode(chunk[0])); socket.destroy() })'`
      ),
      ["R"]
    )
  }, 60_000)

  it("is shown without what opens it, and what a command prints of it is not kept", async () => {
    const { password, username } = new URL(url)
    const { credentials } = (await call("GET", "/projects/shop/credentials")).body as {
      readonly credentials: ReadonlyArray<Record<string, unknown>>
    }
    assert.deepStrictEqual(
      credentials.map((one) => [one["name"], one["value"]]),
      [["DATABASE_URL", `postgresql://${username}:***@127.0.0.1:${postgres.port}/rdev_shop`]]
    )
    assert.deepStrictEqual(
      await ran("shop", 'echo "it is $DATABASE_URL"; echo "$DATABASE_URL" | sed \'s/.*:\\([^@]*\\)@.*/\\1/\''),
      ["it is ***", "***"]
    )
    for (const path of [
      "/projects/shop",
      "/projects/shop/events?limit=1000",
      "/projects/shop/audit",
      "/operations?project=shop",
      "/projects/shop/credentials"
    ])
      assert.notInclude((await call("GET", path)).text, password, path)
  }, 60_000)

  it("that cannot be dropped holds up nothing else, is told, and is dropped by a retry", async () => {
    await Effect.runPromise(postgres.stop("fast"))
    const started = await call("DELETE", "/projects/shop")
    const id = String(started.body["operation_id"])
    const operation = await call("GET", `/operations/${id}`)
    assert.strictEqual(operation.body["status"], "failed", operation.text)
    assert.include(operation.text, "database: ")
    const { steps } = (await call("GET", `/operations/${id}/steps`)).body as {
      readonly steps: ReadonlyArray<Record<string, unknown>>
    }
    assert.deepStrictEqual(
      steps.filter((step) => step["status"] === "failed").map((step) => step["key"]),
      ["database"]
    )
    assert.deepStrictEqual(
      steps
        .filter((step) => step["status"] === "done")
        .map((step) => step["key"])
        .sort(),
      [
        "ci",
        "credentials",
        "deployment.production",
        "deployment.staging",
        "dns.production",
        "dns.staging",
        "repository",
        "workspaces"
      ]
    )
    const left = await call("GET", "/projects/shop")
    assert.strictEqual(left.body["status"], "failed")
    assert.deepInclude(resource(left.body, "database"), { status: "failed" })
    assert.deepInclude(resource(left.body, "repository"), { status: "deleted" })

    await Effect.runPromise(postgres.start)
    assert.deepInclude((await call("POST", `/operations/${id}/retry`)).body, { id, status: "completed" })
    assert.deepStrictEqual(await onServer(), { databases: [], roles: [] })
    assert.strictEqual((await call("GET", "/projects/shop")).status, 404)
  }, 180_000)

  it("is said to be missing where no server is configured", async () => {
    await running.stop()
    running = await start({})
    const made = await call("POST", "/projects", { name: "plain" })
    const database = resource(made.body["project"] as Record<string, unknown>, "database")
    assert.strictEqual(database?.["status"], "unavailable")
    assert.include(String(database?.["detail"]), "RDEV_TENANT_DATABASE_URL")
    assert.deepStrictEqual(await ran("plain", 'echo "${DATABASE_URL-none}"'), ["none"])
    assert.deepStrictEqual((await call("GET", "/projects/plain/credentials")).body, { credentials: [] })
  }, 60_000)
})
