/** Cache namespaces in memory: names, owners and passwords, no cache behind them. */
import { Effect, Layer, Option, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import type { PortReason } from "../../ports/infra/PortReason.ts"
import { TenantCache, TenantCacheError } from "../../ports/infra/TenantCache.ts"
import type { Tenant } from "../../ports/infra/TenantDatabase.ts"
import { ProviderProbe, watched } from "./ProviderProbe.ts"

const refuse = (operation: string, reason: PortReason) => new TenantCacheError({ operation, reason })

const make = Effect.gen(function* () {
  const owners = new Map<string, Tenant["projectId"]>()
  const url = (name: string) => Redacted.make(`memory://${name}:${randomBytes(18).toString("base64url")}@localhost/0`)
  const info = (name: string) => ({ externalId: name, keyPrefix: `${name}:` })
  const own = (verb: string, tenant: Tenant) =>
    Effect.suspend(() => {
      const owner = owners.get(tenant.name)
      if (owner !== undefined && owner !== tenant.projectId)
        return Effect.fail(
          refuse(`TenantCache.${verb}`, { _tag: "Foreign", message: `cache ${tenant.name} belongs to ${owner}` })
        )
      return Effect.succeed(owner !== undefined)
    })
  const service = TenantCache.of({
    ensure: (tenant) =>
      Effect.map(own("ensure", tenant), (there) => {
        owners.set(tenant.name, tenant.projectId)
        return { ...info(tenant.name), created: !there, url: there ? null : url(tenant.name) }
      }),
    observe: (tenant) =>
      Effect.map(own("observe", tenant), (there) => (there ? Option.some(info(tenant.name)) : Option.none())),
    rotate: (tenant) =>
      Effect.flatMap(own("rotate", tenant), (there) =>
        there
          ? Effect.sync(() => ({ url: url(tenant.name) }))
          : Effect.fail(
              refuse("TenantCache.rotate", { _tag: "NotFound", message: `cache ${tenant.name} does not exist` })
            )
      ),
    remove: (tenant) =>
      Effect.map(own("remove", tenant), () => {
        owners.delete(tenant.name)
      })
  })
  return watched("TenantCache", service, refuse, yield* ProviderProbe)
})

export const layer: Layer.Layer<TenantCache> = Layer.effect(TenantCache, make)
