import { assert, describe, it } from "@effect/vitest"
import { ForgeError } from "../../../src/ports/infra/Forge.ts"
import type { PortReason } from "../../../src/ports/infra/PortReason.ts"
import { StoreError } from "../../../src/ports/stores/StoreError.ts"
import { TaskFailure } from "../../../src/queue/TaskHandlers.ts"
import { toTaskFailure } from "../../../src/services/features/drive/Failures.ts"
import { slugOf } from "@rdev/sdlc/model/Slug"

describe("Failures.toTaskFailure", () => {
  const cases: ReadonlyArray<readonly [PortReason, string]> = [
    [{ _tag: "RateLimited", message: "slow down", retryAfterMillis: 5_000 }, "RateLimited"],
    [{ _tag: "Unauthorized", message: "bad token" }, "AuthFailed"],
    [{ _tag: "Unavailable", message: "connection refused" }, "Unknown"],
    [{ _tag: "ResourceExhausted", message: "disk full" }, "ResourceExhausted"],
    [{ _tag: "Conflict", message: "moved" }, "Conflict"],
    [{ _tag: "Invalid", field: "ref", message: "leading dash" }, "Invalid"],
    [{ _tag: "Foreign", message: "not ours" }, "Invalid"],
    [{ _tag: "Unsupported", message: "install it" }, "Invalid"],
    [{ _tag: "NotFound", message: "gone" }, "Unknown"],
    [{ _tag: "AlreadyExists", message: "taken" }, "Conflict"],
    [{ _tag: "Unknown", message: "?" }, "Unknown"]
  ]
  for (const [reason, expected] of cases) {
    it(`${reason._tag} of a port is ${expected}`, () => {
      const failure = toTaskFailure(new ForgeError({ operation: "GitObjects.head", reason }))
      assert.strictEqual(failure.reason._tag, expected)
      assert.include(failure.reason.message, "GitObjects.head")
    })
  }
  it("keeps the provider's own waiting time", () => {
    const failure = toTaskFailure(
      new ForgeError({
        operation: "GitObjects.head",
        reason: { _tag: "RateLimited", message: "slow down", retryAfterMillis: 5_000 }
      })
    )
    assert.deepInclude(failure.reason, { _tag: "RateLimited", retryAfterMillis: 5_000 })
  })
  it("keeps a task failure as it is and tells a store's conflict from its outage", () => {
    const own = new TaskFailure({ reason: { _tag: "AgentFault", message: "no" } })
    assert.strictEqual(toTaskFailure(own), own)
    assert.strictEqual(
      toTaskFailure(new StoreError({ operation: "x", reason: { _tag: "Conflict", message: "moved" } })).reason._tag,
      "Conflict"
    )
    assert.strictEqual(
      toTaskFailure(new StoreError({ operation: "x", reason: { _tag: "Unavailable", message: "down" } })).reason._tag,
      "Unknown"
    )
  })
})

describe("slugOf", () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ["Add a contact page!", "add-a-contact-page"],
    ["  Übergröße & Ärger  ", "ubergro-e-arger"],
    ["***", ""],
    ["a".repeat(80), "a".repeat(63)],
    [`${"a".repeat(62)} b`, "a".repeat(62)]
  ]
  for (const [title, slug] of cases)
    it(`${JSON.stringify(title.slice(0, 20))} → ${JSON.stringify(slug.slice(0, 30))}`, () =>
      assert.strictEqual(slugOf(title), slug))
})
