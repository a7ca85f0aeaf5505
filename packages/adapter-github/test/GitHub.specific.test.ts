/** What is GitHub's alone: limits, redirects, lost answers, tokens, marks, the merge queue, and how often it is asked. */
import { assert, describe, layer as withLayer, it } from "@effect/vitest"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Option, Redacted } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import * as FakeGit from "./FakeGit.ts"
import {
  appOf,
  author,
  begin,
  counted,
  Fake,
  forge,
  freshTarget,
  layer,
  main,
  once,
  reasonOf,
  seed,
  server
} from "./World.ts"

const repo = "/repos/{owner}/{repo}"

withLayer(layer, { excludeTestServices: true })("GitHub", (it) => {
  it.effect("says when to ask again, and does not ask again by itself", () =>
    Effect.gen(function* () {
      const { fake, head, repositories, target } = yield* begin
      const state = { context: "rdev/ci", state: "success", description: "", url: null } as const
      const route = `POST ${repo}/statuses/{sha}`
      for (const [fault, tag, after] of [
        [{ status: 429, headers: { "retry-after": "7" } }, "RateLimited", 7_000],
        [
          {
            status: 403,
            headers: { "retry-after": "11" },
            body: { message: "You have exceeded a secondary rate limit. Please wait a few minutes." }
          },
          "RateLimited",
          11_000
        ],
        [{ status: 500 }, "Unavailable", null],
        [{ status: 200, body: "half" }, "Unknown", null],
        ["cut", "Unavailable", null],
        ["lost", "Unavailable", null]
      ] as const) {
        once(fake, route, fault, 10)
        const { answer, calls } = yield* counted(fake, reasonOf(repositories.setStatus(target, head, state)))
        const which = JSON.stringify(fault)
        if (fault !== "lost" && typeof fault === "object" && fault.status === 200)
          assert.include(["Unavailable", "Unknown"], answer._tag, which)
        else assert.strictEqual(answer._tag, tag, which)
        if (answer._tag === "RateLimited") assert.strictEqual(answer.retryAfterMillis, after, which)
        if (fault !== "lost") assert.strictEqual(calls.filter((call) => call.route === route).length, 1, which)
      }
      fake.meet = () => null
      yield* repositories.setStatus(target, head, state)
    })
  )

  it.effect("finds what it did when the answer was lost", () =>
    Effect.gen(function* () {
      const { branch, fake, git, pull, repositories, target } = yield* begin
      const made = yield* freshTarget
      once(fake, "POST /orgs/{org}/repos", "lost")
      assert.strictEqual((yield* reasonOf(repositories.ensure(made, seed)))._tag, "Unavailable")
      fake.meet = () => null
      assert.strictEqual((yield* repositories.ensure(made, seed)).created, false)
      assert.isTrue(Option.isSome(yield* git.head(made, main)), "the seed was written by whoever went on")

      const head = yield* branch
      once(fake, `POST ${repo}/pulls`, "lost")
      assert.strictEqual((yield* reasonOf(repositories.ensurePullRequest(target, pull)))._tag, "Unavailable")
      fake.meet = () => null
      assert.strictEqual((yield* repositories.ensurePullRequest(target, pull)).number, 1)
      once(fake, `PUT ${repo}/pulls/{pull_number}/merge`, "lost")
      assert.strictEqual((yield* reasonOf(repositories.mergePullRequest(target, 1, head)))._tag, "Unavailable")
      fake.meet = () => null
      const sha = yield* repositories.mergePullRequest(target, 1, head)
      assert.deepStrictEqual(yield* git.head(target, main), Option.some(sha))
      once(fake, `POST ${repo}/issues/{issue_number}/comments`, "lost")
      const comment = { key: "progress", body: "one" }
      assert.strictEqual((yield* reasonOf(repositories.ensureComment(target, 1, comment)))._tag, "Unavailable")
      fake.meet = () => null
      yield* repositories.ensureComment(target, 1, comment)
      assert.strictEqual((yield* repositories.comments(target, 1)).length, 1)
    })
  )

  it.effect("waits for a new repository that is not everywhere yet", () =>
    Effect.gen(function* () {
      const [fake, repositories, git] = [yield* Fake, yield* RepositoryHost, yield* GitObjects]
      const target = yield* freshTarget
      let left = 2
      fake.meetGit = () => (left-- > 0 ? { status: 404 } : null)
      assert.strictEqual((yield* repositories.ensure(target, seed)).created, true)
      fake.meetGit = () => null
      assert.isTrue(Option.isSome(yield* git.head(target, main)))
    })
  )

  it.effect("goes on with a repository that a person renamed, and leaves alone what took its name", () =>
    Effect.gen(function* () {
      const { branch, fake, git, head, pull, repositories, repository, target } = yield* begin
      fake.state.rename(repository, `${target.name}-renamed`)
      assert.deepStrictEqual(yield* git.head(target, main), Option.some(head))
      yield* branch
      assert.strictEqual((yield* repositories.ensurePullRequest(target, pull)).number, 1)
      assert.match(Option.getOrThrow(yield* repositories.observe(target)).externalId, /-renamed$/)
      const other = fake.state.create("acme", target.name, { description: "Somebody's" })
      yield* repositories.setStatus(target, head, { context: "x", state: "success", description: "", url: null })
      assert.strictEqual((yield* repositories.ensure(target, seed)).externalId, `acme/${target.name}-renamed`)
      yield* repositories.remove(target)
      assert.isTrue(fake.state.repositories.has(other.id))
      assert.isFalse(fake.state.repositories.has(repository.id))
      assert.strictEqual((yield* reasonOf(repositories.ensure(target, seed)))._tag, "Foreign")
      assert.strictEqual((yield* reasonOf(repositories.remove(target)))._tag, "Foreign")
    })
  )

  it.effect("sends its token nowhere else, whatever it is told", () =>
    Effect.gen(function* () {
      const { fake, repositories, target } = yield* begin
      const heard: Array<string | undefined> = []
      const elsewhere = createServer((request, response) => {
        heard.push(request.headers.authorization)
        response.end("{}")
      })
      yield* Effect.acquireRelease(
        Effect.promise(() => new Promise<void>((done) => void elsewhere.listen(0, "127.0.0.1", done))),
        () => Effect.sync(() => void elsewhere.close())
      )
      const url = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/x`
      fake.meet = (route) => (route === `GET ${repo}` ? { status: 301, headers: { location: url } } : null)
      const moved = yield* reasonOf(repositories.observe(target))
      fake.meet = () => null
      assert.deepStrictEqual(heard, [])
      assert.strictEqual(moved._tag, "Conflict", "a repository that cannot be looked at is not one that is gone")
    }).pipe(Effect.scoped)
  )

  it.effect("makes a new token when the old one was revoked, for git too", () =>
    Effect.gen(function* () {
      const { fake, git, head, repositories, target } = yield* begin
      fake.state.tokens.clear()
      yield* repositories.setStatus(target, head, { context: "x", state: "success", description: "", url: null })
      fake.state.tokens.clear()
      const next = yield* git.commit(target, {
        branch: main,
        expectedHead: head,
        changes: [{ path: "a", content: "a" }],
        message: "a",
        author
      })
      assert.strictEqual(FakeGit.head(fake.state.directory(fake.state.find("acme", target.name)!), "main"), next)
    })
  )

  it.effect("issues tokens for one repository and takes them back", () =>
    Effect.gen(function* () {
      const { fake, repositories, repository, target } = yield* begin
      const other = fake.state.create("acme", `other-${target.name}`, {})
      const reads = Redacted.value((yield* repositories.issueToken(target, "read", 60, "platform")).token)
      const writes = yield* repositories.issueToken(target, "write", 60, "platform")
      const token = Redacted.value(writes.token)
      assert.strictEqual(writes.username, "x-access-token")
      assert.isAtMost(writes.expiresAtMillis, Date.now() + 3_600_000)
      assert.deepStrictEqual(
        [
          fake.state.may(reads, repository.id, false),
          fake.state.may(reads, repository.id, true),
          fake.state.may(token, repository.id, true),
          fake.state.may(token, other.id, false)
        ],
        [true, false, true, false]
      )
      yield* repositories.revokeTokens(target)
      assert.deepStrictEqual([fake.state.lives(reads), fake.state.lives(token)], [false, false])
    })
  )

  it.effect("believes a comment's key from its own account alone", () =>
    Effect.gen(function* () {
      const { branch, pull, repositories, repository, target } = yield* begin
      yield* branch
      yield* repositories.ensurePullRequest(target, pull)
      repository.comments.push({ id: 7, issue: 1, login: "mallory", body: "mine\n\n<!-- rdev:progress -->" })
      const ours = yield* repositories.ensureComment(target, 1, { key: "progress", body: "one" })
      assert.notStrictEqual(ours.id, "7")
      assert.deepStrictEqual(
        (yield* repositories.comments(target, 1)).map(({ author: login, key }) => [login, key]),
        [
          ["mallory", null],
          ["rdev-test[bot]", "progress"]
        ]
      )
    })
  )

  it.effect("reads lists to their end", () =>
    Effect.gen(function* () {
      const { branch, pull, repositories, repository, target } = yield* begin
      yield* branch
      yield* repositories.ensurePullRequest(target, pull)
      for (let id = 1; id <= 250; id++)
        repository.comments.push({ id, issue: 1, login: "rdev-test[bot]", body: `n\n\n<!-- rdev:n/${id} -->` })
      assert.strictEqual((yield* repositories.comments(target, 1)).length, 250)
      assert.strictEqual((yield* repositories.ensureComment(target, 1, { key: "n/249", body: "n" })).id, "249")
    })
  )

  it.effect("says what a merge queue and a plan do", () =>
    Effect.gen(function* () {
      const { branch, fake, pull, repositories, target } = yield* begin
      const head = yield* branch
      yield* repositories.ensurePullRequest(target, pull)
      once(fake, `PUT ${repo}/pulls/{pull_number}/merge`, {
        status: 405,
        body: { message: "Changes must be made through the merge queue" }
      })
      const queue = yield* reasonOf(repositories.mergePullRequest(target, 1, head))
      assert.strictEqual(queue._tag, "Unsupported")
      assert.match(Reflect.get(queue, "message"), /queue on its page/)
      once(fake, `GET ${repo}/rulesets`, {
        status: 403,
        body: { message: "Upgrade to GitHub Pro or make this repository public to enable this feature." }
      })
      const plan = yield* reasonOf(repositories.protect(target, { branch: main, requiredStatuses: ["rdev/ci"] }))
      fake.meet = () => null
      assert.strictEqual(plan._tag, "Unsupported")
    })
  )

  it.effect("protects by rulesets that let the App pass and nobody rewrite", () =>
    Effect.gen(function* () {
      const { fake, repositories, repository, target } = yield* begin
      yield* repositories.protect(target, { branch: main, requiredStatuses: ["rdev/ci"] })
      yield* repositories.protect(target, { branch: main, requiredStatuses: ["rdev/review"] })
      const rulesets = [...repository.rulesets.values()]
      assert.strictEqual(rulesets.length, 2)
      assert.deepStrictEqual(
        rulesets.map((one) => one["bypass_actors"]),
        [undefined, [{ actor_id: fake.state.appId, actor_type: "Integration", bypass_mode: "always" }]]
      )
      assert.include(JSON.stringify(rulesets[1]), '"required_status_checks":[{"context":"rdev/review"}]')
      assert.include(JSON.stringify(rulesets[0]), '"non_fast_forward"')
    })
  )

  it.effect("marks in one request and keeps what people wrote beside it", () =>
    Effect.gen(function* () {
      const { fake, repositories, repository, target } = yield* begin
      assert.strictEqual(repository.description, `[rdev:${target.projectId}]`)
      assert.deepStrictEqual(repository.topics, ["rdev"])
      assert.isTrue(repository.private)
      const there = fake.state.create("acme", `there-${target.name}`, { description: "The shop of Ada" })
      there.topics = ["shop"]
      const adopting = yield* freshTarget
      yield* repositories.adopt(adopting, `acme/${there.name}`)
      assert.strictEqual(there.description, `The shop of Ada [rdev:${adopting.projectId}:adopted]`)
      assert.deepStrictEqual(there.topics, ["shop", "rdev"])
      yield* repositories.release(adopting)
      yield* repositories.release(adopting)
      assert.deepStrictEqual([there.description, there.topics], ["The shop of Ada", ["shop"]])
      assert.strictEqual((yield* reasonOf(repositories.release(target)))._tag, "Conflict", "what was made is removed")
      for (const bad of ["there", "acme/", "acme/a/b", "acme/..%2f", "other/x", "acme/a b", ""])
        assert.strictEqual((yield* reasonOf(repositories.adopt(yield* freshTarget, bad)))._tag, "NotFound", bad)
      there.description = "x".repeat(320)
      assert.strictEqual(
        (yield* reasonOf(repositories.adopt(yield* freshTarget, `acme/${there.name}`)))._tag,
        "Invalid"
      )
      assert.strictEqual(there.description, "x".repeat(320))
    })
  )

  it.effect("makes another default branch than GitHub's the default", () =>
    Effect.gen(function* () {
      const [repositories, fake] = [yield* RepositoryHost, yield* Fake]
      const target = yield* freshTarget
      const made = yield* repositories.ensure(target, { ...seed, defaultBranch: BranchName.make("trunk") })
      assert.strictEqual(made.defaultBranch, "trunk")
      assert.strictEqual(fake.state.find("acme", target.name)?.defaultBranch, "trunk")
    })
  )

  it.effect("asks fewer than 60 times from a feature's draft to its release", () =>
    Effect.gen(function* () {
      const { branch, fake, pull, repositories, target } = yield* begin
      const say = (sha: string, context: string, state: "pending" | "success") =>
        repositories.setStatus(target, sha, { context, state, description: "", url: null })
      const { calls } = yield* counted(
        fake,
        Effect.gen(function* () {
          const head = yield* branch
          const { number } = yield* repositories.ensurePullRequest(target, pull)
          for (const context of ["rdev/ci", "rdev/review", "rdev/approval"]) yield* say(head, context, "pending")
          for (let step = 1; step <= 6; step++) {
            yield* repositories.ensureComment(target, number, { key: "progress", body: `step ${step}` })
            yield* repositories.pullRequest(target, number)
          }
          for (const context of ["rdev/ci", "rdev/review", "rdev/approval"]) yield* say(head, context, "success")
          yield* repositories.statuses(target, head)
          yield* repositories.mergePullRequest(target, number, head)
          yield* repositories.pullRequest(target, number)
        })
      )
      const paid = calls.filter(({ status }) => status !== 304)
      assert.isBelow(calls.length, 60, calls.map(({ route, status }) => `${status} ${route}`).join("\n"))
      assert.isAtMost(paid.length, 30)
      assert.isAtLeast(calls.length - paid.length, 4, "what did not change is not counted by GitHub")
      assert.isAtMost(calls.filter(({ route }) => route === `GET ${repo}`).length, 1)
    })
  )
})

describe("a personal token", () => {
  it.live("does all but make tokens", () =>
    Effect.gen(function* () {
      const fake = yield* Fake
      const token = fake.state.token(null, fake.state.permissions, fake.state.person)
      yield* Effect.gen(function* () {
        const { git, head, repositories, target } = yield* begin
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(head))
        assert.strictEqual(
          (yield* reasonOf(repositories.issueToken(target, "read", 60, "platform")))._tag,
          "Unsupported"
        )
        assert.strictEqual((yield* repositories.list).length, 1)
        yield* repositories.remove(target)
        assert.deepStrictEqual(yield* repositories.list, [])
      }).pipe(Effect.provide(forge({ credentials: { _tag: "Token", token: Redacted.make(token) } })))
    }).pipe(Effect.provide(server), Effect.scoped)
  )
  it.live("makes repositories of a person, which an App cannot", () =>
    Effect.gen(function* () {
      const fake = yield* Fake
      fake.state.ownerType = "User"
      const token = fake.state.token(null, fake.state.permissions, fake.state.person)
      const ensure = Effect.gen(function* () {
        return yield* (yield* RepositoryHost).ensure(yield* freshTarget, seed)
      })
      const byApp = yield* reasonOf(Effect.provide(ensure, forge({ credentials: appOf(fake) })))
      assert.strictEqual(byApp._tag, "Unsupported")
      const byToken = Effect.provide(ensure, forge({ credentials: { _tag: "Token", token: Redacted.make(token) } }))
      assert.strictEqual((yield* byToken).created, true)
    }).pipe(Effect.provide(server), Effect.scoped)
  )
})
