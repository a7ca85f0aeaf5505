/** Bringing in a history that lies elsewhere. The forge under test is its own elsewhere: its clone URLs must answer over HTTP. */
import { assert, layer as withLayer } from "@effect/vitest"
import { BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import type { HistorySource } from "@rdev/core/ports/infra/RepositorySource"
import { Effect, type Layer, Option } from "effect"
import { fresh, freshTarget, main, reasonOf, text, topic } from "./ForgeWorld.ts"

const sourceOf = Effect.fnUntraced(function* (target: RepositoryTarget, defaultBranch: BranchName) {
  const repositories = yield* RepositoryHost
  const { cloneUrl } = Option.getOrThrow(yield* repositories.observe(target))
  const { token, username } = yield* repositories.issueToken(target, "read", 600, "platform")
  const { hostname } = new URL(cloneUrl)
  return { url: cloneUrl, login: { username, token }, addresses: [hostname], defaultBranch } satisfies HistorySource
})
/** A repository that waits for a history. */
const empty = Effect.fnUntraced(function* (defaultBranch: BranchName) {
  const repositories = yield* RepositoryHost
  const target = yield* freshTarget
  const seed = { defaultBranch, files: null, message: "" }
  const made = yield* repositories.ensure(target, seed)
  return { target, made, again: repositories.ensure(target, seed) }
})

export const suite = (name: string, layer: Layer.Layer<GitObjects | RepositoryHost, unknown>): void => {
  withLayer(layer, { excludeTestServices: true })(`GitObjects.importHistory: ${name}`, (it) => {
    it.effect("leaves a repository without a seed empty, however often it is made", () =>
      Effect.gen(function* () {
        const git = yield* GitObjects
        const { again, made, target } = yield* empty(main)
        assert.isTrue(made.created)
        assert.deepStrictEqual(yield* git.branches(target), [])
        assert.isFalse((yield* again).created)
        assert.deepStrictEqual(yield* git.head(target, main), Option.none())
      })
    )

    it.effect("brings every branch with its files and line, and twice the same", () =>
      Effect.gen(function* () {
        const { branchOff, git, head, target: from } = yield* fresh
        const side = yield* branchOff(topic, "side.txt", "side\n")
        const { again, target } = yield* empty(main)
        const source = yield* sourceOf(from, main)
        const first = yield* git.importHistory(target, source)
        assert.deepStrictEqual([first.head, first.branches, first.left], [head, 2, []])
        assert.deepStrictEqual(yield* git.branches(target), yield* git.branches(from))
        assert.strictEqual(text((yield* git.readFiles(target, side, ["side.txt"])).get("side.txt")), "side\n")
        assert.deepStrictEqual(
          (yield* git.line(target, side, { since: null, limit: 10 })).map(({ sha }) => sha),
          [side, head]
        )
        const second = yield* git.importHistory(target, source)
        assert.deepStrictEqual([second.head, second.branches], [first.head, first.branches])
        assert.strictEqual((yield* again).defaultBranch, main)
      })
    )

    it.effect("makes the branch that was asked for the default one", () =>
      Effect.gen(function* () {
        const { branchOff, git, target: from } = yield* fresh
        const trunk = BranchName.make("trunk")
        const side = yield* branchOff(trunk, "side.txt", "side\n")
        const { again, target } = yield* empty(trunk)
        assert.strictEqual((yield* git.importHistory(target, yield* sourceOf(from, trunk))).head, side)
        assert.strictEqual((yield* again).defaultBranch, trunk)
      })
    )

    it.effect("leaves a repository with commits as it is", () =>
      Effect.gen(function* () {
        const { target: from, write, head } = yield* fresh
        yield* write(main, head, "more.txt", "more\n")
        const { git, head: own, target } = yield* fresh
        assert.strictEqual((yield* git.importHistory(target, yield* sourceOf(from, main))).head, own)
        assert.deepStrictEqual(yield* git.head(target, main), Option.some(own))
      })
    )

    it.effect("says that a branch, or the repository, is not there, and changes nothing", () =>
      Effect.gen(function* () {
        const { git, target: from } = yield* fresh
        const nowhere = BranchName.make("nowhere")
        const { target } = yield* empty(nowhere)
        const source = yield* sourceOf(from, nowhere)
        assert.strictEqual((yield* reasonOf(git.importHistory(target, source)))._tag, "NotFound")
        const absent = { ...source, url: source.url.replace(from.name, `${from.name}-gone`) }
        assert.include(["NotFound", "Unauthorized"], (yield* reasonOf(git.importHistory(target, absent)))._tag)
        assert.deepStrictEqual(yield* git.branches(target), [])
      })
    )
  })
}
