/** What every store of what forges told must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import type { ProjectId } from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import { type ForgeDelivery, ForgeStore } from "@rdev/core/ports/stores/ForgeStore"
import { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import { Effect, Layer } from "effect"

const digest = (of: string) => of.padEnd(64, "0")
const delivery = (projectId: ProjectId, id: string, more: Partial<ForgeDelivery> = {}): ForgeDelivery => ({
  projectId,
  id,
  digest: digest(id),
  event: "push",
  atMillis: 1_000,
  ...more
})

export const suite = (name: string, layer: Layer.Layer<ForgeStore | UnitOfWork, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`ForgeStore: ${name}`, (it) => {
    it.effect("records a delivery once, by its id and by what it says", () =>
      Effect.gen(function* () {
        const store = yield* ForgeStore
        const [one, other] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        assert.isTrue(yield* store.record(delivery(one, "a")))
        assert.isFalse(yield* store.record(delivery(one, "a")))
        assert.isFalse(yield* store.record(delivery(one, "a", { digest: digest("b") })), "the same id")
        assert.isFalse(yield* store.record(delivery(one, "b", { digest: digest("a") })), "the same body")
        assert.isTrue(yield* store.record(delivery(other, "a")), "of another project")
        assert.isTrue(yield* store.record(delivery(one, "c", { atMillis: 2_000 })))
        assert.deepStrictEqual(
          (yield* store.deliveries(one, 10)).map(({ id }) => id),
          ["c", "a"]
        )
        assert.strictEqual((yield* store.deliveries(one, 1)).length, 1)
      })
    )

    it.effect("lets one of many at once record it", () =>
      Effect.gen(function* () {
        const store = yield* ForgeStore
        const { transact } = yield* UnitOfWork
        const projectId = yield* NewId.make("proj")
        const all = yield* Effect.all(
          Array.from({ length: 12 }, () => transact(store.record(delivery(projectId, "x")))),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(all.filter((one) => one).length, 1)
      })
    )

    it.effect("takes part in transactions: what failed was not recorded, and may be again", () =>
      Effect.gen(function* () {
        const store = yield* ForgeStore
        const { transact } = yield* UnitOfWork
        const projectId = yield* NewId.make("proj")
        const heads = new Map([["refs/heads/main", "1"]])
        const work = Effect.all([store.record(delivery(projectId, "x")), store.moveHeads(projectId, heads)])
        assert.strictEqual(yield* Effect.flip(transact(Effect.andThen(work, Effect.fail("mine")))), "mine")
        assert.deepStrictEqual([...(yield* store.heads(projectId))], [])
        assert.deepStrictEqual((yield* transact(work))[0], true)
        assert.deepStrictEqual([...(yield* store.heads(projectId))], [...heads])
      })
    )

    it.effect("keeps where branches were told to be, moved and gone", () =>
      Effect.gen(function* () {
        const store = yield* ForgeStore
        const projectId = yield* NewId.make("proj")
        const [main, topic] = ["refs/heads/main", "refs/heads/feature/ü '; DROP"]
        yield* store.moveHeads(
          projectId,
          new Map([
            [main, "1"],
            [topic, "2"]
          ])
        )
        yield* store.moveHeads(
          projectId,
          new Map([
            [main, "3"],
            [topic, null],
            ["refs/heads/never", null]
          ])
        )
        assert.deepStrictEqual([...(yield* store.heads(projectId))], [[main, "3"]])
        yield* store.moveHeads(projectId, new Map())
        assert.strictEqual((yield* store.heads(projectId)).size, 1)
      })
    )

    it.effect("forgets what is old, and everything of a project", () =>
      Effect.gen(function* () {
        const store = yield* ForgeStore
        const [one, other] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        yield* store.record(delivery(one, "old", { atMillis: 10 }))
        yield* store.record(delivery(one, "new", { atMillis: 5_000 }))
        yield* store.record(delivery(other, "new", { atMillis: 5_000 }))
        assert.isAtLeast(yield* store.forget(11), 1)
        assert.deepStrictEqual(
          (yield* store.deliveries(one, 9)).map(({ id }) => id),
          ["new"]
        )
        assert.isTrue(yield* store.record(delivery(one, "old")))
        yield* store.moveHeads(one, new Map([["refs/heads/main", "1"]]))
        yield* store.removeAll(one)
        yield* store.removeAll(one)
        assert.deepStrictEqual(yield* store.deliveries(one, 9), [])
        assert.strictEqual((yield* store.heads(one)).size, 0)
        assert.strictEqual((yield* store.deliveries(other, 9)).length, 1)
      })
    )
  })
}
