import { assert, describe, it } from "@effect/vitest"
import { suite } from "@rdev/conformance/adapter/AdapterSuite"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { Effect, Layer, Redacted } from "effect"
import adapter from "../src/adapter.ts"
import { Client } from "../src/engine/Driver.ts"
import * as TestPostgres from "../src/testing/TestPostgres.ts"

// Nothing listens on port 9.
const nowhere = Redacted.make("postgresql://someone:hunter2hunter2@127.0.0.1:9/none")

suite("postgres", adapter, {
  stores: {
    good: {},
    bad: { pooling: "sometimes", schema: "public", url: nowhere },
    broken: { url: nowhere, key: Redacted.make("bm8ga2V5IGF0IGFsbCwgYnV0IDMyIGJ5dGVzIGxvbmc=") }
  },
  database: { good: { url: nowhere }, bad: { url: nowhere, connectionLimit: 0 }, broken: { url: nowhere } }
})

describe("stores of a platform file", () => {
  it.live(
    "live in the schema that it names, and nowhere else",
    () =>
      Effect.gen(function* () {
        const url = yield* (yield* TestPostgres.make()).createDatabase
        const config = {
          url: Redacted.make(url),
          schema: "Acme-1",
          key: Redacted.make(Buffer.alloc(32, 7).toString("base64"))
        }
        const host = Layer.provideMerge(TestHost.ports, TestHost.layer())
        yield* Layer.build(adapter.slots.stores.layer(config).pipe(Layer.provide(host)))
        const client = new Client({ connectionString: url })
        const rows = yield* Effect.promise(async () => {
          await client.connect()
          try {
            return (
              await client.query("SELECT DISTINCT schemaname FROM pg_tables WHERE schemaname !~ '^(pg_|information)'")
            ).rows
          } finally {
            await client.end()
          }
        })
        assert.deepStrictEqual(
          rows.map((row) => ({ ...row })),
          [{ schemaname: "Acme-1" }]
        )
      }).pipe(Effect.scoped),
    60_000
  )
})
