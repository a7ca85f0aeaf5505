/** What an operator meets: configurations that are half of two, and what `rdev doctor` says of the App. */
import { assert, describe, it } from "@effect/vitest"
import { type Decoded, secretInput } from "@rdev/core/adapter/Adapter"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { Effect, Exit, Layer, Redacted } from "effect"
import adapter from "../src/adapter.ts"
import { Fake, server } from "./World.ts"

const slot = adapter.slots.forge
const decode = (input: unknown): Decoded =>
  (slot as { readonly decode?: (input: unknown) => Decoded }).decode?.(input) ?? assert.fail("define adds it")

const built = (config: Parameters<typeof slot.layer>[0]) =>
  Effect.scoped(
    Effect.flatMap(
      Layer.build(Layer.provideMerge(slot.layer(config), Layer.provideMerge(TestHost.ports, TestHost.layer()))),
      (context) => Effect.provideContext(slot.health(config), context)
    )
  )

describe("the adapter", () => {
  it("takes addresses of GitHub's API that a token may be sent to, and no others", () => {
    const good = [
      "https://api.github.com",
      "https://ghe.example.org/api/v3",
      "http://127.0.0.1:3000/api/v3",
      "http://localhost:1"
    ]
    const bad = [
      "http://ghe.example.org/api/v3",
      "https://user:pass@ghe.example.org",
      "ftp://x",
      "api.github.com",
      "https://x/?a=b",
      ""
    ]
    for (const [urls, ok] of [
      [good, true],
      [bad, false]
    ] as const)
      for (const url of urls)
        assert.strictEqual(decode({ owner: "acme", token: secretInput("ghp_x"), url }).ok, ok, url)
    for (const owner of ["-acme", "a/b", "a b", "", "x".repeat(40), "../x"])
      assert.isFalse(decode({ owner, token: secretInput("ghp_x") }).ok, owner)
  })

  it.live("refuses half a credential, and two", () =>
    Effect.gen(function* () {
      const secret = Redacted.make("ghp_secretsecretsecret")
      for (const config of [
        {},
        { app: "Iv23" },
        { privateKey: secret },
        { token: secret, app: "Iv23" },
        { token: secret, app: "Iv23", privateKey: secret }
      ]) {
        const exit = yield* Effect.exit(built({ owner: "acme", ...config }))
        assert.isTrue(Exit.isFailure(exit), JSON.stringify(config))
        assert.notInclude(String(exit), "ghp_secretsecretsecret")
      }
    })
  )

  it.live("says at the doctor's who it is, what is missing, and what is wrong with a key", () =>
    Effect.gen(function* () {
      const fake = yield* Fake
      const config = { owner: "acme", url: fake.url, app: fake.state.app, privateKey: Redacted.make(fake.privateKey) }
      const good = yield* built(config)
      assert.isTrue(good.ok, good.detail)
      assert.match(good.detail, /rdev-test\[bot\] at acme; \d+ of 5000 requests are left/)
      const { statuses: _, ...others } = fake.state.permissions
      fake.state.permissions = { ...others, contents: "read" }
      const poor = yield* built(config)
      assert.isFalse(poor.ok)
      assert.match(poor.detail, /contents: write, statuses: write/)
      const elsewhere = yield* built({ ...config, owner: "nobody" })
      assert.match(elsewhere.detail, /not installed at nobody/)
      const noKey = yield* built({
        ...config,
        privateKey: Redacted.make("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
      })
      assert.match(noKey.detail, /privateKey: expected the App's private key/)
      const otherApp = yield* built({ ...config, app: "Iv1other" })
      assert.match(otherApp.detail, /is the private key the App's/)
    }).pipe(Effect.provide(server), Effect.scoped)
  )
})
