// lab: gitea actions-runner
/** What only a real server of Actions can meet: no runner, a runner that dies, a restart, a lost answer, people who push and rename. */
import { assert, layer } from "@effect/vitest"
import * as FaultProxy from "@rdev/conformance/faults/FaultProxy"
import { Ci } from "@rdev/core/ports/infra/Ci"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { Context, Effect, Fiber, Layer, Redacted, Schedule, Schema, Stream } from "effect"
import * as GiteaCi from "../src/GiteaCi.ts"
import * as GiteaClient from "../src/GiteaClient.ts"
import * as GiteaForge from "../src/GiteaForge.ts"
import { client, folder, forge, organisation, token, url } from "./Lab.ts"
import * as OwnGitea from "./OwnGitea.ts"
import * as Projects from "./Projects.ts"
import { label, runner } from "./Runners.ts"

const RunList = Schema.Struct({
  workflow_runs: Schema.Array(Schema.Struct({ id: Schema.Int, head_branch: Schema.String }))
})
/** By the server's own listing. */
const listed = (of: GiteaClient.GiteaClient, { name }: RepositoryTarget) =>
  Effect.flatMap(of.call("GET", `/repos/${organisation}/${name}/actions/runs`), ({ json }) =>
    Effect.map(GiteaClient.decode(RunList, "runs")(json), ({ workflow_runs }) => workflow_runs)
  )
const request = (sha: string, key: string) => ({ key, sha, branch: "main", event: "push" as const })
const drained = (ci: Ci["Service"], target: RepositoryTarget, id: Parameters<Ci["Service"]["get"]>[1]) =>
  Effect.andThen(Stream.runDrain(ci.follow(target, id)), ci.get(target, id))

const green = { ".woodpecker.yml": Projects.steps({ test: "cat a.txt" }), "a.txt": "one" }
const both = (options: { readonly url: string; readonly token: Redacted.Redacted }, ciOptions: GiteaCi.Options) =>
  Effect.gen(function* () {
    const dataDir = yield* folder
    const services = yield* Layer.build(
      Layer.fresh(
        GiteaCi.layer(ciOptions).pipe(Layer.provideMerge(GiteaForge.layer({ dataDir, organisation, ...options })))
      )
    )
    return { ci: Context.get(services, Ci), services }
  })

layer(Layer.orDie(forge), { excludeTestServices: true })("Gitea Actions", (it) => {
  it.effect("nobody takes a run: infra, and it stays so when somebody comes late", () =>
    Effect.gen(function* () {
      const { ci, services } = yield* both({ url, token }, { runsOn: `${label}-none`, queueMillis: 3_000 })
      const { sha, target } = yield* Effect.provideContext(Projects.make(green), services)
      yield* ci.ensure(target)
      const { id } = yield* ci.start(target, request(sha, "k"))
      const run = yield* drained(ci, target, id)
      assert.strictEqual(run.status, "infra")
      assert.match(run.reason ?? "", /no runner took it within 3 s.*-none/)
      yield* runner(client, url, `${label}-none`)
      const late = yield* ci.get(target, id).pipe(
        Effect.repeat({
          schedule: Schedule.spaced("300 millis").pipe(Schedule.upTo({ times: 20 })),
          until: ({ status }) => status !== "infra"
        })
      )
      assert.deepStrictEqual({ ...late, durationMillis: null }, { ...run, durationMillis: null })
    })
  )

  it.effect("a lost answer starts no second run, and a repository that is renamed meanwhile is followed", () =>
    Effect.gen(function* () {
      yield* runner()
      const proxy = yield* FaultProxy.make(url)
      const { ci, services } = yield* both({ url: proxy.url, token }, { runsOn: label })
      const { sha, target } = yield* Effect.provideContext(Projects.make(green), services)
      yield* ci.ensure(target)
      proxy.choose(({ path }) => (path.endsWith("/git-receive-pack") ? "lost" : null))
      const first = yield* Effect.flip(ci.start(target, request(sha, "k")))
      assert.strictEqual(first.reason._tag, "Unavailable", first.message)
      proxy.choose(null)
      const [again, once] = [yield* ci.start(target, request(sha, "k")), yield* ci.start(target, request(sha, "k"))]
      assert.strictEqual(again.id, once.id)
      yield* client.call("PATCH", `/repos/${organisation}/${target.name}`, { body: { name: `${target.name}-moved` } })
      assert.strictEqual((yield* drained(ci, target, again.id)).status, "green")
      const runs = yield* listed(client, { ...target, name: `${target.name}-moved` as never })
      assert.strictEqual(runs.length, 1)
    })
  )

  it.effect("a result is of its commit, whatever people push meanwhile; the commit shows it, and no branch stays", () =>
    Effect.gen(function* () {
      const { ci, services } = yield* both({ url, token }, { runsOn: label })
      const { sha, target } = yield* Effect.provideContext(Projects.make(green), services)
      const [git, repositories] = [Context.get(services, GitObjects), Context.get(services, RepositoryHost)]
      yield* ci.ensure(target)
      const { id } = yield* ci.start(target, request(sha, "k"))
      const next = yield* git.commit(target, {
        branch: Projects.main,
        expectedHead: sha,
        changes: [{ path: "a.txt", content: "two" }],
        message: "by a person",
        author: { name: "A", email: "a@b" }
      })
      yield* runner()
      const events = yield* Stream.runCollect(ci.follow(target, id))
      assert.isTrue(events.some((event) => event._tag === "Output" && event.line === "one"))
      assert.deepInclude(yield* ci.get(target, id), { sha, status: "green" })
      assert.deepInclude((yield* repositories.statuses(target, sha))[0], { context: "rdev/ci", state: "success" })
      const second = yield* ci.start(target, request(next, "k2"))
      const after = yield* Stream.runCollect(ci.follow(target, second.id))
      assert.isTrue(after.some((event) => event._tag === "Output" && event.line === "two"))
      assert.deepStrictEqual(
        (yield* git.branches(target)).map(({ name }) => name),
        ["main"]
      )
    })
  )
})

layer(Layer.empty, { excludeTestServices: true })("a Gitea of its own", (it) => {
  it.effect(
    "is restarted, loses its runner, and refuses a token: each says what it is, and goes on after repair",
    () =>
      Effect.gen(function* () {
        const own = yield* OwnGitea.make
        const direct = GiteaClient.make({ url: own.url, token: own.token })
        yield* direct.call("POST", "/orgs", { body: { username: organisation } })
        const taken = own.newToken("platform")
        const { ci, services } = yield* both({ url: own.url, token: taken }, { runsOn: label })
        const slow = { ...green, ".woodpecker.yml": Projects.steps({ wait: "sleep 3", test: "cat a.txt" }) }
        const { sha, target } = yield* Effect.provideContext(Projects.make(slow), services)
        yield* ci.ensure(target)

        const first = yield* runner(direct, own.url)
        const one = yield* ci.start(target, request(sha, "restart"))
        const following = yield* Effect.forkChild(drained(ci, target, one.id))
        yield* Stream.runHead(Stream.filter(ci.follow(target, one.id), ({ _tag }) => _tag === "StepStarted"))
        yield* Effect.promise(() => own.stop("SIGKILL"))
        assert.strictEqual((yield* Effect.flip(ci.get(target, one.id))).reason._tag, "Unavailable")
        yield* Effect.promise(own.start)
        assert.include(["green", "infra"], (yield* Fiber.join(following)).status)

        const two = yield* ci.start(target, request(sha, "dies"))
        yield* Stream.runHead(Stream.filter(ci.follow(target, two.id), ({ _tag }) => _tag === "StepStarted"))
        first.kill()
        const lost = yield* drained(ci, target, two.id)
        assert.strictEqual(lost.status, "infra")
        assert.match(lost.reason ?? "", /the runner was lost while step "wait" ran/)

        yield* runner(direct, own.url)
        const three = yield* ci.start(target, request(sha, "token"))
        yield* direct.call("DELETE", "/users/own/tokens/platform", {
          as: { username: "own", password: Redacted.make("own-password-1") },
          accept: [204]
        })
        const refused = yield* Effect.flip(drained(ci, target, three.id))
        assert.strictEqual(refused.reason._tag, "Unauthorized")
        assert.include(refused.message, "make a new token")
        assert.notInclude(JSON.stringify(refused), Redacted.value(taken))
        const repaired = yield* both({ url: own.url, token: own.newToken("platform") }, { runsOn: label })
        assert.strictEqual((yield* drained(repaired.ci, target, three.id)).status, "green")
        assert.strictEqual((yield* listed(direct, target)).length, 3)
      }),
    400_000
  )
})
