/** A feature that waits for a person's word: the command line says which command goes on, and that command does. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as Server from "@rdev/server/Server"
import { fromEnvironment } from "@rdev/server/ServerConfig"
import { Effect, Exit, Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Command from "./Command.ts"

const dataDir = mkdtempSync(join(tmpdir(), "rdev-escalation-"))
const scope = Scope.makeUnsafe()
/** Fails every time, so that the platform asks a person. */
const agents = JSON.stringify([{ kind: "command", name: "failing", argv: ["sh", "-c", "exit 1"] }])
let server: Server.Running
beforeAll(async () => {
  const environment = {
    RDEV_PORT: "0",
    RDEV_DATA_DIR: dataDir,
    RDEV_UNSAFE_HOST: "true",
    RDEV_DRAIN_SECONDS: "1",
    RDEV_AGENT: "failing",
    RDEV_AGENTS: agents
  }
  const start = Effect.flatMap(fromEnvironment(environment), Server.start)
  server = await Effect.runPromise(Scope.provide(start, scope))
}, 60_000)
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(dataDir, { recursive: true, force: true })
})

const rdev = (...args: ReadonlyArray<string>) =>
  Command.run(args, { HOME: dataDir, RDEV_URL: server.url, RDEV_DATA_DIR: dataDir })
const done = async (...args: ReadonlyArray<string>) => {
  const ended = await rdev(...args)
  assert.strictEqual(ended.code, 0, ended.err)
  return ended.out
}
const actionOf = async () =>
  (JSON.parse(await done("next", "hello", "page", "--json")) as { readonly action: string }).action

describe("an escalation", () => {
  it("is named with its command by next and by a refused verdict, and is answered with it", async () => {
    await done("projects", "create", "hello")
    await done("features", "create", "hello", "Page", "--slug", "page")
    const deadline = Date.now() + 90_000
    while ((await actionOf()) !== "await-escalation") assert.isBelow(Date.now(), deadline, "no escalation was opened")

    assert.include(await done("next", "hello", "page"), "rdev answer hello page")
    const refused = await rdev("approve", "hello", "page")
    assert.strictEqual(refused.code, 5, refused.err)
    assert.include(refused.err, "an escalation is open: answer it")
    assert.include(refused.err, "rdev answer hello page")
    assert.include(await done("answer", "hello", "page", "try it once more"), "create-spec")
  }, 150_000)

  it("and a blocked plan task have their commands' mistakes named", async () => {
    const free = await rdev("unblock", "hello", "page", "task-001")
    assert.strictEqual(free.code, 5, free.err)
    assert.include(free.err, "task-001 is not blocked")
    assert.strictEqual((await rdev("unblock", "hello", "page", "one")).code, 2)
    assert.strictEqual((await rdev("answer", "hello", "page")).code, 2)
  }, 60_000)
})
