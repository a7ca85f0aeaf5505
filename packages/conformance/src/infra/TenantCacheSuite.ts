/** What every provider of tenant cache namespaces must do. */
import { assert } from "@effect/vitest"
import { TenantCache } from "@rdev/core/ports/infra/TenantCache"
import { Effect, type Layer } from "effect"
import * as TenantSuite from "./TenantSuite.ts"

export type Capabilities = TenantSuite.Capabilities

export const suite = (name: string, layer: Layer.Layer<TenantCache, unknown>, capabilities: Capabilities): void =>
  TenantSuite.suite(`TenantCache: ${name}`, layer, Effect.service(TenantCache), capabilities, (it, fresh) => {
    it.effect("gives every project a prefix of its own", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* fresh, yield* fresh]
        const prefixes = [yield* one.port.ensure(one.tenant), yield* two.port.ensure(two.tenant)].map(
          (made) => made.keyPrefix
        )
        assert.strictEqual(new Set(prefixes).size, 2)
        assert.isTrue(prefixes.every((prefix) => prefix.length > 0))
      })
    )
  })
