/** Tenant databases in memory: names, owners and passwords, no database behind them. */
import { Clock, Effect, Layer, Option, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import type { PortReason } from "../../ports/infra/PortReason.ts"
import { type Tenant, TenantDatabase, TenantDatabaseError } from "../../ports/infra/TenantDatabase.ts"
import { ProviderProbe, watched } from "./ProviderProbe.ts"

interface Row {
  readonly projectId: Tenant["projectId"]
  readonly name: string
  readonly createdAtMillis: number
}
const refuse = (operation: string, reason: PortReason) => new TenantDatabaseError({ operation, reason })

const make = Effect.gen(function* () {
  const rows = new Map<string, Row>()
  const url = (name: string) =>
    Redacted.make(`memory://${name}:${randomBytes(18).toString("base64url")}@localhost/${name}`)
  const info = (name: string) => ({ externalId: name, role: name, engine: "memory" as const })
  const own = (verb: string, tenant: Tenant) =>
    Effect.suspend(() => {
      const row = rows.get(tenant.name)
      if (row !== undefined && row.projectId !== tenant.projectId)
        return Effect.fail(
          refuse(`TenantDatabase.${verb}`, {
            _tag: "Foreign",
            message: `database ${tenant.name} belongs to ${row.projectId}`
          })
        )
      return Effect.succeed(Option.fromUndefinedOr(row))
    })
  const service = TenantDatabase.of({
    ensure: (tenant) =>
      Effect.gen(function* () {
        const found = yield* own("ensure", tenant)
        if (Option.isSome(found)) return { ...info(tenant.name), created: false, url: null }
        rows.set(tenant.name, { ...tenant, createdAtMillis: yield* Clock.currentTimeMillis })
        return { ...info(tenant.name), created: true, url: url(tenant.name) }
      }),
    observe: (tenant) =>
      Effect.map(
        own("observe", tenant),
        Option.map((row) => info(row.name))
      ),
    rotate: (tenant) =>
      Effect.flatMap(
        own("rotate", tenant),
        Option.match({
          onNone: () =>
            Effect.fail(
              refuse("TenantDatabase.rotate", { _tag: "NotFound", message: `database ${tenant.name} does not exist` })
            ),
          onSome: () => Effect.sync(() => ({ url: url(tenant.name) }))
        })
      ),
    remove: (tenant) =>
      Effect.map(own("remove", tenant), () => {
        rows.delete(tenant.name)
      }),
    list: Effect.sync(() =>
      [...rows.values()].map((row) => ({
        projectId: row.projectId,
        externalId: row.name,
        createdAtMillis: row.createdAtMillis
      }))
    )
  })
  return watched("TenantDatabase", service, refuse, yield* ProviderProbe)
})

export const layer: Layer.Layer<TenantDatabase> = Layer.effect(TenantDatabase, make)
