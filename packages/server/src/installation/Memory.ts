/** `limits: { use: memory }`: this process counts for itself. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import * as MemoryRateLimiter from "@rdev/core/memory/infra/RateLimiter"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export default Adapter.define({
  api: 1,
  name: "memory",
  slots: {
    limits: {
      config: Schema.Struct({}),
      layer: () => MemoryRateLimiter.layer,
      health: () => Effect.succeed({ ok: true, detail: "each process counts for itself" })
    }
  }
})
