/** The project's own workspace is whole or not there, whoever dies while it is made. */
import { assert, describe, it } from "@effect/vitest"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import { type Project, ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Replicas } from "@rdev/core/ports/stores/Replicas"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as OwnWorkspace from "../src/OwnWorkspace.ts"

/** `sh` is the checkout: it counts itself and puts a file there, or does what it is told instead. */
const stage = () => {
  const state: { runs: number; instead: Effect.Effect<number> | null } = { runs: 0, instead: null }
  const programs: Readonly<Record<string, MemoryWorkspaceHost.FakeProgram>> = {
    sh: ({ files }) =>
      Effect.suspend(() => {
        state.runs += 1
        files.set("index.html", Buffer.from("checked out"))
        return state.instead ?? Effect.succeed(0)
      })
  }
  return { state, layer: Layer.merge(MemoryForge.layer, MemoryWorkspaceHost.layerWith(programs)) }
}
const made = Effect.gen(function* () {
  const project = {
    id: yield* NewId.make("proj"),
    name: ProjectName.make("shop"),
    defaultBranch: "main"
  } as Project
  yield* (yield* RepositoryHost).ensure(
    { projectId: project.id, name: project.name },
    { defaultBranch: BranchName.make("main"), message: "Start", files: [{ path: "index.html", content: "x" }] }
  )
  const names = Effect.map((yield* WorkspaceHost).list, (all) => all.map(({ name }) => name).sort())
  return { project, names }
})
const replica = (self: string, alive: ReadonlyArray<string>) =>
  Effect.provideService(OwnWorkspace.make("loopback"), Replicas, {
    self,
    alive: (id) => Effect.succeed(alive.includes(id))
  })

describe("the project's own workspace", () => {
  it.effect("is checked out once, and then its users'", () => {
    const { layer, state } = stage()
    return Effect.gen(function* () {
      const { names, project } = yield* made
      const prepare = yield* replica("a", ["a"])
      const [first, second] = yield* Effect.all([prepare(project, "main"), prepare(project, "main")], {
        concurrency: 2
      })
      assert.strictEqual(first.id, second.id)
      yield* (yield* WorkspaceHost).writeFile(first, "index.html", "changed")
      yield* (yield* replica("b", ["a", "b"]))(project, "main")
      assert.strictEqual(state.runs, 1)
      assert.deepStrictEqual(yield* names, ["main"])
      assert.include((yield* Effect.flip(prepare(project, "other"))).message, "no workspace other")
      assert.include((yield* Effect.flip(prepare(project, OwnWorkspace.markName))).message, "no workspace")
    }).pipe(Effect.provide(layer))
  })

  it.effect("is made anew after a checkout that failed, or whose process died in it", () => {
    const { layer, state } = stage()
    return Effect.gen(function* () {
      const { names, project } = yield* made
      const host = yield* WorkspaceHost
      const prepare = yield* replica("a", ["a"])
      state.instead = Effect.succeed(1)
      yield* Effect.flip(prepare(project, "main"))
      state.instead = Effect.never
      const dying = yield* Effect.forkChild(prepare(project, "main"), { startImmediately: true })
      yield* Effect.yieldNow
      yield* Fiber.interrupt(dying)
      state.instead = null
      const half = (yield* host.list).find(({ name }) => name === "main") ?? assert.fail("nothing was begun")
      yield* host.writeFile(half, "left", "half")
      const whole = yield* (yield* replica("b", ["b"]))(project, "main")
      assert.notStrictEqual(whole.id, half.id)
      assert.strictEqual(Buffer.from(yield* host.readFile(whole, "index.html")).toString(), "checked out")
      yield* Effect.flip(host.readFile(whole, "left"))
      assert.deepStrictEqual(yield* names, ["main"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is waited for while another process makes it, and made when that one dies", () => {
    const { layer, state } = stage()
    return Effect.gen(function* () {
      const { project } = yield* made
      const host = yield* WorkspaceHost
      const alive = ["a", "b"]
      state.instead = Effect.never
      yield* Effect.forkChild((yield* replica("a", alive))(project, "main"), { startImmediately: true })
      yield* Effect.yieldNow
      const waiting = yield* Effect.forkChild((yield* replica("b", alive))(project, "main"), { startImmediately: true })
      yield* TestClock.adjust("5 seconds")
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual(state.runs, 1)
      alive.shift()
      state.instead = null
      yield* TestClock.adjust("1 second")
      const workspace = yield* Fiber.join(waiting)
      assert.strictEqual(state.runs, 2)
      assert.strictEqual(Buffer.from(yield* host.readFile(workspace, "index.html")).toString(), "checked out")
    }).pipe(Effect.provide(layer))
  })

  it.effect("is made again where a process died before it said who it is", () => {
    const { layer, state } = stage()
    return Effect.gen(function* () {
      const { names, project } = yield* made
      const host = yield* WorkspaceHost
      yield* host.ensure({ projectId: project.id, name: OwnWorkspace.markName, network: "none" })
      yield* (yield* replica("b", ["b"]))(project, "main")
      assert.strictEqual(state.runs, 1)
      assert.deepStrictEqual(yield* names, ["main"])
    }).pipe(Effect.provide(layer))
  })
})
