/** The suite of Ci, unchanged, on the server of the test, whose runner plays workflows for real; and what is GitHub's alone. */
import { assert, describe, it } from "@effect/vitest"
import { suite, type Kind } from "@rdev/conformance/infra/CiSuite"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer, Option, Stream } from "effect"
import { stepsOf, viewOf } from "../src/GitHubActions.ts"
import * as GitHubCi from "../src/GitHubCi.ts"
import { Fake, forge, freshTarget, main, server } from "./World.ts"

const steps = (commands: Readonly<Record<string, string>>): string =>
  `steps:\n${Object.entries(commands)
    .map(([name, command]) => `  - name: ${name}\n    commands: [ ${JSON.stringify(command)} ]\n`)
    .join("")}`
const pipelines: Readonly<Record<Kind, string>> = {
  green: steps({ build: "echo building", test: "true" }),
  red: steps({ build: "true", test: "echo '1 failed'; exit 3", deploy: "true" }),
  slow: steps({ wait: "sleep 600" }),
  broken: "steps:\n  - name: a\n    comands: [ x ]\n"
}
const project = (kind: Kind) =>
  Effect.gen(function* () {
    const target = yield* freshTarget
    yield* (yield* RepositoryHost).ensure(target, {
      defaultBranch: main,
      message: "Start",
      files: [{ path: ".woodpecker.yml", content: pipelines[kind] }]
    })
    return { target, sha: Option.getOrThrow(yield* (yield* GitObjects).head(target, main)) }
  })
const granted = Layer.effectDiscard(
  Effect.map(Fake, ({ state }) => {
    Object.assign(state.permissions, { actions: "write" })
  })
)
const world = (options: Parameters<typeof GitHubCi.layer>[0] = {}) =>
  GitHubCi.layer(options).pipe(
    Layer.provideMerge(forge({ freshMillis: 0 })),
    Layer.provideMerge(Layer.provideMerge(granted, server))
  )

suite("GitHub", world(), { prepare: project })

describe("GitHub Actions", () => {
  it.live("nobody takes a run: infra; and the log's other server gets no credential", () =>
    Effect.gen(function* () {
      const services = yield* Layer.build(world())
      const [ci, fake] = [Context.get(services, Ci), Context.get(services, Fake)]
      const { sha, target } = yield* Effect.provideContext(project("green"), services)
      yield* ci.ensure(target)
      const good = yield* ci.start(target, { key: "a", sha, branch: "main", event: "push" })
      yield* Stream.runDrain(ci.follow(target, good.id))
      assert.strictEqual((yield* ci.get(target, good.id)).status, "green")
      assert.isTrue(fake.state.actions.blobs.length > 0)
      assert.isTrue(fake.state.actions.blobs.every((authorization) => authorization === undefined))
      fake.state.actions.works = false
      const impatient = Context.get(
        yield* Layer.build(Layer.fresh(GitHubCi.layer({ queueMillis: 400 }))).pipe(Effect.provideContext(services)),
        Ci
      )
      const { id } = yield* impatient.start(target, { key: "b", sha, branch: "main", event: "push" })
      yield* Stream.runDrain(impatient.follow(target, id))
      const run = yield* impatient.get(target, id)
      assert.strictEqual(run.status, "infra")
      assert.match(run.reason ?? "", /no runner took it/)
    }).pipe(Effect.scoped)
  )
  it("what GitHub says of runs and steps", () => {
    const run = { id: 1, display_title: "t", updated_at: "2026-01-01T00:00:02Z", html_url: "u" }
    for (const [status, conclusion, expected, ended] of [
      ["queued", null, "queued", null],
      ["requested", null, "queued", null],
      ["pending", null, "queued", null],
      ["waiting", null, "waiting", null],
      ["action_required", null, "waiting", null],
      ["in_progress", null, "running", null],
      ["completed", "timed_out", "completed", "timed_out"],
      ["something_new", null, "queued", null]
    ] as const)
      assert.deepInclude(viewOf({ ...run, status, conclusion }), { status: expected, conclusion: ended })
    const step = (name: string, status: string, conclusion: string | null) => ({ name, status, conclusion })
    assert.deepStrictEqual(
      stepsOf([
        step("Set up job", "completed", "success"),
        step("Fetch the commit", "completed", "success"),
        step("a", "completed", "failure"),
        step("b", "in_progress", null),
        step("c", "queued", null)
      ]).map(({ status }) => status),
      ["success", "failure", "running", "pending"]
    )
    assert.deepStrictEqual(stepsOf([step("Set up job", "in_progress", null)]), [])
  })
})
