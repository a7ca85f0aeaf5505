/** What every credential store must do. That nothing readable is at rest is for the adapter's own tests to show. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { Effect, Layer, Option, Redacted } from "effect"

const valueOf = (found: Option.Option<Redacted.Redacted>) => Option.map(found, Redacted.value)

export const suite = (name: string, layer: Layer.Layer<CredentialStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`CredentialStore: ${name}`, (it) => {
    it.effect("keeps, replaces and lists values per project and name", () =>
      Effect.gen(function* () {
        const store = yield* CredentialStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        const secret = "postgres://u:p@h/ü\u0000\n"
        yield* store.put(here, "DATABASE_URL", Redacted.make("first"))
        yield* store.put(here, "DATABASE_URL", Redacted.make(secret))
        yield* store.put(here, "A_TOKEN", Redacted.make(""))
        assert.deepStrictEqual(valueOf(yield* store.get(here, "DATABASE_URL")), Option.some(secret))
        assert.deepStrictEqual(valueOf(yield* store.get(here, "A_TOKEN")), Option.some(""))
        assert.isTrue(Option.isNone(yield* store.get(there, "DATABASE_URL")))
        assert.isTrue(Option.isNone(yield* store.get(here, "database_url")))
        const listed = yield* store.list(here)
        assert.deepStrictEqual(
          listed.map((entry) => entry.name),
          ["A_TOKEN", "DATABASE_URL"]
        )
        assert.notInclude(JSON.stringify(listed), secret)
        assert.notInclude(String(Option.getOrThrow(yield* store.get(here, "DATABASE_URL"))), "postgres")
      })
    )

    it.effect("removes one or all, twice without complaint", () =>
      Effect.gen(function* () {
        const store = yield* CredentialStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        for (const name of ["a", "b", "c"]) yield* store.put(here, name, Redacted.make(name))
        yield* store.put(there, "a", Redacted.make("theirs"))
        yield* store.remove(here, "a")
        yield* store.remove(here, "a")
        assert.deepStrictEqual(
          (yield* store.list(here)).map((entry) => entry.name),
          ["b", "c"]
        )
        yield* store.removeAll(here)
        yield* store.removeAll(here)
        assert.deepStrictEqual(yield* store.list(here), [])
        assert.deepStrictEqual(valueOf(yield* store.get(there, "a")), Option.some("theirs"))
      })
    )
  })
}
