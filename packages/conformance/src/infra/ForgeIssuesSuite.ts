/** What every forge with issues must do: the port `ForgeIssues`, and comments on issues. `people`: how somebody else acts there. */
import { assert, layer as withLayer } from "@effect/vitest"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { ForgeIssues, type Permission } from "@rdev/core/ports/forge/ForgeIssues"
import { Effect, Layer } from "effect"
import { fresh, main, reasonOf, topic } from "./ForgeWorld.ts"

/** Acts of people, which no port of ours has. Logins are those of accounts that the forge has. */
export interface People {
  readonly writer: string
  readonly reader: string
  readonly stranger: string
  letIn(target: RepositoryTarget, login: string, permission: Permission): Effect.Effect<unknown, unknown>
  open(
    target: RepositoryTarget,
    by: string,
    issue: { readonly title: string; readonly body: string }
  ): Effect.Effect<number, unknown>
  label(target: RepositoryTarget, by: string, number: number, label: string): Effect.Effect<unknown, unknown>
  unlabel(target: RepositoryTarget, number: number, label: string): Effect.Effect<unknown, unknown>
  assign(target: RepositoryTarget, by: string, number: number, login: string): Effect.Effect<unknown, unknown>
  comment(target: RepositoryTarget, by: string, number: number, body: string): Effect.Effect<unknown, unknown>
}

export const suite = <E, R = never>(
  name: string,
  layer: Layer.Layer<GitObjects | RepositoryHost | R, E>,
  peopleOf: Effect.Effect<People, never, GitObjects | RepositoryHost | R>
): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`ForgeIssues: ${name}`, (it) => {
    const begun = Effect.gen(function* () {
      const issues = yield* ForgeIssues
      if (issues === null) return yield* Effect.die(new Error("this forge has no issues"))
      const people = yield* peopleOf
      const { branchOff, repositories, target } = yield* fresh
      const label = { name: "rdev", color: "1f6feb", description: "d" }
      yield* issues.ensureLabel(target, label)
      yield* people.letIn(target, people.writer, "write")
      yield* people.letIn(target, people.reader, "read")
      return { issues, people, repositories, target, label, branchOff }
    })

    it.effect("reads an issue as people see it", () =>
      Effect.gen(function* () {
        const { issues, people, target } = yield* begun
        const number = yield* people.open(target, people.writer, { title: "Say hello", body: "In\nFrench" })
        const issue = yield* issues.issue(target, number)
        assert.deepInclude(issue, {
          number,
          title: "Say hello",
          state: "open",
          author: people.writer,
          isPullRequest: false
        })
        assert.strictEqual(issue.body.replaceAll("\r\n", "\n"), "In\nFrench")
        assert.deepStrictEqual([issue.labels, issue.assignees], [[], []])
        for (const none of [number + 1000, 0, -1, 1.5])
          assert.strictEqual((yield* reasonOf(issues.issue(target, none)))._tag, "NotFound", String(none))
      }).pipe(Effect.orDie)
    )

    it.effect("knows who gave a label and who assigned, as it stands", () =>
      Effect.gen(function* () {
        const { issues, people, target } = yield* begun
        const me = yield* issues.me
        const number = yield* people.open(target, people.writer, { title: "x", body: "" })
        const labelled = issues.whoAsked(target, number, { label: "rdev" })
        assert.isNull(yield* labelled)
        yield* people.label(target, people.writer, number, "rdev")
        assert.deepStrictEqual((yield* issues.issue(target, number)).labels, ["rdev"])
        assert.strictEqual(yield* labelled, people.writer)
        assert.isNull(yield* issues.whoAsked(target, number, { label: "other" }))
        yield* people.unlabel(target, number, "rdev")
        assert.isNull(yield* labelled, "it is taken away")
        assert.isNull(yield* issues.whoAsked(target, number, { assignee: me }))
        yield* people.assign(target, people.writer, number, me)
        assert.deepStrictEqual((yield* issues.issue(target, number)).assignees, [me])
        assert.strictEqual(yield* issues.whoAsked(target, number, { assignee: me }), people.writer)
      }).pipe(Effect.orDie)
    )

    it.effect("says what people may do, and nothing of whom it does not know", () =>
      Effect.gen(function* () {
        const { issues, people, target } = yield* begun
        assert.strictEqual(yield* issues.permission(target, people.writer), "write")
        assert.strictEqual(yield* issues.permission(target, people.reader), "read")
        for (const login of [people.stranger, "nobody-of-this-name", "../../users", "a/b", "", " "])
          assert.strictEqual(yield* issues.permission(target, login), "none", login)
      }).pipe(Effect.orDie)
    )

    it.effect("makes a label once, and has what changed", () =>
      Effect.gen(function* () {
        const { issues, label, people, target } = yield* begun
        yield* issues.ensureLabel(target, label)
        yield* issues.ensureLabel(target, { ...label, description: "another" })
        const number = yield* people.open(target, people.writer, { title: "x", body: "" })
        yield* people.label(target, people.writer, number, "rdev")
        assert.deepStrictEqual((yield* issues.issue(target, number)).labels, ["rdev"], "one label of the name")
        assert.include(yield* issues.changedSince(target, 0), number)
        assert.deepStrictEqual(yield* issues.changedSince(target, Date.UTC(2100, 0)), [])
      }).pipe(Effect.orDie)
    )

    it.effect("keeps one comment of a key on an issue, beside those of people", () =>
      Effect.gen(function* () {
        const { people, repositories, target } = yield* begun
        const number = yield* people.open(target, people.writer, { title: "x", body: "" })
        yield* people.comment(target, people.writer, number, "/rdev run")
        yield* repositories.ensureComment(target, number, { key: "progress", body: "one" })
        yield* repositories.ensureComment(target, number, { key: "progress", body: "two" })
        const said = yield* repositories.comments(target, number)
        assert.deepStrictEqual(
          said.map(({ author, body, key }) => [key === null ? author : "us", body.trim(), key]),
          [
            [people.writer, "/rdev run", null],
            ["us", "two", "progress"]
          ]
        )
        const ids = said.map(({ id }) => Number(id))
        assert.isTrue(ids.every(Number.isSafeInteger) && (ids[0] ?? 0) < (ids[1] ?? 0), "ids of comments grow")
      }).pipe(Effect.orDie)
    )

    it.effect("opens a draft, makes it ready when it is due, and merges it then", () =>
      Effect.gen(function* () {
        const { branchOff, people, repositories, target } = yield* begun
        const number = yield* people.open(target, people.writer, { title: "x", body: "" })
        const head = yield* branchOff(topic, "t.txt", "t")
        const request = { head: topic, base: main, title: "Say hello", body: `Closes #${number}` }
        const early = yield* repositories.ensurePullRequest(target, { ...request, draft: true })
        assert.isTrue(early.draft)
        assert.isTrue((yield* repositories.ensurePullRequest(target, { ...request, draft: true })).draft)
        assert.isTrue((yield* repositories.pullRequest(target, early.number)).draft)
        const due = yield* repositories.ensurePullRequest(target, request)
        assert.deepStrictEqual([due.number, due.draft], [early.number, false])
        assert.isFalse((yield* repositories.pullRequest(target, early.number)).draft)
        yield* repositories.mergePullRequest(target, early.number, head)
      }).pipe(Effect.orDie)
    )
  })
}
