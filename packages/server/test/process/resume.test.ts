import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { join } from "node:path"
import * as ServerProcess from "./ServerProcess.ts"

interface Next {
  readonly phase: string
  readonly action: string
  readonly kind: string
}
const feature = "/projects/hello/sdlc/features/contact"

describe("a killed server", () => {
  it.live("goes on where it was: provisioning, then a feature killed in four places, released once", () =>
    Effect.gen(function* () {
      const folder = yield* ServerProcess.dataFolder
      const asked = (server: ServerProcess.ServerProcess, method: string, path: string, body?: unknown) =>
        ServerProcess.ask(folder, server, method, path, body)
      const next = (server: ServerProcess.ServerProcess) =>
        Effect.map(asked(server, "GET", `${feature}/next`), ({ body }) => body as unknown as Next)
      let server = yield* ServerProcess.start(folder)
      const created = yield* asked(server, "POST", "/projects", { name: "hello" })
      assert.strictEqual(created.status, 202)
      yield* Effect.promise(() => server.kill())
      server = yield* ServerProcess.start(folder)
      yield* ServerProcess.until(asked(server, "GET", "/projects/hello"), ({ body }) => body["status"] === "ready", 60)
      assert.strictEqual(
        (yield* asked(server, "POST", "/projects/hello/sdlc/features", { title: "Contact", slug: "contact" })).status,
        201
      )
      for (const phase of ["specified", "implementation", "review", "merge"]) {
        const order = [
          "draft",
          "specified",
          "planned",
          "ready",
          "implementation",
          "review",
          "audit",
          "qa",
          "merge",
          "released"
        ]
        yield* ServerProcess.until(next(server), (now) => order.indexOf(now.phase) >= order.indexOf(phase), 100)
        yield* Effect.promise(() => server.kill())
        server = yield* ServerProcess.start(folder)
      }
      const last = yield* ServerProcess.until(next(server), (now) => now.kind === "done" || now.kind === "hold", 150)
      assert.deepInclude(last, { phase: "released", kind: "done" })
      const log = spawnSync(
        "git",
        ["--git-dir", join(folder, "git", "hello.git"), "log", "--merges", "--format=%s", "main"],
        { encoding: "utf8" }
      ).stdout.trim()
      assert.lengthOf(log.split("\n"), 1, `merged once: ${log}`)
      assert.isNotNull(
        yield* Effect.promise(() => server.kill("SIGTERM")),
        "a graceful stop is an end of its own, not a kill"
      )
    }).pipe(Effect.scoped)
  )

  it.live("refuses a second server on its folder and a taken port, by name", () =>
    Effect.gen(function* () {
      const folder = yield* ServerProcess.dataFolder
      const other = yield* ServerProcess.dataFolder
      const server = yield* ServerProcess.start(folder)
      const locked = yield* Effect.flip(Effect.scoped(ServerProcess.start(folder)))
      assert.include(locked, String(server.pid), "the holder's pid is named")
      const { port } = new URL(server.url)
      const taken = yield* Effect.flip(Effect.scoped(ServerProcess.start(other, { RDEV_PORT: port })))
      assert.include(taken, port)
      assert.include(taken, "--port")
    }).pipe(Effect.scoped)
  )
})
