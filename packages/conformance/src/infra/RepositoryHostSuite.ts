/** What the host of every forge's repositories must do. Run it with a forge of its own; what it makes is left behind for the layer to drop. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { type CommitStatus, RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Layer, Option, Redacted } from "effect"
import { fresh, freshTarget, main, reasonOf, text, topic } from "./ForgeWorld.ts"

/** What not every forge has; without it the verbs answer Unsupported, and say why. */
export interface Capabilities {
  /** Makes a repository that is nobody's project's, and answers with its id at the forge. */
  readonly stranger: Effect.Effect<string> | null
  /** Events that webhooks can be asked for, the first of them of a push. */
  readonly webhookEvents: ReadonlyArray<string> | null
  readonly protects: boolean
}

export const suite = (
  name: string,
  layer: Layer.Layer<GitObjects | RepositoryHost, unknown>,
  capabilities: Capabilities
): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`RepositoryHost: ${name}`, (it) => {
    it.effect("creates a repository once, marked as the project's", () =>
      Effect.gen(function* () {
        const { repositories, git, target, head } = yield* fresh
        const again = yield* repositories.ensure(target, {
          defaultBranch: main,
          files: [{ path: "other", content: "x" }],
          message: "Other"
        })
        assert.strictEqual(again.created, false)
        assert.strictEqual(again.defaultBranch, "main")
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(head))
        const observed = Option.getOrThrow(yield* repositories.observe(target))
        assert.strictEqual(observed.cloneUrl, again.cloneUrl)
        assert.isFalse(observed.cloneUrl.includes("@"), "a clone URL carries no credentials")
        assert.isTrue(
          (yield* repositories.list).some((r) => r.projectId === target.projectId && r.externalId === again.externalId)
        )
      })
    )

    it.effect("refuses another project's repository", () =>
      Effect.gen(function* () {
        const { repositories, git, target, head } = yield* fresh
        const other = { ...target, projectId: yield* NewId.make("proj") }
        const seed = { defaultBranch: main, files: [], message: "Start" }
        assert.strictEqual((yield* reasonOf(repositories.ensure(other, seed)))._tag, "Foreign")
        assert.strictEqual((yield* reasonOf(repositories.remove(other)))._tag, "Foreign")
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(head))
      })
    )

    it.effect("deletes a repository, also when there is none", () =>
      Effect.gen(function* () {
        const { repositories, git, target } = yield* fresh
        yield* repositories.remove(target)
        yield* repositories.remove(target)
        assert.isTrue(Option.isNone(yield* repositories.observe(target)))
        assert.strictEqual((yield* reasonOf(git.head(target, main)))._tag, "NotFound")
      })
    )

    it.effect("opens, closes and merges a pull request", () =>
      Effect.gen(function* () {
        const { repositories, git, target, head, write, branchOff } = yield* fresh
        const first = yield* branchOff(topic, "t.txt", "t")
        const pull = yield* repositories.ensurePullRequest(target, {
          head: topic,
          base: main,
          title: "Add t",
          body: "why"
        })
        assert.deepStrictEqual(
          [pull.number, pull.state, pull.headSha, pull.mergeSha, pull.title],
          [1, "open", first, null, "Add t"]
        )
        assert.strictEqual(
          (yield* repositories.ensurePullRequest(target, { head: topic, base: main, title: "Again", body: "" })).number,
          1
        )
        const second = yield* write(topic, first, "t.txt", "tt")
        assert.strictEqual((yield* repositories.pullRequest(target, 1)).headSha, second, "it follows its branch")
        assert.strictEqual((yield* reasonOf(repositories.mergePullRequest(target, 1, first)))._tag, "Conflict")
        assert.strictEqual((yield* repositories.setPullRequestState(target, 1, "closed")).state, "closed")
        assert.strictEqual((yield* reasonOf(repositories.mergePullRequest(target, 1, second)))._tag, "Conflict")
        assert.strictEqual((yield* repositories.setPullRequestState(target, 1, "open")).state, "open")
        yield* write(main, head, "m.txt", "m")
        const mergeSha = yield* repositories.mergePullRequest(target, 1, second)
        assert.strictEqual(
          yield* repositories.mergePullRequest(target, 1, second),
          mergeSha,
          "merging twice answers with the same commit"
        )
        const after = yield* repositories.pullRequest(target, 1)
        assert.deepStrictEqual([after.state, after.mergeSha, after.headSha], ["merged", mergeSha, second])
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(mergeSha))
        const files = yield* git.readFiles(target, mergeSha, "")
        assert.deepStrictEqual([text(files.get("t.txt")), text(files.get("m.txt"))], ["tt", "m"])
        yield* git.deleteBranch(target, topic)
        assert.strictEqual((yield* repositories.pullRequest(target, 1)).headSha, second)
        assert.strictEqual((yield* reasonOf(repositories.setPullRequestState(target, 1, "open")))._tag, "Conflict")
        assert.strictEqual((yield* reasonOf(repositories.pullRequest(target, 99)))._tag, "NotFound")
      })
    )

    it.effect("issues tokens that differ, expire and can be revoked", () =>
      Effect.gen(function* () {
        const { repositories, target } = yield* fresh
        const before = Date.now()
        const a = yield* repositories.issueToken(target, "read", 60, "platform")
        const b = yield* repositories.issueToken(target, "write", 60, "platform")
        assert.notStrictEqual(Redacted.value(a.token), Redacted.value(b.token))
        assert.isAtLeast(a.expiresAtMillis, before + 59_000)
        assert.isAtLeast(Redacted.value(a.token).length, 24)
        assert.strictEqual((yield* reasonOf(repositories.issueToken(target, "read", 0, "platform")))._tag, "Invalid")
        yield* repositories.revokeTokens(target)
        yield* repositories.revokeTokens(target)
      })
    )

    it.effect("leaves a pull request open whose branches conflict", () =>
      Effect.gen(function* () {
        const { repositories, git, target, head, write, branchOff } = yield* fresh
        const ours = yield* branchOff(topic, "src/index.js", "export const a = 2\n")
        const theirs = yield* write(main, head, "src/index.js", "export const a = 3\n")
        const pull = yield* repositories.ensurePullRequest(target, { head: topic, base: main, title: "T", body: "" })
        assert.strictEqual((yield* reasonOf(repositories.mergePullRequest(target, pull.number, ours)))._tag, "Conflict")
        assert.strictEqual((yield* repositories.pullRequest(target, pull.number)).state, "open")
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(theirs))
      })
    )

    it.effect("keeps the newest status of each context", () =>
      Effect.gen(function* () {
        const { repositories, target, head } = yield* fresh
        const say = (context: string, state: CommitStatus["state"], description = "", url: string | null = null) =>
          repositories.setStatus(target, head, { context, state, description, url })
        assert.deepStrictEqual(yield* repositories.statuses(target, head), [])
        yield* say("rdev/review", "pending", "waits")
        yield* say("rdev/ci", "success", "green", "https://ci.example.test/1")
        yield* say("rdev/review", "failure", `two\nlines ${"x".repeat(300)}`)
        yield* say("rdev/review", "failure", `two\nlines ${"x".repeat(300)}`)
        const all = yield* repositories.statuses(target, head)
        assert.deepStrictEqual(
          all.map(({ context, state }) => [context, state]),
          [
            ["rdev/ci", "success"],
            ["rdev/review", "failure"]
          ]
        )
        assert.strictEqual(all[0]?.url, "https://ci.example.test/1")
        assert.match(all[1]?.description ?? "", /^two lines x+…$/)
        assert.isAtMost(all[1]?.description.length ?? 999, 140)
        for (const bad of ["", " x", "a\nb", "x".repeat(101), "ü"])
          assert.strictEqual((yield* reasonOf(say(bad, "success")))._tag, "Invalid", bad)
        assert.strictEqual((yield* reasonOf(say("x", "success", "", "javascript:alert(1)")))._tag, "Invalid")
        assert.strictEqual(
          (yield* reasonOf(
            repositories.setStatus(target, "1".repeat(40), {
              context: "x",
              state: "success",
              description: "",
              url: null
            })
          ))._tag,
          "NotFound"
        )
      })
    )

    it.effect("has one comment of each key, and changes it", () =>
      Effect.gen(function* () {
        const { repositories, target, branchOff } = yield* fresh
        yield* branchOff(topic, "t.txt", "t")
        const { number } = yield* repositories.ensurePullRequest(target, {
          head: topic,
          base: main,
          title: "T",
          body: ""
        })
        const first = yield* repositories.ensureComment(target, number, { key: "progress", body: "one\n" })
        const other = yield* repositories.ensureComment(target, number, { key: "question/1", body: "Which?" })
        const again = yield* repositories.ensureComment(target, number, { key: "progress", body: "two\n\n- [x] ü" })
        assert.strictEqual(again.id, first.id)
        assert.notStrictEqual(other.id, first.id)
        assert.deepStrictEqual(
          (yield* repositories.comments(target, number)).map(({ body, id, key }) => [id, key, body]),
          [
            [first.id, "progress", "two\n\n- [x] ü"],
            [other.id, "question/1", "Which?"]
          ]
        )
        for (const [key, body] of [
          ["", "x"],
          ["UPPER", "x"],
          ["a--b", "x"],
          ["a b", "x"],
          ["ok", " "],
          ["ok", "x".repeat(60_001)]
        ] as const)
          assert.strictEqual(
            (yield* reasonOf(repositories.ensureComment(target, number, { key, body })))._tag,
            "Invalid"
          )
        assert.strictEqual(
          (yield* reasonOf(repositories.ensureComment(target, 99, { key: "x", body: "x" })))._tag,
          "NotFound"
        )
        assert.strictEqual((yield* reasonOf(repositories.comments(target, 99)))._tag, "NotFound")
      })
    )

    it.effect("has one webhook of each URL, or says that it has none", () =>
      Effect.gen(function* () {
        const { repositories, target } = yield* fresh
        const events = capabilities.webhookEvents
        const before = yield* repositories.webhooks(target)
        const url = "https://hooks.example.test/rdev"
        const ask = (wanted: ReadonlyArray<string>) =>
          repositories.ensureWebhook(target, { url, events: wanted, secret: Redacted.make("s".repeat(40)) })
        const ours = Effect.map(repositories.webhooks(target), (all) => all.filter((one) => one.url === url))
        if (events === null) {
          assert.strictEqual((yield* reasonOf(ask(["push"])))._tag, "Unsupported")
          assert.deepStrictEqual(before, [])
        } else {
          yield* ask(events.slice(0, 1))
          yield* ask(events)
          const [only, ...doubled] = yield* ours
          assert.isTrue(only?.active)
          // A forge may have one word for several of its events.
          assert.includeMembers([...(only?.events ?? [])], [...events])
          assert.deepStrictEqual(doubled, [], "asked for twice, made once")
        }
        yield* repositories.removeWebhook(target, url)
        yield* repositories.removeWebhook(target, url)
        assert.deepStrictEqual(yield* ours, [])
        assert.deepStrictEqual(yield* repositories.webhooks(target), before, "others are left alone")
      })
    )

    it.effect("adopts what is there only when it is told to, and lets it go again", () =>
      Effect.gen(function* () {
        const repositories = yield* RepositoryHost
        const { target: own } = yield* fresh
        if (capabilities.stranger === null) {
          assert.strictEqual((yield* reasonOf(repositories.adopt(own, "stranger")))._tag, "Unsupported")
          assert.strictEqual((yield* reasonOf(repositories.release(own)))._tag, "Unsupported")
          return
        }
        const externalId = yield* capabilities.stranger
        const target = yield* freshTarget
        const adopted = yield* repositories.adopt(target, externalId)
        assert.strictEqual(adopted.externalId, externalId)
        assert.strictEqual((yield* repositories.adopt(target, externalId)).externalId, externalId, "twice is once")
        assert.strictEqual((yield* reasonOf(repositories.adopt(yield* freshTarget, externalId)))._tag, "Foreign")
        assert.isTrue(Option.isSome(yield* repositories.observe(target)))
        yield* repositories.remove(target)
        assert.isTrue(Option.isNone(yield* repositories.observe(target)), "it is nobody's again")
        const second = yield* freshTarget
        assert.strictEqual(
          (yield* repositories.adopt(second, externalId)).externalId,
          externalId,
          "removing what was adopted lets it go and leaves it there"
        )
        yield* repositories.release(second)
        assert.strictEqual((yield* reasonOf(repositories.adopt(yield* freshTarget, "no/such")))._tag, "NotFound")
      })
    )

    it.effect("protects a branch, or says what stands in for it", () =>
      Effect.gen(function* () {
        const { repositories, git, target, head, write } = yield* fresh
        const protect = repositories.protect(target, { branch: main, requiredStatuses: [] })
        if (!capabilities.protects) {
          assert.strictEqual((yield* reasonOf(protect))._tag, "Unsupported")
          return
        }
        yield* protect
        yield* protect
        const next = yield* write(main, head, "a.txt", "the platform still writes")
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(next))
      })
    )
  })
}
