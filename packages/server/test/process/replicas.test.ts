/** Two servers, each a process, over one PostgreSQL and one data folder: each is asked about what the other did, before and after its end. */
import { assert, describe, it } from "@effect/vitest"
import * as TestPostgres from "@rdev/adapter-postgres/testing/TestPostgres"
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import { request } from "node:http"
import * as ServerProcess from "./ServerProcess.ts"

type Body = Readonly<Record<string, unknown>>
/** What a host name answers on a server. */
const visit = (server: ServerProcess.ServerProcess, host: string) =>
  Effect.callback<{ readonly status: number; readonly text: string }>((resume) => {
    const asked = request(
      { host: "127.0.0.1", port: new URL(server.url).port, path: "/", headers: { host, accept: "application/json" } },
      (response) => {
        let text = ""
        response.on("data", (chunk: Buffer) => {
          text += chunk.toString("utf8")
        })
        response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, text })))
      }
    )
    asked.on("error", (cause) => resume(Effect.succeed({ status: 0, text: cause.message })))
    asked.end()
  })

describe("two servers over one database and folder", () => {
  it.live(
    "tell the same of everything, and the one that is left goes on with all of it",
    () =>
      Effect.gen(function* () {
        const folder = yield* ServerProcess.dataFolder
        const url = yield* (yield* TestPostgres.make()).createDatabase
        const env = {
          RDEV_DATABASE_URL: url,
          RDEV_KEY_PEPPER: randomBytes(32).toString("hex"),
          RDEV_KEK: randomBytes(32).toString("base64"),
          RDEV_WORKER_CAPACITY: "2",
          RDEV_DRAIN_SECONDS: "1"
        }
        const one = yield* ServerProcess.start(folder, env)
        // Started before anything is made: it can have read none of it from the disk.
        const other = yield* ServerProcess.start(folder, env)
        const both = [one, other]
        const ask = (server: ServerProcess.ServerProcess, method: string, path: string, body?: unknown) =>
          Effect.map(ServerProcess.ask(folder, server, method, path, body), (answer) => ({
            ...answer,
            body: answer.body as Body
          }))
        for (const [name, template] of [
          ["site", "default"],
          ["gone", "default"],
          ["api", "node-api"]
        ] as const)
          assert.strictEqual((yield* ask(one, "POST", "/projects", { name, template })).status, 202)
        for (const name of ["site", "gone", "api"])
          yield* ServerProcess.until(
            ask(other, "GET", `/projects/${name}`),
            ({ body }) => body["status"] === "ready",
            120
          )

        for (const server of both)
          for (const host of ["site.localhost", "api.localhost"])
            assert.strictEqual((yield* visit(server, host)).status, 200, host)
        // A git token of one opens the repository on the other.
        const token = (yield* ask(one, "POST", "/projects/site/git-tokens", { access: "read" })).body
        for (const server of both) {
          const refs = yield* Effect.promise(() =>
            fetch(`${server.url}/git/site.git/info/refs?service=git-upload-pack`, {
              headers: { authorization: `Basic ${Buffer.from(`rdev:${String(token["token"])}`).toString("base64")}` }
            })
          )
          assert.strictEqual(refs.status, 200)
        }
        const hook = (yield* ask(one, "POST", "/webhooks", { url: "https://example.org/hook", events: ["*"] })).status
        assert.isBelow(hook, 300)
        assert.lengthOf((yield* ask(other, "GET", "/webhooks")).body["webhooks"] as ReadonlyArray<unknown>, 1)

        // A command of one, as the other tells it: running, ended when asked to, and lost with its server.
        const run = (server: ServerProcess.ServerProcess, command: ReadonlyArray<string>) =>
          Effect.map(
            ask(server, "POST", "/projects/site/workspace/execs", { command }),
            ({ body }) => `/projects/site/workspace/execs/${String(body["id"])}`
          )
        const [brief, long, left] = [
          yield* run(one, ["sh", "-c", "sleep 1; exit 3"]),
          yield* run(one, ["sleep", "300"]),
          yield* run(one, ["sleep", "300"])
        ]
        assert.deepInclude((yield* ask(other, "GET", long)).body, { state: "running", exit_code: null })
        assert.deepInclude((yield* ask(other, "GET", `${brief}?wait=20`)).body, { state: "exited", exit_code: 3 })
        assert.deepInclude((yield* ask(other, "POST", `${long}/kill`)).body, { state: "exited" })
        assert.deepInclude((yield* ask(one, "GET", long)).body, { state: "exited" })

        // What one deletes is gone on both, and its host name is free again.
        assert.strictEqual((yield* ask(other, "DELETE", "/projects/gone")).status, 202)
        yield* ServerProcess.until(ask(one, "GET", "/projects/gone"), ({ status }) => status === 404, 60)
        for (const server of both)
          assert.include((yield* visit(server, "gone.localhost")).text, "No project has the host name")

        yield* Effect.promise(() => one.kill())
        assert.strictEqual((yield* visit(other, "site.localhost")).status, 200)
        yield* ServerProcess.until(visit(other, "api.localhost"), ({ status }) => status === 200, 60)
        yield* ServerProcess.until(ask(other, "GET", left), ({ body }) => body["reason"] === "connection_lost", 30)
        assert.strictEqual((yield* ask(other, "POST", "/projects", { name: "gone" })).status, 202)
        yield* ServerProcess.until(visit(other, "gone.localhost"), ({ status }) => status === 200, 120)
      }).pipe(Effect.scoped),
    300_000
  )
})
