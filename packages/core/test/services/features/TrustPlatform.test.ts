import { assert, describe, it } from "@effect/vitest"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { generate, signingKey } from "@rdev/sdlc/repo/Trust"
import { trustPlatform } from "../../../src/services/features/act/TrustPlatform.ts"

const pair = generate()
const key = signingKey("platform", pair.privatePem)
const policyOf = (files: ReadonlyArray<{ readonly path: string; readonly content: Uint8Array | string | null }>) =>
  Repo.loadPolicy(new Map(files.flatMap((file) => (file.content === null ? [] : [[file.path, file.content] as const]))))

describe("trustPlatform", () => {
  it("adds the platform's key to the policy and nothing else", () => {
    const files = trustPlatform(
      [
        { path: ".sdlc/policy.yaml", content: "gates:\n  spec: human\n" },
        { path: "a.txt", content: "a" }
      ],
      key
    )
    const { errors, policy } = policyOf(files)
    assert.deepStrictEqual(errors, [])
    assert.deepStrictEqual(policy.keyring, [{ id: "platform", ed25519: pair.publicKey }])
    assert.strictEqual(policy.gates.spec, "human")
    assert.strictEqual(files[1]?.content, "a")
  })
  it("leaves a policy alone that names its own keyring, and every policy when there is no key", () => {
    const own = [{ path: ".sdlc/policy.yaml", content: `keyring:\n  - id: ours\n    ed25519: ${pair.publicKey}\n` }]
    assert.deepStrictEqual(trustPlatform(own, key), own)
    const plain = [{ path: ".sdlc/policy.yaml", content: "gates:\n  spec: human\n" }]
    assert.deepStrictEqual(trustPlatform(plain, null), plain)
  })
})
