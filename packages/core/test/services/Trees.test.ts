import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer, Option, Result, type Schema } from "effect"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Operations } from "@rdev/core/operations/Operations"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { type ApiRequest, TreeActions, TreeActionsError } from "@rdev/core/ports/infra/TreeActions"
import * as MemoryWorkspaceHost from "@rdev/core/memory/infra/WorkspaceHost"
import * as WorkspaceHost from "@rdev/core/ports/infra/WorkspaceHost"
import * as JsonPath from "@rdev/core/services/trees/JsonPath"
import * as Template from "@rdev/core/services/trees/Template"
import * as TreeOperation from "@rdev/core/services/trees/TreeOperation"
import * as TreeParser from "@rdev/core/services/trees/TreeParser"
import * as Trees from "@rdev/core/services/Trees"
import { platform, runner, until } from "../operations/Harness.ts"

interface Server {
  readonly requests: Array<ApiRequest>
  /** Answers by `METHOD path`; a project is ready, and a feature released, some time after it was made. */
  readonly answers: Map<string, () => { readonly status: number; readonly body: Schema.Json }>
  readonly pages: Map<string, { readonly status: number; readonly body: string }>
}
const server = (): Server => ({ requests: [], answers: new Map(), pages: new Map() })

const actions = (s: Server) =>
  Layer.effect(
    TreeActions,
    Effect.map(NewId.make("proj"), (projectId) =>
      TreeActions.of({
        request: (request) =>
          Effect.sync(() => {
            s.requests.push(request)
            if (request.actor === null) return { status: 401, body: { detail: "no key" } }
            return (
              s.answers.get(`${request.method} ${request.path}`)?.() ?? {
                status: 404,
                body: { detail: `no route ${request.path}` }
              }
            )
          }),
        visit: ({ environment, path, project }) =>
          Effect.sync(() => {
            const page = s.pages.get(`${environment}.${project}${path}`)
            return { status: page?.status ?? 404, contentType: "text/html", body: page?.body ?? "" }
          }),
        executable: (_actor, project) =>
          project === "hello"
            ? Effect.succeed({ projectId, name: ProjectName.make("hello"), defaultBranch: "main" })
            : Effect.fail(
                new TreeActionsError({
                  operation: "TreeActions.executable",
                  reason: { _tag: "NotFound", message: `project ${project} does not exist` }
                })
              )
      })
    )
  )

const world = (s: Server) =>
  Trees.layer.pipe(
    Layer.provideMerge(platform(TreeOperation.definition)),
    Layer.provideMerge(Layer.mergeAll(actions(s), MemoryForge.layer, MemoryWorkspaceHost.layer))
  )

/** An API that makes projects ready after 3 s and features released after 20 s. */
const playing = (s: Server, name: string) =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const slug = "contact-us"
    let made = Infinity
    let asked = Infinity
    let deleted = false
    s.answers.set("POST /projects", () => {
      made = now()
      return { status: 202, body: { operation_id: "op_1", project: { id: "proj_1", name } } }
    })
    s.answers.set(`GET /projects/${name}`, () => ({
      status: 200,
      body: {
        status: now() - made > 3_000 ? "ready" : "provisioning",
        environments: [{ name: "production", url: `http://${name}.localhost/`, release_id: null }]
      }
    }))
    s.answers.set(`POST /projects/${name}/sdlc/features`, () => {
      asked = now()
      return { status: 201, body: { slug } }
    })
    s.answers.set(`GET /projects/${name}/sdlc/features/${slug}`, () => {
      const released = now() - asked > 20_000
      if (released) {
        s.pages.set(`production.${name}/`, { status: 200, body: "<html>Contact us</html>" })
        s.pages.set(`production.${name}/${slug}`, { status: 200, body: JSON.stringify({ title: "Greeting" }) })
      }
      return {
        status: 200,
        body: {
          feature: { phase: released ? "released" : "implementation", lifecycle: "active" },
          next: { actor: "agent", reason: "tasks are left" }
        }
      }
    })
    s.answers.set(`GET /projects/${name}/audit`, () => ({
      status: 200,
      body: { operations: [{ type: "project.provision" }] }
    }))
    s.answers.set("DELETE /projects/proj_1", () => {
      deleted = true
      return { status: 202, body: {} }
    })
    s.pages.set(`production.${name}/`, { status: 200, body: "<html>hello</html>" })
    s.pages.set(`production.${name}/health`, { status: 200, body: "{}" })
    return { isDeleted: () => deleted }
  })

const shipped = (name: string) => readFileSync(new URL(`../../../server/trees/${name}.yaml`, import.meta.url), "utf8")

describe("Trees", () => {
  for (const name of ["landing-page", "authenticated-service"]) {
    it.effect(`the shipped tree ${name} runs to its end and cleans up`, () => {
      const s = server()
      return Effect.gen(function* () {
        const state = yield* playing(s, "hello")
        const { id } = yield* (yield* Trees.Trees).run({ text: shipped(name), vars: { project_name: "hello" } })
        const r = yield* runner()
        const ended = yield* until(id, "completed", "failed")
        yield* r.stop
        assert.strictEqual(ended.status, "completed", ended.error?.message)
        assert.isTrue(state.isDeleted())
        const rows = yield* (yield* Operations).steps(id)
        assert.isTrue(
          rows.every((row) => row.status === "done"),
          rows
            .filter((row) => row.status !== "done")
            .map((row) => `${row.key} ${row.status}`)
            .join()
        )
        assert.isTrue(
          s.requests
            .filter((one) => one.method === "POST" && one.actor !== null)
            .every((one) => one.idempotencyKey?.startsWith(id))
        )
        // Waits are rows: one event per reason, however often it was polled.
        assert.isAbove(s.requests.filter((one) => one.path.includes("/sdlc/features/")).length, 10)
      }).pipe(Effect.provide(world(s)))
    })
  }

  it.effect("tears down after a failure and after a cancel, and skips what has nothing to tear down", () => {
    const s = server()
    const text = `
name: broken
vars: { keep: { default: false } }
steps:
  - { id: make, action: api, method: POST, path: /projects, expect_status: [202], outputs: { id: $.project.id } }
  - { id: bad, depends_on: [make], action: api, method: GET, path: /nowhere }
  - { id: never, depends_on: [bad], action: api, method: GET, path: /never }
teardown:
  - { id: delete, action: api, method: DELETE, path: "/projects/{{ steps.make.outputs.id }}" }
  - { id: other, action: api, method: DELETE, path: "/x/{{ steps.make.outputs.id }}", skip_if: true }
`
    return Effect.gen(function* () {
      const state = yield* playing(s, "hello")
      const trees = yield* Trees.Trees
      const operations = yield* Operations
      const { id } = yield* trees.run({ text, vars: {} })
      const r = yield* runner()
      const ended = yield* until(id, "failed")
      assert.include(ended.error?.message ?? "", "GET /nowhere answered 404, not 2xx: no route /nowhere")
      assert.isTrue(state.isDeleted())
      assert.isFalse(s.requests.some((one) => one.path === "/never"))
      const statuses = (yield* operations.steps(id)).map((row) => `${row.key} ${row.status}`)
      assert.deepStrictEqual(statuses.sort(), [
        "bad failed",
        "make done",
        "never planned",
        "teardown.delete done",
        "teardown.other skipped"
      ])
      const cancelled = yield* trees.run({ text, vars: {} })
      yield* operations.cancel(cancelled.id)
      yield* until(cancelled.id, "cancelled", "failed")
      yield* r.stop
      const rows = yield* operations.steps(cancelled.id)
      assert.include(["skipped", "done"], rows.find((row) => row.key === "teardown.delete")?.status)
    }).pipe(Effect.provide(world(s)))
  })

  it.effect("asks, waits as a row, and goes on with the answer", () => {
    const s = server()
    const text = `
name: asking
vars: { project_name: {} }
steps:
  - { id: may, action: ask, question: "Delete {{ vars.project_name }}?", outputs: { said: $.answer } }
  - { id: sure, depends_on: [may], action: assert, checks: [{ value: "{{ steps.may.outputs.said }}", equals: "yes" }] }
`
    return Effect.gen(function* () {
      const trees = yield* Trees.Trees
      const operations = yield* Operations
      const project = { id: yield* NewId.make("proj"), name: "shop" }
      const { digest, steps } = yield* trees.plan({ text, vars: {}, project })
      assert.deepStrictEqual(
        steps.map((step) => [step.key, step.change]),
        [
          ["may", "run"],
          ["sure", "run"]
        ]
      )
      assert.include(
        (yield* Effect.flip(trees.run({ text, vars: { project_name: "other" }, project, planDigest: digest }))).message,
        "plan again"
      )
      const { id } = yield* trees.run({ text, vars: {}, project, planDigest: digest })
      const r = yield* runner()
      yield* until(id, "waiting")
      assert.strictEqual((yield* operations.steps(id))[0]?.wait?.question, "Delete shop?")
      assert.include((yield* Effect.flip(operations.answer(id, "sure", "yes"))).message, "asks nothing")
      yield* operations.answer(id, "may", "yes")
      const ended = yield* until(id, "completed", "failed")
      assert.strictEqual(ended.status, "completed", ended.error?.message)
      assert.include((yield* Effect.flip(operations.answer(id, "may", "no"))).message, "has ended")
      yield* r.stop
    }).pipe(Effect.provide(world(s)))
  })

  it.effect("runs commands in a workspace that is removed afterwards", () => {
    const s = server()
    const text = `
name: commands
vars: { word: { default: hi } }
steps:
  - { id: say, action: shell, project: hello, command: [echo, "{{ vars.word }}", "{{ run.id }}"], outputs: { said: $.stdout } }
  - { id: check, depends_on: [say], action: assert, checks: [{ value: "{{ steps.say.outputs.said }}", contains: "hi op_" }] }
  - { id: exit, action: shell, project: hello, command: [exit, "3"], expect_exit_code: 3 }
`
    return Effect.gen(function* () {
      const trees = yield* Trees.Trees
      const { id } = yield* trees.run({ text, vars: {} })
      const r = yield* runner()
      yield* until(id, "completed")
      assert.deepStrictEqual(yield* (yield* WorkspaceHost.WorkspaceHost).list, [])
      const bad = yield* trees.run({
        text: `name: x\nsteps: [{ id: a, action: shell, project: other, command: [echo] }]`,
        vars: {}
      })
      const ended = yield* until(bad.id, "failed")
      assert.include(ended.error?.message ?? "", "project other does not exist")
      const exits = yield* trees.run({
        text: `name: x\nsteps: [{ id: a, action: shell, project: hello, command: [exit, "1"] }]`,
        vars: {}
      })
      assert.include((yield* until(exits.id, "failed")).error?.message ?? "", "exit exited 1")
      yield* r.stop
    }).pipe(Effect.provide(world(s)))
  })

  it.effect("tries again as told, gives up at deadlines, and says what it waited for", () => {
    const s = server()
    return Effect.gen(function* () {
      const trees = yield* Trees.Trees
      let calls = 0
      s.answers.set("GET /flaky", () => ({ status: ++calls < 4 ? 503 : 200, body: { n: calls } }))
      s.answers.set("GET /projects/slow", () => ({ status: 200, body: { status: "provisioning" } }))
      s.answers.set("GET /projects/bad", () => ({ status: 200, body: { status: "failed", operation_id: "op_9" } }))
      const r = yield* runner()
      const flaky = yield* trees.run({
        text: `name: x\nsteps: [{ id: a, action: api, method: GET, path: /flaky, retries: { times: 5, delay_seconds: 2 }, outputs: { n: $.n } }]`,
        vars: {}
      })
      assert.deepStrictEqual((yield* until(flaky.id, "completed")).output, { a: { n: 4 } })
      const slow = yield* trees.run({
        text: `name: x\nsteps: [{ id: a, action: wait_infra, project: slow, timeout_seconds: 30 }]`,
        vars: {}
      })
      assert.include((yield* until(slow.id, "failed")).error?.message ?? "", "after 30 s: project slow is provisioning")
      const bad = yield* trees.run({ text: `name: x\nsteps: [{ id: a, action: wait_infra, project: bad }]`, vars: {} })
      assert.include(
        (yield* until(bad.id, "failed")).error?.message ?? "",
        "project bad is failed; see its operation op_9"
      )
      yield* r.stop
    }).pipe(Effect.provide(world(s)))
  })

  it.effect("goes on after its runner vanished, waits where it was, and posts nothing twice", () => {
    const s = server()
    return Effect.gen(function* () {
      yield* playing(s, "hello")
      const { id } = yield* (yield* Trees.Trees).run({
        text: shipped("landing-page"),
        vars: { project_name: "hello" },
        idempotencyKey: "k"
      })
      assert.strictEqual(
        (yield* (yield* Trees.Trees).run({
          text: shipped("landing-page"),
          vars: { project_name: "hello" },
          idempotencyKey: "k"
        })).id,
        id
      )
      for (let i = 0; i < 5; i++) {
        const r = yield* runner({ drainMillis: 0 })
        yield* TestClock.adjust("3 seconds")
        yield* r.stop
      }
      const r = yield* runner()
      yield* until(id, "completed")
      yield* r.stop
      const posts = s.requests.filter((one) => one.method === "POST")
      assert.strictEqual(new Set(posts.map((one) => one.idempotencyKey)).size, 2)
    }).pipe(Effect.provide(world(s)))
  })
})

describe("what is wrong with a tree is found before it runs", () => {
  const problems = (text: string) =>
    Result.match(TreeParser.parse(text), {
      onSuccess: () => "",
      onFailure: (all) => all.map((one) => `${one.at}: ${one.message}`).join("\n")
    })
  const step = (fields: string) =>
    `name: x\nvars: { v: {} }\nsteps:\n  - { id: a, action: api, method: GET, path: /a, outputs: { o: $.o } }\n  - { ${fields} }`
  const table: ReadonlyArray<readonly [string, string, ...Array<string>]> = [
    ["bad YAML", "name: [", "line "],
    ["a duplicate key", "name: x\nname: y\nsteps: []", "line 2"],
    ["no steps", "name: x\nsteps: []", "steps"],
    ["an unknown field", "name: x\nsteps: []\nstesp: []", "stesp"],
    [
      "an unknown action",
      step("id: b, action: dance"),
      'steps[1].action: there is no action "dance"; there are api, wait_infra'
    ],
    [
      "a misspelt field of a step",
      step("id: b, action: api, method: GET, path: /b, dependson: [a]"),
      "steps[1]",
      "dependson"
    ],
    ["a bad method", step("id: b, action: api, method: FETCH, path: /b"), "steps[1]", "method"],
    ["a path without a slash", step("id: b, action: api, method: GET, path: b"), "begins with /"],
    ["an id used twice", step("id: a, action: api, method: GET, path: /b"), "used twice"],
    [
      "an unknown dependency",
      step("id: b, action: api, method: GET, path: /b, depends_on: [z]"),
      '"z", which does not exist'
    ],
    [
      "a circle",
      `name: x\nsteps: [{ id: a, action: api, method: GET, path: /, depends_on: [b] }, { id: b, action: api, method: GET, path: /, depends_on: [a] }]`,
      "circle"
    ],
    [
      "an unknown variable",
      step('id: b, action: api, method: GET, path: "/{{ vars.w }}"'),
      "steps[1].path: there is no variable w; there are v"
    ],
    [
      "a placeholder that means nothing",
      step('id: b, action: api, method: GET, path: "/{{ env.HOME }}"'),
      "env.HOME }} means nothing"
    ],
    [
      "an output of a step that need not have run",
      step('id: b, action: api, method: GET, path: "/{{ steps.a.outputs.o }}"'),
      "add it to depends_on"
    ],
    [
      "an output that is not declared",
      step('id: b, depends_on: [a], action: api, method: GET, path: "/{{ steps.a.outputs.p }}"'),
      "step a has no output p"
    ],
    [
      "a bad output path",
      step('id: b, action: api, method: GET, path: /b, outputs: { o: "$..x" }'),
      "steps[1].outputs.o"
    ],
    [
      "an ambiguous wait",
      step("id: b, action: wait_build, project: p, task: t, feature: f"),
      "exactly one of task, feature and environment"
    ],
    ["a check of nothing", step("id: b, action: assert, checks: [{ at: $.x, equals: 1 }]"), "nothing is visited"],
    ["a check without a test", step("id: b, action: assert, checks: [{ value: 1 }]"), "exactly one of equals"]
  ]
  for (const [name, text, ...says] of table) {
    it(name, () => {
      const found = problems(text)
      for (const one of says) assert.include(found, one)
    })
  }
  it("variables are checked too", () => {
    const tree = TreeParser.parse(
      "name: x\nvars: { a: { description: the name }, b: { default: 1 } }\nsteps: [{ id: a, action: api, method: GET, path: / }]"
    )
    if (Result.isFailure(tree)) return assert.fail("the tree is right")
    assert.deepStrictEqual(TreeParser.variables(tree.success, { a: "x" }), Result.succeed({ a: "x", b: 1 }))
    assert.deepStrictEqual(
      TreeParser.variables(tree.success, { c: "x" }),
      Result.fail([
        { at: "vars.c", message: "the tree x has no such variable; it has a, b" },
        { at: "vars.a", message: "missing: the name" }
      ])
    )
  })
})

describe("JsonPath and Template", () => {
  it("name one value", () => {
    const value = { a: [{ "b c": 1 }, 2], constructor_: null }
    const at = (path: string) => Option.flatMap(JsonPath.parse(path), (parsed) => JsonPath.at(value, parsed))
    assert.deepStrictEqual(at("$.a[0]['b c']"), Option.some(1))
    assert.deepStrictEqual(at("$.a[-1]"), Option.some(2))
    assert.deepStrictEqual(at("$.constructor_"), Option.some(null))
    for (const path of ["$.constructor", "$.a.length", "$.__proto__", "$.a[9]", "a", "$.", "$[", "$[x]"])
      assert.isTrue(Option.isNone(at(path)), path)
  })
  it("keep types when alone, and write text elsewhere", () => {
    const lookup: Template.Lookup = (reference) =>
      reference._tag === "Var"
        ? Option.fromUndefinedOr(({ n: 7, o: { x: 1 } } as Record<string, Schema.Json>)[reference.name])
        : Option.none()
    assert.deepStrictEqual(
      Template.render({ a: "{{ vars.n }}", b: ["n={{vars.n}} {{ vars.o }}"] }, lookup),
      Result.succeed({ a: 7, b: ['n=7 {"x":1}'] })
    )
    assert.deepStrictEqual(Template.render("{{ vars.z }}", lookup), Result.fail("vars.z"))
  })
})
