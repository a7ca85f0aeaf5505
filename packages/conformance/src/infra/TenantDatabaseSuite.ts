/** What every provider of tenant databases must do. */
import { assert } from "@effect/vitest"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Effect, type Layer } from "effect"
import * as TenantSuite from "./TenantSuite.ts"

export type Capabilities = TenantSuite.Capabilities

export const suite = (name: string, layer: Layer.Layer<TenantDatabase, unknown>, capabilities: Capabilities): void =>
  TenantSuite.suite(`TenantDatabase: ${name}`, layer, Effect.service(TenantDatabase), capabilities, (it, fresh) => {
    it.effect("lists what is ours, with its owner", () =>
      Effect.gen(function* () {
        const { port, tenant } = yield* fresh
        const made = yield* port.ensure(tenant)
        const listed = (yield* port.list).find((one) => one.externalId === made.externalId)
        assert.strictEqual(listed?.projectId, tenant.projectId)
        yield* port.remove(tenant)
        assert.isFalse((yield* port.list).some((one) => one.externalId === made.externalId))
      })
    )
  })
