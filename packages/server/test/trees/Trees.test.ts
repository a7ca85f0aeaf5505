/** Trees on a real server in its own process: real git, real sandboxes, real pages, and a kill -9 in the middle. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as ServerProcess from "../process/ServerProcess.ts"

/** A command in a workspace, by leave of the server. */
const commands = `
name: commands
vars: { project_name: {} }
steps:
  - { id: create, action: api, method: POST, path: /projects, body: { name: "{{ vars.project_name }}" }, outputs: { id: $.project.id } }
  - { id: infra, depends_on: [create], action: wait_infra, project: "{{ vars.project_name }}" }
  - { id: say, depends_on: [infra], action: shell, project: "{{ vars.project_name }}", command: [echo, hi], outputs: { said: $.stdout } }
teardown:
  - { id: delete, action: api, method: DELETE, path: "/projects/{{ steps.create.outputs.id }}" }
`

interface Row {
  readonly key: string
  readonly status: string
}
const start = (dataDir: string, server: ServerProcess.ServerProcess, body: unknown) =>
  Effect.map(ServerProcess.ask(dataDir, server, "POST", "/trees/runs", body), (answer) =>
    String(answer.body["operation_id"])
  )
const status = (dataDir: string, server: ServerProcess.ServerProcess, id: string) =>
  Effect.map(ServerProcess.ask(dataDir, server, "GET", `/operations/${id}`), ({ body }) => ({
    status: String(body["status"]),
    error: JSON.stringify(body["error"])
  }))
const rows = (dataDir: string, server: ServerProcess.ServerProcess, id: string) =>
  Effect.map(
    ServerProcess.ask(dataDir, server, "GET", `/operations/${id}/steps`),
    ({ body }) => body["steps"] as unknown as ReadonlyArray<Row>
  )
const passes = (dataDir: string, server: ServerProcess.ServerProcess, id: string, project: string) =>
  Effect.gen(function* () {
    const ended = yield* ServerProcess.until(
      status(dataDir, server, id),
      (one) => one.status !== "running" && one.status !== "waiting" && one.status !== "planned",
      240
    )
    assert.strictEqual(ended.status, "completed", ended.error)
    assert.isTrue((yield* rows(dataDir, server, id)).every((row) => row.status === "done"))
    yield* ServerProcess.until(
      ServerProcess.ask(dataDir, server, "GET", `/projects/${project}`),
      (answer) => answer.status === 404,
      30
    )
  })

describe("a tree on the embedded server", () => {
  it.live(
    "runs commands in a workspace of its project",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* ServerProcess.dataFolder
          const server = yield* ServerProcess.start(dataDir)
          yield* passes(
            dataDir,
            server,
            yield* start(dataDir, server, { text: commands, vars: { project_name: "tools" } }),
            "tools"
          )
        })
      ),
    120_000
  )

  it.live(
    "goes on after the server was killed, at another port, and makes nothing twice",
    () =>
      Effect.scoped(
        Effect.gen(function* () {
          const dataDir = yield* ServerProcess.dataFolder
          const first = yield* ServerProcess.start(dataDir)
          const id = yield* start(dataDir, first, { name: "landing-page", vars: { project_name: "landing" } })
          yield* ServerProcess.until(
            rows(dataDir, first, id),
            (all) => all.some((row) => row.key === "feature" && row.status === "done"),
            60
          )
          yield* Effect.promise(() => first.kill())
          const second = yield* ServerProcess.start(dataDir)
          const features = yield* ServerProcess.ask(dataDir, second, "GET", "/projects/landing/sdlc/features")
          assert.strictEqual((features.body["features"] as unknown as ReadonlyArray<unknown>).length, 1)
          yield* passes(dataDir, second, id, "landing")
        })
      ),
    300_000
  )
})
