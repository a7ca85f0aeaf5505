import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { TestClock } from "effect/testing"
import { ofProject } from "../../../src/domain/Event.ts"
import { GitObjects } from "../../../src/ports/infra/GitObjects.ts"
import * as EventLog from "../../../src/ports/stores/EventLog.ts"
import * as FeatureStore from "../../../src/ports/stores/FeatureStore.ts"
import * as ProjectStore from "../../../src/ports/stores/ProjectStore.ts"
import * as FeatureFiles from "../../../src/services/features/read/FeatureFiles.ts"
import { revertedIn } from "../../../src/services/features/read/Reverts.ts"
import { main, platform, projectWith } from "./Crew.ts"

const author = { name: "Ada", email: "ada@example.test" }
const counts = () => ({ did: new Map<string, number>(), landed: [], lookedAgain: [] })

/** A feature `hello` that was merged by the platform and, with `deploy`, is live. */
const released = Effect.fnUntraced(function* (deploy: "none" | "required") {
  const { features, id, target } = yield* projectWith(deploy)
  const store = yield* FeatureStore.FeatureStore
  const git = yield* GitObjects
  const log = yield* EventLog.EventLog
  const project = Option.getOrThrow(yield* (yield* ProjectStore.ProjectStore).byId(id))
  yield* features.create("hello", { title: "hello", slug: "hello" })
  const index = Effect.map(store.get(id, "hello"), Option.getOrThrow)
  const until = Effect.fnUntraced(function* (reached: (one: Effect.Success<typeof index>) => boolean, seconds = 600) {
    for (let second = 0; second < seconds && !reached(yield* index); second++) yield* TestClock.adjust("1 second")
    return yield* index
  })
  const snapshot = Effect.gen(function* () {
    return Option.getOrThrow(yield* FeatureFiles.load(project, yield* index))
  })
  const done = yield* until((one) => one.phase === "released" && !one.live)
  assert.strictEqual(done.decision?.rule, "Z3", JSON.stringify(done))
  /** Commits to the default branch, as somebody's push that the forge tells of. */
  const push = Effect.fnUntraced(function* (message: string, changes: Readonly<Record<string, string | null>>) {
    const head = Option.getOrThrow(yield* git.head(target, main))
    const sha = yield* git.commit(target, {
      branch: main,
      expectedHead: head,
      changes: Object.entries(changes).map(([path, content]) => ({ path, content })),
      message,
      author
    })
    const data = { push_id: sha, pusher: "key_1", pusher_name: "Ada", more: 0 }
    const refs = [{ ref: "refs/heads/main", old: head, new: sha }]
    yield* log.append(ofProject(id), [{ type: "repository.pushed", subject: {}, data: { ...data, refs } }])
    return sha
  })
  const { state } = yield* snapshot
  const merge = state.merge.sha ?? ""
  const types = Effect.map(snapshot, ({ loaded }) => loaded.events.map(({ type }) => type))
  return { merge, push, until, snapshot, types, git, target, index }
})

const words = (merge: string) =>
  `Revert "Merge hello"\n\nThis reverts commit ${merge}, reversing\nchanges made to main.\n`
const code = { "src/hello.js": null }

describe("a merge on record that is taken back on the default branch", () => {
  it.effect("of a feature that is live is a release rolled back: the work begins anew, once", () =>
    Effect.gen(function* () {
      const own = yield* released("required")
      const sha = yield* own.push(words(own.merge), code)
      const begun = yield* own.until((one) => one.phase !== "released", 60)
      assert.strictEqual(begun.phase, "implementation")
      const again = yield* own.until((one) => one.phase === "released" && !one.live, 120)
      assert.strictEqual(
        again.decision?.rule,
        "Z3",
        "what was mended is released again, and nothing is held against it"
      )
      const { loaded, state } = yield* own.snapshot
      const rolledBack = loaded.events.filter((event) => event.type === "rollback-recorded")
      assert.strictEqual(rolledBack.length, 1)
      assert.include(rolledBack[0]?.data.error, sha)
      assert.deepStrictEqual(
        state.history
          .filter(({ rule }) => rule === "P4" || rule === "M10")
          .map(({ from, rule, to }) => [from, to, rule]),
        [
          ["released", "merge", "P4"],
          ["merge", "implementation", "M10"]
        ]
      )
      assert.include(JSON.stringify(state.tasks), sha, "the task says what took it back")
    }).pipe(Effect.provide(platform({ shared: false }, counts())))
  )

  it.effect("of a feature that is not deployed is a question to a person, who may let it be", () =>
    Effect.gen(function* () {
      const own = yield* released("none")
      const sha = yield* own.push(words(own.merge), code)
      const held = yield* own.until((one) => one.live, 60)
      assert.strictEqual(held.phase, "released")
      assert.strictEqual(held.decision?.rule, "H5")
      assert.include(held.decision?.reason, sha.slice(0, 12))
      const before = yield* own.types
      assert.strictEqual(before.filter((type) => type === "blocker-opened").length, 1)
      const blocker = (yield* own.snapshot).state.blockers[0]?.id ?? ""
      yield* FeatureFiles.record(
        yield* own.snapshot,
        [{ type: "blocker-cleared", data: { blocker, answer: "it was a mistake of ours" } } as never],
        { actor: { id: "ada", type: "human" } }
      )
      yield* own.push("More work", { "other.txt": "more" })
      const rested = yield* own.until((one) => !one.live, 60)
      assert.strictEqual(rested.decision?.rule, "Z3")
      yield* own.push(`Revert "Something else"\n\nThis reverts commit ${"a".repeat(40)}.`, { "other.txt": null })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* own.types).filter((type) => type === "blocker-opened").length, 1, "asked once")
    }).pipe(Effect.provide(platform({ shared: false }, counts())))
  )

  for (const deploy of ["none", "required"] as const)
    it.effect(`is seen when the revert took the records along (deploy: ${deploy})`, () =>
      Effect.gen(function* () {
        const own = yield* released(deploy)
        const [line] = yield* own.git.line(own.target, own.merge, { since: null, limit: 1 })
        const before = new Set((yield* own.git.listTree(own.target, line?.parents[0] ?? "")).map(({ path }) => path))
        const brought = (yield* own.git.listTree(own.target, own.merge)).filter(({ path }) => !before.has(path))
        assert.isTrue(brought.some(({ path }) => path.endsWith("feature.yaml")))
        const held = (yield* own.snapshot).loaded.events.length
        yield* own.push(words(own.merge), Object.fromEntries(brought.map(({ path }) => [path, null])))
        yield* own.until((one) => one.live, 60)
        // The worker ends with its tasks, and those end on the clock.
        if (deploy === "required") yield* own.until((one) => one.phase === "released" && !one.live, 120)
        const { branch, loaded } = yield* own.snapshot
        assert.strictEqual(branch, main)
        assert.strictEqual(loaded.integrity, "ok")
        assert.isAbove(loaded.events.length, held, "nothing of the record is lost")
        const now = Option.getOrThrow(yield* own.git.head(own.target, main))
        assert.strictEqual(
          (yield* own.git.readFiles(own.target, now, "")).has("src/hello.js"),
          deploy === "required",
          "only the work that began anew brings the code again"
        )
      }).pipe(Effect.provide(platform({ shared: false }, counts())))
    )

  it.effect("is not what a later commit does that removes the code, or that says so and touches something else", () =>
    Effect.gen(function* () {
      const own = yield* released("required")
      const before = yield* own.types
      yield* own.push("Remove hello: bye replaces it", { ...code, "src/bye.js": "bye\n" })
      yield* own.push(words(own.merge), { "notes.md": "as discussed\n" })
      yield* own.push(words("f".repeat(40)), { "notes.md": "as discussed later\n" })
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual((yield* own.index).phase, "released")
      assert.deepStrictEqual(yield* own.types, before)
    }).pipe(Effect.provide(platform({ shared: false }, counts())))
  )
})

describe("the words of a revert", () => {
  it("are git's and the forges' own", () => {
    const sha = "0123456789abcdef0123456789abcdef01234567"
    const said: ReadonlyArray<readonly [string, ReadonlyArray<string>]> = [
      [`Revert "x"\n\nThis reverts commit ${sha}.`, [sha]],
      [`Revert "x"\n\nThis reverts commit ${sha}, reversing\nchanges made to ${sha}.`, [sha]],
      [`Revert 'x'\n\nThis reverts commit ${sha.slice(0, 9)}`, [sha.slice(0, 9)]],
      [
        `Undo (#12)\n\n* Revert "a"\n\nThis reverts commit ${sha}.\n\n* this reverts commit ${"b".repeat(40)}.`,
        [sha, "b".repeat(40)]
      ],
      [`Revert "x" (${sha})`, []],
      ["This reverts commit of yesterday", []],
      ["This reverts commit 123456.", []]
    ]
    for (const [message, shas] of said) assert.deepStrictEqual(revertedIn(message), shas, message)
  })
})
