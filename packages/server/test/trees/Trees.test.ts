/** The shipped trees on a real server: its own process, real git, real sandboxes, real pages. */
import { assert, describe, it } from "@effect/vitest"
import * as Definition from "@rdev/core/operations/Definition"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import * as Operations from "@rdev/core/operations/Operations"
import * as AuditStore from "@rdev/core/ports/AuditStore"
import * as EventLog from "@rdev/core/ports/EventLog"
import * as Forge from "@rdev/core/ports/Forge"
import * as Notifier from "@rdev/core/ports/Notifier"
import * as OperationStore from "@rdev/core/ports/OperationStore"
import * as UnitOfWork from "@rdev/core/ports/UnitOfWork"
import * as WorkspaceHost from "@rdev/core/ports/WorkspaceHost"
import * as TreeOperation from "@rdev/core/services/trees/TreeOperation"
import * as Trees from "@rdev/core/services/Trees"
import { Effect, Layer, Option, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as LoopbackTreeActions from "../../src/LoopbackTreeActions.ts"
import * as ServerProcess from "../process/ServerProcess.ts"

const memory = Layer.mergeAll(AuditStore.layerMemory, EventLog.layerMemory, Forge.layerMemory, Notifier.layerMemory, OperationStore.layerMemory, UnitOfWork.layerMemory, WorkspaceHost.layerMemory)

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

describe("the shipped trees", () => {
  it.live("pass on the embedded server", () => Effect.scoped(Effect.gen(function*() {
    const dataDir = yield* ServerProcess.dataFolder
    const server = yield* ServerProcess.start(dataDir)
    const key = Option.some(Redacted.make(readFileSync(join(dataDir, "admin.key"), "utf8").trim()))
    const actions = LoopbackTreeActions.layer({ url: Effect.succeed(server.url), credential: () => Effect.succeed(key) })
    const platform = Layer.merge(Trees.layer, OperationRunner.layer()).pipe(
      Layer.provideMerge(Operations.layer),
      Layer.provideMerge(Definition.layer([TreeOperation.definition])),
      Layer.provideMerge(Layer.merge(memory, actions))
    )
    yield* Effect.gen(function*() {
      const trees = yield* Trees.Trees
      const operations = yield* Operations.Operations
      const shipped = (name: string) => readFileSync(new URL(`../../trees/${name}.yaml`, import.meta.url), "utf8")
      yield* Effect.forEach([["landing-page", "landing", shipped("landing-page")], ["authenticated-service", "orders", shipped("authenticated-service")], ["commands", "tools", commands]] as const, ([name, project, text]) => Effect.gen(function*() {
        const { id } = yield* trees.run({ text, vars: { project_name: project } })
        const ended = yield* operations.await(id)
        const rows = yield* operations.steps(id)
        assert.strictEqual(ended.status, "completed", `${name}: ${ended.error?.message ?? ""}`)
        assert.isTrue(rows.every((row) => row.status === "done"))
        yield* ServerProcess.until(ServerProcess.ask(dataDir, server, "GET", `/projects/${project}`), (answer) => answer.status === 404, 30)
      }), { concurrency: 3 })
    }).pipe(Effect.provide(platform))
  })), 300_000)
})
