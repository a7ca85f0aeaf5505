import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option } from "effect"
import { BranchName } from "../../../src/ports/infra/Forge.ts"
import { GitObjects } from "../../../src/ports/infra/GitObjects.ts"
import { FeatureStore } from "../../../src/ports/stores/FeatureStore.ts"
import { main, platform, project } from "./Crew.ts"

const branch = BranchName.make("feature/greeting")
const author = { name: "Ada", email: "ada@example.test" }
const create = { title: "Greeting", slug: "greeting", start: false }

const world = <A, E>(test: Effect.Effect<A, E, FeatureStore | GitObjects | Effect.Services<typeof project>>) =>
  Effect.provide(test, platform({ shared: false }, { did: new Map(), landed: [], lookedAgain: [] }))

describe("the branch of a new feature", () => {
  it.effect("is not taken from somebody who works under its name", () =>
    world(
      Effect.gen(function* () {
        const { features, target } = yield* project
        const git = yield* GitObjects
        const head = Option.getOrThrow(yield* git.head(target, main))
        yield* git.ensureBranch(target, branch, head)
        const work = yield* git.commit(target, {
          branch,
          expectedHead: head,
          changes: [{ path: "greeting.txt", content: "hello" }],
          message: "my work",
          author
        })
        const refused = yield* Effect.flip(features.create("hello", create))
        assert.match(
          refused.message,
          /branch feature\/greeting of hello holds 1 commits of somebody's work; rename or delete it/
        )
        assert.strictEqual(Option.getOrNull(yield* git.head(target, branch)), work)
      })
    )
  )
  it.effect("replaces what an attempt left that died, and a branch without work", () =>
    world(
      Effect.gen(function* () {
        const { features, target } = yield* project
        const git = yield* GitObjects
        const head = Option.getOrThrow(yield* git.head(target, main))
        yield* git.ensureBranch(target, branch, head)
        const changes = ["feature.yaml", "idea.md"].map((name) => ({
          path: `.sdlc/features/greeting/${name}`,
          content: "an earlier attempt"
        }))
        yield* git.commit(target, {
          branch,
          expectedHead: head,
          changes,
          message: "sdlc(greeting): feature-created",
          author
        })
        assert.isTrue(Exit.isSuccess(yield* Effect.exit(features.create("hello", create))))
      })
    )
  )
})

describe("a feature made without being started", () => {
  it.effect("is held until somebody asks for it, and then no longer, whatever becomes of the first pass", () =>
    world(
      Effect.gen(function* () {
        const { features, id } = yield* project
        const store = yield* FeatureStore
        const held = Effect.map(store.get(id, create.slug), (found) => Option.getOrThrow(found).held)
        yield* features.create("hello", create)
        assert.isTrue(yield* held)
        yield* features.run("hello", create.slug)
        assert.isUndefined(yield* held)
        yield* features.create("hello", { ...create, slug: "other", start: true })
        assert.isUndefined(Option.getOrThrow(yield* store.get(id, "other")).held)
      })
    )
  )
})
