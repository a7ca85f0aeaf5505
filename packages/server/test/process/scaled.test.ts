/** Two servers and three workers, each a process, over one PostgreSQL and one data folder. */
import { assert, describe, it } from "@effect/vitest"
import * as TestPostgres from "@rdev/adapter-postgres/testing/TestPostgres"
import * as EventStream from "@rdev/api/EventStream"
import { Effect, Fiber, Stream } from "effect"
import { randomBytes } from "node:crypto"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as ServerProcess from "./ServerProcess.ts"

interface Task {
  readonly status: string
  readonly worker_id: string | null
}
describe("two servers and three workers over one database", () => {
  it.live(
    "share the work on a feature, one worker killed on the way, and both servers tell all of it",
    () =>
      Effect.gen(function* () {
        const folder = yield* ServerProcess.dataFolder
        const url = yield* (yield* TestPostgres.make()).createDatabase
        const env = {
          RDEV_DATABASE_URL: url,
          RDEV_KEY_PEPPER: randomBytes(32).toString("hex"),
          RDEV_KEK: randomBytes(32).toString("base64"),
          RDEV_WORKER_CAPACITY: "0"
        }
        const [left, right] = [yield* ServerProcess.start(folder, env), yield* ServerProcess.start(folder, env)]
        const hire = ServerProcess.start(folder, { ...env, RDEV_WORKER_CAPACITY: "2" }, "work")
        const workers = [yield* hire, yield* hire, yield* hire]
        const ask = (server: ServerProcess.ServerProcess, method: string, path: string, body?: unknown) =>
          ServerProcess.ask(folder, server, method, path, body)

        assert.strictEqual((yield* ask(left, "POST", "/projects", { name: "one" })).status, 202)
        yield* ServerProcess.until(ask(right, "GET", "/projects/one"), ({ body }) => body["status"] === "ready", 60)
        const key = readFileSync(join(folder, "admin.key"), "utf8").trim()
        // From the first event until the feature's last task has ended for good.
        const told = (server: ServerProcess.ServerProcess) =>
          EventStream.follow({ url: server.url, key, path: "/projects/one/events?after=0" }).pipe(
            Stream.takeUntil((event) => event.type === "feature.moved" && event["to"] === "released"),
            Stream.map((event) => event.seq),
            Stream.runCollect
          )
        const streams = yield* Effect.forEach([left, right], (server) => Effect.forkScoped(told(server)))
        assert.strictEqual(
          (yield* ask(right, "POST", "/projects/one/sdlc/features", { title: "Contact", slug: "contact" })).status,
          201
        )
        const next = Effect.map(
          ask(right, "GET", "/projects/one/sdlc/features/contact/next"),
          ({ body }) => body as unknown as { readonly phase: string; readonly kind: string }
        )
        yield* ServerProcess.until(next, ({ phase }) => phase !== "draft", 60)
        yield* Effect.promise(async () => workers[0]?.kill())
        assert.deepInclude(yield* ServerProcess.until(next, ({ kind }) => kind === "done" || kind === "hold", 170), {
          phase: "released",
          kind: "done"
        })

        const tasks = (yield* ask(left, "GET", "/tasks?limit=100")).body["tasks"] as unknown as ReadonlyArray<Task>
        assert.isAbove(new Set(tasks.map((task) => task.worker_id)).size, 1, "the load is shared")
        assert.deepStrictEqual(
          tasks.filter((task) => task.status === "failed"),
          []
        )
        const [one, other] = yield* Effect.forEach(streams, (fiber) => Fiber.join(fiber))
        assert.isAbove(one?.length ?? 0, 20)
        assert.deepStrictEqual(one, other)
      }).pipe(Effect.scoped),
    240_000
  )

  it.live(
    "a worker with another folder is refused, and told where the repositories are",
    () =>
      Effect.gen(function* () {
        const [folder, other] = [yield* ServerProcess.dataFolder, yield* ServerProcess.dataFolder]
        const url = yield* (yield* TestPostgres.make()).createDatabase
        // The same by the platform file: what it names is what servers and workers share.
        const platform = join(folder, "platform.yaml")
        writeFileSync(platform, "stores: { use: postgres, url: { env: STORES }, key: { env: STORES_KEY } }\n")
        const env = {
          RDEV_PLATFORM: platform,
          STORES: url,
          STORES_KEY: randomBytes(32).toString("base64"),
          RDEV_UNSAFE_HOST: "true"
        }
        yield* ServerProcess.start(folder, env)
        const refused = yield* Effect.flip(Effect.scoped(ServerProcess.start(other, env, "work")))
        assert.include(refused, folder)
        assert.include(refused, "RDEV_WORKER_CAPACITY=0")
      }).pipe(Effect.scoped),
    120_000
  )
})
