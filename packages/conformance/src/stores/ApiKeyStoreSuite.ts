/** What every store of API keys must do. */
import { assert, layer as withLayer } from "@effect/vitest"
import { ApiKey } from "@rdev/core/domain/ApiKey"
import { ApiKeyStore, touchMillis } from "@rdev/core/ports/stores/ApiKeyStore"
import { Effect, Layer, Option } from "effect"
import * as Samples from "../Samples.ts"

export const suite = (name: string, layer: Layer.Layer<ApiKeyStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`ApiKeyStore: ${name}`, (it) => {
    it.effect("finds a key by its digest and by its id", () =>
      Effect.gen(function* () {
        const store = yield* ApiKeyStore
        const key = yield* Samples.apiKey({ projects: ["p1"], scopes: ["admin", "audit:read"], expiresAtMillis: 5 })
        yield* store.insert(key)
        assert.deepStrictEqual(yield* store.byDigest(key.digest), Option.some(key))
        assert.isTrue(Option.isNone(yield* store.byDigest(key.digest.slice(1))))
        assert.deepStrictEqual(yield* store.byId(key.id), Option.some(key))
        assert.isTrue(Option.isNone(yield* store.byId((yield* Samples.apiKey()).id)))
        assert.isTrue((yield* store.list).some((other) => other.id === key.id))
      })
    )

    it.effect("refuses a second key with the same id or digest", () =>
      Effect.gen(function* () {
        const store = yield* ApiKeyStore
        const key = yield* Samples.apiKey()
        yield* store.insert(key)
        assert.strictEqual(
          yield* Samples.reasonOf(store.insert(yield* Samples.apiKey({ digest: key.digest }))),
          "AlreadyExists"
        )
        assert.strictEqual(
          yield* Samples.reasonOf(store.insert(new ApiKey({ ...key, digest: Samples.unique("d") }))),
          "AlreadyExists"
        )
      })
    )

    it.effect("revokes for good and keeps the first time", () =>
      Effect.gen(function* () {
        const store = yield* ApiKeyStore
        const key = yield* Samples.apiKey()
        yield* store.insert(key)
        yield* store.revoke(key.id, 1_000)
        yield* store.revoke(key.id, 2_000)
        assert.strictEqual(Option.getOrThrow(yield* store.byDigest(key.digest)).revokedAtMillis, 1_000)
        assert.strictEqual(Option.getOrThrow(yield* store.byId(key.id)).revokedAtMillis, 1_000)
        assert.strictEqual(yield* Samples.reasonOf(store.revoke((yield* Samples.apiKey()).id, 1)), "NotFound")
      })
    )

    it.effect("remembers uses coarsely", () =>
      Effect.gen(function* () {
        const store = yield* ApiKeyStore
        const key = yield* Samples.apiKey()
        yield* store.insert(key)
        const used = Effect.map(store.byDigest(key.digest), (found) => Option.getOrThrow(found).lastUsedAtMillis)
        yield* store.touch(key.id, 1_000_000)
        assert.strictEqual(yield* used, 1_000_000)
        yield* store.touch(key.id, 1_000_000 + touchMillis - 1)
        assert.strictEqual(yield* used, 1_000_000)
        yield* store.touch(key.id, 1_000_000 + touchMillis)
        assert.strictEqual(yield* used, 1_000_000 + touchMillis)
        yield* store.touch((yield* Samples.apiKey()).id, 1)
      })
    )
  })
}
