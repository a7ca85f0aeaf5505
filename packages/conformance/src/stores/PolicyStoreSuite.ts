/** What every store of words about policies must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import { PolicyEntry, type PolicyWord } from "@rdev/core/domain/PolicyEntry"
import { PolicyStore } from "@rdev/core/ports/stores/PolicyStore"
import { Effect, Layer } from "effect"
import * as Samples from "../Samples.ts"

const entry = (projectId: Ids.ProjectId, number: number, word: PolicyWord) =>
  new PolicyEntry({
    projectId,
    number,
    word,
    digest: `sha256:${number}`,
    text: word === "accepted" ? "v: 1 # ü\n" : null,
    by: { id: "key_1", name: "Ada", type: "human" },
    reason: null,
    atMillis: number,
    signature: "c2ln"
  })

export const suite = (name: string, layer: Layer.Layer<PolicyStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`PolicyStore: ${name}`, (it) => {
    it.effect("gives the last acceptance and what came after it, per project", () =>
      Effect.gen(function* () {
        const store = yield* PolicyStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        assert.deepStrictEqual(yield* store.standing(here), [])
        const words: ReadonlyArray<PolicyWord> = [
          "proposed",
          "accepted",
          "proposed",
          "rejected",
          "accepted",
          "proposed"
        ]
        const all = words.map((word, at) => entry(here, at + 1, word))
        yield* store.append(entry(here, 1, "proposed"))
        assert.deepStrictEqual(yield* store.standing(here), all.slice(0, 1))
        for (const one of all.slice(1)) yield* store.append(one)
        yield* store.append(entry(there, 1, "accepted"))
        assert.deepStrictEqual(yield* store.standing(here), all.slice(4))
        assert.deepStrictEqual(yield* store.history(here, 3), all.slice(3).toReversed())
        yield* store.removeAll(here)
        assert.deepStrictEqual(yield* store.standing(here), [])
        assert.strictEqual((yield* store.history(there, 10)).length, 1)
      })
    )

    it.effect("takes the next number only, of many that say it at once one", () =>
      Effect.gen(function* () {
        const store = yield* PolicyStore
        const here = yield* NewId.make("proj")
        yield* store.append(entry(here, 1, "accepted"))
        for (const number of [0, 1, 3])
          assert.strictEqual(yield* Samples.reasonOf(store.append(entry(here, number, "accepted"))), "Conflict")
        const said = yield* Effect.forEach(
          Array.from({ length: 8 }),
          () => Samples.reasonOf(store.append(entry(here, 2, "proposed"))),
          { concurrency: 8 }
        )
        assert.deepStrictEqual(said.toSorted(), [...Array.from({ length: 7 }, () => "Conflict"), "succeeded"])
      })
    )
  })
}
