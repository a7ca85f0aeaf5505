/** What every builder must do. `prepare` makes commits of one project that come out as named. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { Builder, type BuilderError } from "@rdev/core/ports/infra/Builder"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { Effect, Layer, Option } from "effect"

export interface Capabilities<R> {
  /** A project and its commits: two that can be built and one that cannot. */
  readonly prepare: Effect.Effect<
    { readonly target: RepositoryTarget; readonly first: Sha; readonly second: Sha; readonly bad: Sha },
    unknown,
    R
  >
}

const reasonOf = <A>(effect: Effect.Effect<A, BuilderError, Builder>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

export const suite = <R>(
  name: string,
  layer: Layer.Layer<Builder | R, unknown>,
  capabilities: Capabilities<R>
): void => {
  const fresh = Effect.gen(function* () {
    const builder = yield* Builder
    const project = yield* Effect.orDie(capabilities.prepare)
    return { builder, ...project, build: (sha: Sha) => builder.build(project.target, { sha }) }
  })
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Builder: ${name}`, (it) => {
    it.effect("builds a commit, observes it and lists its project", () =>
      Effect.gen(function* () {
        const { build, builder, first, target } = yield* fresh
        assert.isTrue(Option.isNone(yield* builder.observe(target, first)))
        const artifact = yield* build(first)
        assert.match(artifact.id, /^art_/)
        assert.strictEqual(artifact.sha, first)
        assert.match(artifact.run.health, /^\//)
        if (artifact.content._tag === "Image") assert.match(artifact.content.reference, /@sha256:[0-9a-f]{64}$/)
        else assert.match(artifact.content.path, /^(?:\/|[A-Za-z]:)/)
        assert.deepStrictEqual(yield* builder.observe(target, first), Option.some(artifact))
        assert.isTrue((yield* builder.list).some((one) => one.projectId === target.projectId))
      })
    )

    it.effect("builds a commit once, however many ask, and different commits apart", () =>
      Effect.gen(function* () {
        const { build, first, second } = yield* fresh
        const together = yield* Effect.all(
          Array.from({ length: 5 }, () => build(first)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(together.map(({ id }) => id)).size, 1)
        assert.deepStrictEqual(yield* build(first), together[0])
        const other = yield* build(second)
        assert.notStrictEqual(other.id, together[0]?.id)
        assert.notDeepEqual(other.content, together[0]?.content)
        assert.deepStrictEqual(yield* build(first), together[0], "it stays beside the other one")
      })
    )

    it.effect("says why a commit cannot be built, and keeps nothing of it", () =>
      Effect.gen(function* () {
        const { bad, build, builder, first, target } = yield* fresh
        for (let attempt = 0; attempt < 2; attempt++) {
          const refused = yield* reasonOf(build(bad))
          assert.strictEqual(refused._tag, "Invalid")
          assert.isAbove(refused.message.length, 10)
        }
        assert.isTrue(Option.isNone(yield* builder.observe(target, bad)))
        assert.strictEqual((yield* build(first)).sha, first)
      })
    )

    it.effect("removes what was built of one project, also when there is nothing; it can be built again", () =>
      Effect.gen(function* () {
        const { build, builder, first, target } = yield* fresh
        const other = yield* fresh
        const [mine] = [yield* build(first), yield* other.build(other.first)]
        yield* builder.remove(target)
        yield* builder.remove(target)
        yield* builder.remove({ projectId: yield* NewId.make("proj"), name: ProjectName.make("nobody") })
        assert.isTrue(Option.isNone(yield* builder.observe(target, first)))
        assert.isFalse((yield* builder.list).some((one) => one.projectId === target.projectId))
        assert.isTrue(Option.isSome(yield* builder.observe(other.target, other.first)))
        assert.notStrictEqual((yield* build(first)).id, mine.id)
      })
    )
  })
}
