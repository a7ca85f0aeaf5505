import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Redacted, Schema } from "effect"
import * as Adapter from "../../src/adapter/Adapter.ts"
import { Dns } from "../../src/ports/infra/Dns.ts"
import * as MemoryDns from "../../src/memory/infra/Dns.ts"

const adapter = Adapter.define({
  api: 1,
  name: "sample",
  slots: {
    dns: {
      config: Schema.Struct({
        zone: Schema.NonEmptyString,
        token: Adapter.Secret,
        more: Schema.optionalKey(Schema.Array(Schema.Struct({ key: Adapter.Secret })))
      }),
      layer: ({ zone }) => MemoryDns.layerWith(zone),
      health: () => Effect.flatMap(Dns, (dns) => Adapter.healthOf(dns.list, (all) => `${all.length} records`))
    }
  }
})
const decode = (input: unknown) => adapter.slots.dns.decode?.(input)

describe("Adapter.define", () => {
  it("adds a way to decode that takes plain values and secrets, and answers with plain values", () => {
    const decoded = decode({
      zone: "z",
      token: Adapter.secretInput("s3cret"),
      more: [{ key: Adapter.secretInput("other") }]
    })
    if (decoded?.ok !== true) return assert.fail("it is right")
    const { more, token } = decoded.value as {
      readonly token: Redacted.Redacted<string>
      readonly more: ReadonlyArray<{ readonly key: Redacted.Redacted<string> }>
    }
    assert.strictEqual(Redacted.value(token), "s3cret")
    assert.deepStrictEqual(
      more.map(({ key }) => Redacted.value(key)),
      ["other"]
    )
  })
  it("tells all that is wrong, and nothing of a value", () => {
    const decoded = decode({ zone: 5, tokn: "s3cret", token: "s3cret" })
    if (decoded?.ok !== false) return assert.fail("it is wrong")
    assert.sameMembers(
      decoded.issues.map(({ path }) => path.join(".")),
      ["zone", "tokn", "token"]
    )
    assert.notInclude(JSON.stringify(decoded), "s3cret")
  })
  it("knows an AdapterError of another copy by its tag", () => {
    const reason = { _tag: "Invalid", field: "x", message: "y" } as const
    assert.isTrue(Adapter.isAdapterError(new Adapter.AdapterError({ operation: "o", reason })))
    assert.isTrue(Adapter.isAdapterError({ _tag: "AdapterError", operation: "o", reason }))
    assert.isFalse(Adapter.isAdapterError(new Error("AdapterError")))
  })
  it.effect("keeps what a port failed with as the cause of an AdapterError", () =>
    Effect.gen(function* () {
      const cause = { reason: { _tag: "Unavailable", message: "away" } } as const
      const failed = yield* Effect.flip(
        Effect.provide(Dns, Layer.effect(Dns, Effect.fail(cause)).pipe(Adapter.failing("Sample.layer", "Start it")))
      )
      assert.deepInclude(failed, { _tag: "AdapterError", operation: "Sample.layer", fix: "Start it" })
      assert.strictEqual(failed.cause, cause)
    })
  )
})
