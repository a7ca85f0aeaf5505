/** The command line as a process of its own, against an embedded server. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as Server from "@rdev/server/Server"
import { fromEnvironment } from "@rdev/server/ServerConfig"
import { Effect, Exit, Scope } from "effect"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { fileURLToPath } from "node:url"
import { join } from "node:path"
import * as Command from "./Command.ts"

const dataDir = mkdtempSync(join(tmpdir(), "rdev-cli-"))
const scope = Scope.makeUnsafe()
let server: Server.Running
beforeAll(async () => {
  const start = Effect.flatMap(
    fromEnvironment({ RDEV_PORT: "0", RDEV_DATA_DIR: dataDir, RDEV_UNSAFE_HOST: "true", RDEV_DRAIN_SECONDS: "1" }),
    Server.start
  )
  server = await Effect.runPromise(Scope.provide(start, scope))
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(dataDir, { recursive: true, force: true })
})

const rdev = (
  args: ReadonlyArray<string>,
  env: Record<string, string> = { RDEV_URL: server.url, RDEV_DATA_DIR: dataDir }
) => Command.run(args, { HOME: dataDir, ...env })
const json = (ended: Command.Ended) => {
  assert.strictEqual(ended.code, 0, ended.err)
  return JSON.parse(ended.out) as Record<string, unknown>
}
/** One clear message, no stack. */
const refused = (ended: Command.Ended, code: number, ...parts: ReadonlyArray<string>) => {
  assert.strictEqual(ended.code, code, `${ended.out}${ended.err}`)
  assert.match(ended.err, /^rdev: /)
  assert.notMatch(ended.err, /\n\s+at /)
  for (const part of parts) assert.include(ended.err, part)
}

describe("rdev", () => {
  it("makes, plans, shows and lists projects", async () => {
    const planned = json(await rdev(["projects", "plan", "hello", "--json"]))
    assert.isAbove((planned["steps"] as ReadonlyArray<unknown>).length, 3)
    const made = json(await rdev(["projects", "create", "hello", "--json"]))
    assert.strictEqual((made["project"] as Record<string, unknown>)["status"], "ready")
    const listed = await rdev(["projects", "list"])
    assert.match(listed.out, /hello +ready +default/)
    assert.include((await rdev(["projects", "show", "hello"])).out, "hello.localhost")
    refused(await rdev(["projects", "create", "hello"]), 5, "taken")
    refused(await rdev(["projects", "create", "Hello"]), 2, "name", "DNS label")
    refused(await rdev(["projects", "create", "other", "--template", "nope"]), 2, "nope", "default")
    refused(await rdev(["projects", "show", "nobody"]), 4, "nobody")
    refused(await rdev(["projects", "delete", "hello"]), 2, "--yes")
  }, 120_000)

  it("makes a feature, says what is next and why, and when nothing waits for a verdict", async () => {
    const made = json(await rdev(["features", "create", "hello", "Add a page", "--hold", "--json"]))
    assert.strictEqual(made["slug"], "add-a-page")
    const next = json(await rdev(["next", "hello", "add-a-page", "--json"]))
    assert.deepInclude(next, { action: "create-spec", actor: "agent", phase: "draft", task_id: null })
    assert.include((await rdev(["why", "hello", "add-a-page"])).out, "spec")
    assert.match((await rdev(["features", "list", "hello"])).out, /add-a-page +draft/)
    refused(await rdev(["approve", "hello", "add-a-page"]), 5, "create-spec")
    assert.match((await rdev(["show", "hello", "add-a-page"])).out, /idea +\d+ +\.sdlc\/features\/add-a-page\/idea\.md/)
    assert.include((await rdev(["show", "hello", "add-a-page", "idea"])).out, "# Add a page")
    refused(await rdev(["show", "hello", "add-a-page", "nothing"]), 4, "nothing", "idea")
    assert.match((await rdev(["diff", "hello", "add-a-page"])).out, /^\+# Add a page$/m)
    const change = json(await rdev(["diff", "hello", "add-a-page", ".sdlc/features/add-a-page/idea.md", "--json"]))
    assert.deepInclude((change["files"] as ReadonlyArray<unknown>)[0], { status: "added", binary: false, removed: 0 })
    refused(await rdev(["reject", "hello", "add-a-page"]), 2, "--reason")
    refused(await rdev(["next", "hello", "nothing"]), 4, "nothing")
  }, 120_000)

  it("runs a command with its output and its exit code", async () => {
    const ran = await rdev(["exec", "hello", "--", "sh", "-c", "echo out; echo err >&2; exit 7"])
    assert.deepStrictEqual([ran.code, ran.out, ran.err.includes("err")], [7, "out\n", true])
    refused(await rdev(["exec", "hello", "--", "no-such-program"]), 2, "no-such-program")
    const events = await rdev(["events", "hello", "--types", "complete", "--json"])
    assert.deepInclude(JSON.parse(events.out.trim().split("\n").at(-1) ?? ""), { type: "complete", exit_code: 7 })
  }, 120_000)

  it("ends a command with Ctrl-C, which is no success", async () => {
    const child = Command.start(["exec", "hello", "--", "sh", "-c", "echo started; sleep 300"], {
      HOME: dataDir,
      RDEV_URL: server.url,
      RDEV_DATA_DIR: dataDir
    })
    child.stdout.once("data", () => child.kill("SIGINT"))
    const code = await new Promise((resolve) => child.once("close", resolve))
    assert.strictEqual(code, 130)
    const events = await rdev(["events", "hello", "--types", "complete", "--json"])
    assert.deepInclude(JSON.parse(events.out.trim().split("\n").at(-1) ?? ""), { type: "complete", exit_code: null })
  }, 60_000)

  it("makes, lists and revokes keys", async () => {
    const made = json(await rdev(["keys", "create", "reader", "--scope", "projects:read", "--json"]))
    const key = String(made["key"])
    assert.strictEqual((await rdev(["projects", "list"], { RDEV_URL: server.url, RDEV_API_KEY: key })).code, 0)
    refused(
      await rdev(["projects", "create", "more"], { RDEV_URL: server.url, RDEV_API_KEY: key }),
      3,
      "projects:execute"
    )
    assert.strictEqual(
      (await rdev(["keys", "revoke", String((made["record"] as Record<string, unknown>)["id"])])).code,
      0
    )
    refused(await rdev(["projects", "list"], { RDEV_URL: server.url, RDEV_API_KEY: key }), 3)
  }, 120_000)

  it("makes, lists, tries and removes webhooks", async () => {
    refused(
      await rdev(["webhooks", "create", "http://10.0.0.1/", "--event", "notify"]),
      2,
      "10.0.0.1 is not a public address",
      "RDEV_WEBHOOK_ALLOW"
    )
    const made = json(
      await rdev([
        "webhooks",
        "create",
        "https://hooks.invalid/rdev",
        "--event",
        "notify",
        "--event",
        "feature.*",
        "--project",
        "hello",
        "--json"
      ])
    )
    assert.match(String(made["secret"]), /^whsec_/)
    const id = String((made["webhook"] as Record<string, unknown>)["id"])
    const listed = await rdev(["webhooks", "list"])
    assert.include(listed.out, "https://hooks.invalid/rdev")
    assert.include(listed.out, "notify,feature.*")
    assert.strictEqual((await rdev(["webhooks", "test", id])).code, 0)
    assert.include((await rdev(["webhooks", "deliveries", id])).out, "webhook.test")
    assert.include((await rdev(["webhooks", "disable", id])).out, "somebody disabled it")
    refused(await rdev(["webhooks", "test", id]), 5, "enable it first")
    assert.strictEqual((await rdev(["webhooks", "remove", id])).code, 0)
    refused(await rdev(["webhooks", "show", id]), 4, id)
  }, 120_000)

  it("names the flag, the variable and the way out of every mistake", async () => {
    refused(await rdev(["projects", "creat"]), 2, "creat", "--help")
    refused(await rdev(["projects", "create"]), 2, "name")
    refused(await rdev(["projects", "create", "x", "--wait", "soon"]), 2, "--wait")
    refused(await rdev(["projects", "create", "x", "--wait", "61"]), 2, "--wait", "60")
    refused(await rdev(["projects", "show", ""]), 2, "project")
    refused(await rdev(["features", "list", ".."]), 2, "project")
    refused(
      await rdev(["events", "hello", "--follow"], { RDEV_URL: "http://127.0.0.1:1", RDEV_API_KEY: "x" }),
      6,
      "http://127.0.0.1:1",
      "rdev up"
    )
    refused(await rdev(["events", "nobody", "--follow"]), 4, "nobody")
    refused(
      await rdev(["projects", "list"], { RDEV_URL: "http://127.0.0.1:1", RDEV_API_KEY: "x" }),
      6,
      "http://127.0.0.1:1",
      "rdev up"
    )
    refused(await rdev(["projects", "list"], { RDEV_URL: "nonsense", RDEV_API_KEY: "x" }), 2, "RDEV_URL")
    refused(
      await rdev(["projects", "list"], { RDEV_URL: server.url, RDEV_DATA_DIR: join(dataDir, "nowhere") }),
      3,
      "admin.key",
      "RDEV_API_KEY"
    )
    refused(await rdev(["up"], { RDEV_PORT: "http", RDEV_DATA_DIR: join(dataDir, "other") }), 1, "RDEV_PORT")
    refused(
      await rdev(["up"], { RDEV_LOG_LEVEL: "loud", RDEV_DATA_DIR: join(dataDir, "other") }),
      1,
      "RDEV_LOG_LEVEL",
      "warn"
    )
    refused(await rdev(["up", "--port", "-1"], { RDEV_DATA_DIR: join(dataDir, "other") }), 2, "--port", "65535")
    refused(await rdev(["up", "--port", "0", "--data-dir", ""], {}), 2, "--data-dir")
    refused(
      await rdev(["up", "--port", "0", "--data-dir", join(fileURLToPath(import.meta.url), "inside")], {}),
      1,
      "data folder",
      "not a folder",
      "--data-dir"
    )
    refused(
      await rdev(["up", "--port", String(server.port)], { RDEV_DATA_DIR: join(dataDir, "other") }),
      1,
      String(server.port),
      "--port"
    )
    assert.isFalse(existsSync(join(dataDir, "other")))
    refused(await rdev(["up", "--port", "0"], { RDEV_DATA_DIR: dataDir }), 1, dataDir, "--data-dir")
    refused(await rdev(["worker"], { RDEV_DATA_DIR: join(dataDir, "other") }), 2, "RDEV_DATABASE_URL")
  }, 180_000)

  it("looks the machine and the server over", async () => {
    const looked = json(await rdev(["doctor", "--json"]))
    const checks = looked["checks"] as ReadonlyArray<{ readonly name: string; readonly ok: boolean }>
    for (const name of ["node", "git", "server"]) assert.isTrue(checks.find((check) => check.name === name)?.ok, name)
    // As a user has it who is no administrator: without /usr/sbin.
    const { out } = await rdev(["doctor", "--json"], {
      PATH: "/usr/local/bin:/usr/bin:/bin",
      RDEV_URL: server.url,
      RDEV_DATA_DIR: dataDir
    })
    const isolation = (list: typeof checks) => list.find((check) => check.name === "isolation")
    assert.deepStrictEqual(isolation((JSON.parse(out) as { readonly checks: typeof checks }).checks), isolation(checks))
  }, 60_000)
})
