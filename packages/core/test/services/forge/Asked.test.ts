/** How often a forge elsewhere is asked for one feature, from its draft to its release, by the controller itself. */
import { assert, describe, it } from "@effect/vitest"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { ForgeHooks } from "@rdev/core/ports/forge/ForgeHooks"
import * as ForgeNews from "@rdev/core/ports/forge/ForgeNews"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Context, Effect, Layer } from "effect"
import { release } from "../features/Crew.ts"

const counting = (calls: Array<string>) =>
  Layer.effectContext(
    Effect.map(Layer.build(Layer.fresh(MemoryForge.layer)), (made) => {
      const host = Context.get(made, RepositoryHost)
      const counted = Object.fromEntries(
        Object.entries(host).map(([verb, work]) => [
          verb,
          typeof work === "function"
            ? (...args: ReadonlyArray<unknown>) => {
                calls.push(verb)
                return (work as (...given: ReadonlyArray<unknown>) => unknown)(...args)
              }
            : work
        ])
      ) as unknown as RepositoryHost["Service"]
      return Context.add(made, RepositoryHost, counted)
    })
  )
const hooks = Layer.succeed(ForgeHooks, {
  adapter: "paper",
  events: [],
  unreachable: () => null,
  read: () => Effect.die(new Error("nothing is posted here"))
})
/** Of a forge that tells everything. */
const news = Layer.sync(ForgeNews.ForgeNews, () => ({
  ...ForgeNews.make(),
  believedMillis: () => ForgeNews.longMillis
}))

const released = (calls: Array<string>) =>
  Effect.map(release(["one"], { shared: false, forge: counting(calls) }), ({ seconds }) => assert.isNotNull(seconds))
const looks = (calls: ReadonlyArray<string>) => calls.filter((verb) => verb === "pullRequest").length

describe("a forge that tells what happens", () => {
  it.effect(
    "is asked for the pull request of a feature a few times, and one that says nothing each time",
    () =>
      Effect.gen(function* () {
        const [told, silent]: [Array<string>, Array<string>] = [[], []]
        yield* Effect.provide(released(told), Layer.merge(hooks, news))
        yield* released(silent)
        assert.isAtMost(looks(told), 8, told.join(" "))
        assert.isAbove(looks(silent), 2 * looks(told), "without word every look asks")
        assert.isBelow(told.length, 60, told.join(" "))
      }),
    { timeout: 120_000 }
  )
})
