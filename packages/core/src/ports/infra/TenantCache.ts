/** A key-value cache namespace of its own for each project. */
import { Context, Effect, Layer, Schema, type Option, type Redacted } from "effect"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"
import type { Tenant } from "./TenantDatabase.ts"

export class TenantCacheError extends Schema.TaggedError<TenantCacheError>()("TenantCacheError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}
export interface TenantCacheInfo {
  readonly externalId: string
  readonly keyPrefix: string
}

export class TenantCache extends Context.Service<
  TenantCache,
  {
    ensure(
      tenant: Tenant
    ): Effect.Effect<
      TenantCacheInfo & { readonly created: boolean; readonly url: Redacted.Redacted | null },
      TenantCacheError
    >
    observe(tenant: Tenant): Effect.Effect<Option.Option<TenantCacheInfo>, TenantCacheError>
    rotate(tenant: Tenant): Effect.Effect<{ readonly url: Redacted.Redacted }, TenantCacheError>
    remove(tenant: Tenant): Effect.Effect<void, TenantCacheError>
  }
>()("rdev/ports/TenantCache") {}

/** An installation without a cache server: every verb says what to configure. */
export const layerUnsupported = (message: string): Layer.Layer<TenantCache> => {
  const refuse = (verb: string) => () =>
    Effect.fail(new TenantCacheError({ operation: `TenantCache.${verb}`, reason: { _tag: "Unsupported", message } }))
  return Layer.succeed(TenantCache, {
    ensure: refuse("ensure"),
    observe: refuse("observe"),
    rotate: refuse("rotate"),
    remove: refuse("remove")
  })
}
