/** The suites of the port and of adapters, on a server that holds every request and answer to GitHub's published description. */
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import { suite as host } from "@rdev/conformance/infra/RepositoryHostSuite"
import { Effect, Layer, Redacted } from "effect"
import { generateKeyPairSync } from "node:crypto"
import adapter from "../src/adapter.ts"
import type { FakeGitHub } from "./FakeGitHub.ts"
import { Fake, forge, server } from "./World.ts"

const state: { fake: FakeGitHub | null } = { fake: null }
const layer = forge().pipe(
  Layer.provide(
    Layer.effect(
      Fake,
      Effect.tap(Fake, (fake) =>
        Effect.sync(() => {
          state.fake = fake
        })
      )
    ).pipe(Layer.provide(server))
  )
)

host("github", layer, {
  stranger: Effect.sync(() => {
    if (state.fake === null) throw new Error("the server of the test is not there yet")
    const name = `stranger-${state.fake.state.next()}`
    state.fake.state.create("acme", name, { description: "Somebody's" })
    return `acme/${name}`
  }),
  webhookEvents: ["push", "pull_request", "issues"],
  protects: true
})

const { privateKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs1", format: "pem" }
})
const token = Redacted.make("github_pat_11ABCDEFG0123456789abcdef")
// Port 9 of this machine answers nobody.
const nowhere = { owner: "acme", url: "http://127.0.0.1:9/api/v3" }
adapterSuite("github", adapter, {
  forge: {
    good: { ...nowhere, app: "Iv23li", privateKey: Redacted.make(privateKey) },
    bad: { owner: "no/name", url: "http://github.example.org", token },
    broken: { ...nowhere, token }
  }
})
