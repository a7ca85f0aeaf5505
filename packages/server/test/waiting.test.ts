/** A server without workers says of everything it was given what it waits for. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Server from "../src/Server.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"

it.live("a project that nobody provisions, and its operation, wait for a worker", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-waiting-"))),
        (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
      )
      const server = yield* Effect.flatMap(
        fromEnvironment({ RDEV_PORT: "0", RDEV_DATA_DIR: folder, RDEV_UNSAFE_HOST: "true", RDEV_WORKER_CAPACITY: "0" }),
        Server.start
      )
      const key = readFileSync(join(folder, "admin.key"), "utf8").trim()
      const ask = (method: string, path: string, body?: unknown) =>
        Effect.promise(async () => {
          const response = await fetch(`${server.url}${path}`, {
            method,
            headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
            ...(body === undefined ? {} : { body: JSON.stringify(body) })
          })
          return (await response.json()) as Readonly<Record<string, unknown>>
        })
      const made = yield* ask("POST", "/projects", { name: "idle" })
      const operation = yield* ask("GET", `/operations/${String(made["operation_id"])}`)
      const waits = operation["waiting_for"] as Readonly<Record<string, unknown>> | null
      assert.deepInclude(waits, { reason: "no-worker", until: null })
      assert.match(String(waits?.["detail"]), /no worker is registered for operations; start one with `rdev worker`/)
      const [listed] = (yield* ask("GET", "/operations"))["operations"] as ReadonlyArray<
        Readonly<Record<string, unknown>>
      >
      assert.deepEqual(listed?.["waiting_for"], waits)
    })
  )
)
