/** What every audit store must do: one unbroken hash chain per project. */
import { assert, layer as withLayer } from "@effect/vitest"
import { AuditEntry } from "@rdev/core/domain/Audit"
import * as AuditChain from "@rdev/core/audit/AuditChain"
import * as NewId from "@rdev/core/ids/NewId"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { Effect, Layer, Schema } from "effect"
import * as Samples from "../Samples.ts"

const encode = Schema.encodeSync(AuditEntry)
const ascending = (entries: ReadonlyArray<AuditEntry>) => entries.toReversed().map((entry) => encode(entry))

export const suite = (name: string, layer: Layer.Layer<AuditStore, unknown>): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`AuditStore: ${name}`, (it) => {
    it.effect("chains entries per project, newest first, in pages", () =>
      Effect.gen(function* () {
        const store = yield* AuditStore
        const [here, there] = [yield* NewId.make("proj"), yield* NewId.make("proj")]
        for (let i = 0; i < 5; i++) {
          yield* store.append(Samples.auditEntry(here, { type: `step.${i}` }))
          yield* store.append(Samples.auditEntry(there))
        }
        const page1 = yield* store.list(here, { before: null, limit: 3 })
        const page2 = yield* store.list(here, { before: page1.at(-1)?.number ?? null, limit: 3 })
        const entries = [...page1, ...page2]
        assert.deepStrictEqual(
          entries.map((entry) => entry.number),
          [5, 4, 3, 2, 1]
        )
        assert.deepStrictEqual(
          entries.map((entry) => entry.type),
          ["step.4", "step.3", "step.2", "step.1", "step.0"]
        )
        assert.isNull(AuditChain.verify(ascending(entries)))
      })
    )

    it.effect("returns what it stored", () =>
      Effect.gen(function* () {
        const store = yield* AuditStore
        const here = yield* NewId.make("proj")
        const entry = yield* store.append(
          Samples.auditEntry(here, {
            data: { text: "\u0000 ü", big: 9_007_199_254_740_991, n: -0.5e-7, z: 1, a: { y: [], x: {} } }
          })
        )
        assert.deepStrictEqual(yield* store.list(here, { before: null, limit: 10 }), [entry])
        assert.strictEqual(entry.previousHash, AuditChain.genesis)
        assert.strictEqual(AuditChain.hashOf(encode(entry)), entry.hash)
      })
    )

    it.effect("keeps the installation's own chain apart", () =>
      Effect.gen(function* () {
        const store = yield* AuditStore
        const first = yield* store.append(Samples.auditEntry(null, { type: "key.create" }))
        const second = yield* store.append(Samples.auditEntry(null, { type: "key.revoke" }))
        assert.strictEqual(second.number, first.number + 1)
        assert.strictEqual(second.previousHash, first.hash)
        assert.deepStrictEqual(yield* store.list(null, { before: null, limit: 2 }), [second, first])
      })
    )

    it.effect("stays unbroken under parallel appends", () =>
      Effect.gen(function* () {
        const store = yield* AuditStore
        const here = yield* NewId.make("proj")
        yield* Effect.forEach(
          Array.from({ length: 40 }, (_, i) => i),
          (i) => store.append(Samples.auditEntry(here, { type: `t.${i}` })),
          { concurrency: "unbounded" }
        )
        const entries = ascending(yield* store.list(here, { before: null, limit: 100 }))
        assert.strictEqual(entries.length, 40)
        assert.isNull(AuditChain.verify(entries))
      })
    )
  })
}
