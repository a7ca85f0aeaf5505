import { assert, describe, it } from "@effect/vitest"
import * as VendorCalls from "../../src/adapter/VendorCalls.ts"
import type { PortReason } from "../../src/ports/infra/PortReason.ts"
import { Effect, Fiber, Metric } from "effect"

const told = (vendor: string) =>
  Effect.map(Metric.snapshot, (all) =>
    all
      .filter(({ attributes, id }) => id === "rdev_vendor_calls_total" && attributes?.["vendor"] === vendor)
      .map(({ attributes, state }) => [
        attributes?.["call"],
        attributes?.["reason"],
        Number(Reflect.get(state, "count"))
      ])
      .sort()
  )
const reason: PortReason = { _tag: "Unavailable", message: "away" }

describe("requests to vendors", () => {
  it.live("are counted by what they came to", () =>
    Effect.gen(function* () {
      const call = { vendor: "a-vendor", call: "GET things" }
      assert.strictEqual(yield* VendorCalls.counted(call)(Effect.succeed(7)), 7)
      yield* VendorCalls.counted(call)(Effect.succeed(8))
      assert.deepStrictEqual(yield* Effect.flip(VendorCalls.counted(call)(Effect.fail({ reason }))), { reason })
      yield* Effect.flip(
        VendorCalls.counted<{ readonly reason: PortReason }>(call, () => "ok")(Effect.fail({ reason }))
      )
      const fiber = yield* Effect.forkChild(VendorCalls.counted(call)(Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* told("a-vendor"), [
        ["GET things", "Unavailable", 1],
        ["GET things", "interrupted", 1],
        ["GET things", "ok", 3]
      ])
    })
  )
  it("are kinds: no name, number or id of anybody's is in one", () => {
    const words = new Set(["repos", "actions", "runs"])
    for (const path of [
      "/repos/acme/shop/actions/runs/17",
      "/repos/a%2Fb/x/actions/runs?branch=secret",
      "/repos/1/2/actions/runs/"
    ])
      assert.strictEqual(VendorCalls.kindOf("GET", path, words), "GET repos actions runs")
  })
})
