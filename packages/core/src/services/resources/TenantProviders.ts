/** Databases and caches of projects as resources, over the ports of their servers. */
import { Effect, Option, Schema } from "effect"
import { Secret } from "../../adapter/Adapter.ts"
import { make, type ResourceOwner } from "../../adapter/ResourceProvider.ts"
import { TenantCache } from "../../ports/infra/TenantCache.ts"
import { type Tenant, TenantDatabase } from "../../ports/infra/TenantDatabase.ts"
import { ownerOf } from "./OwnerOf.ts"

const tenantOf = ({ project }: ResourceOwner): Tenant => ({ projectId: project.id, name: project.name })

const DatabaseOutputs = Schema.Struct({ DATABASE_URL: Secret })
export const database = make<typeof DatabaseOutputs.Type, TenantDatabase>({
  kind: "database",
  holdsData: true,
  provider: "database",
  per: "project",
  outputs: DatabaseOutputs,
  observe: (owner) =>
    Effect.map(
      Effect.flatMap(TenantDatabase, (service) => service.observe(tenantOf(owner))),
      Option.map(({ externalId }) => ({ externalId, drift: null }))
    ),
  ensure: (owner) =>
    Effect.map(
      Effect.flatMap(TenantDatabase, (service) => service.ensure(tenantOf(owner))),
      ({ created, externalId, url }) => ({ externalId, created, outputs: url === null ? null : { DATABASE_URL: url } })
    ),
  rotate: (owner) =>
    Effect.map(
      Effect.flatMap(TenantDatabase, (service) => service.rotate(tenantOf(owner))),
      ({ url }) => ({ DATABASE_URL: url })
    ),
  remove: (owner) => Effect.flatMap(TenantDatabase, (service) => service.remove(tenantOf(owner))),
  list: Effect.map(
    Effect.flatMap(TenantDatabase, (service) => service.list),
    (found) =>
      found.map(({ createdAtMillis, externalId, projectId }) => ({
        owner: ownerOf(projectId, externalId),
        externalId,
        createdAtMillis
      }))
  )
})

const CacheOutputs = Schema.Struct({ CACHE_URL: Secret })
export const cache = make<typeof CacheOutputs.Type, TenantCache>({
  kind: "cache",
  provider: "cache",
  per: "project",
  outputs: CacheOutputs,
  observe: (owner) =>
    Effect.map(
      Effect.flatMap(TenantCache, (service) => service.observe(tenantOf(owner))),
      Option.map(({ externalId, keyPrefix }) => ({ externalId, drift: null, attributes: { keyPrefix } }))
    ),
  ensure: (owner) =>
    Effect.map(
      Effect.flatMap(TenantCache, (service) => service.ensure(tenantOf(owner))),
      ({ created, externalId, keyPrefix, url }) => ({
        externalId,
        created,
        attributes: { keyPrefix },
        outputs: url === null ? null : { CACHE_URL: url }
      })
    ),
  rotate: (owner) =>
    Effect.map(
      Effect.flatMap(TenantCache, (service) => service.rotate(tenantOf(owner))),
      ({ url }) => ({ CACHE_URL: url })
    ),
  remove: (owner) => Effect.flatMap(TenantCache, (service) => service.remove(tenantOf(owner))),
  // The port does not list namespaces.
  list: Effect.succeed([])
})
