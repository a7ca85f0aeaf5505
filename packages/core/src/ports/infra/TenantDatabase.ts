/** A database of its own for each project: role, database, grants, connection limit. */
import { Context, Effect, Layer, Schema, type Option, type Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { ProjectName } from "../../domain/Project.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class TenantDatabaseError extends Schema.TaggedError<TenantDatabaseError>()(
  "TenantDatabaseError",
  portErrorFields
) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}
export interface Tenant {
  readonly projectId: ProjectId
  readonly name: ProjectName
}
export interface TenantDatabaseInfo {
  readonly externalId: string
  readonly role: string
  readonly engine: "postgresql" | "cockroachdb" | "memory"
}

export class TenantDatabase extends Context.Service<
  TenantDatabase,
  {
    /** Creates or adopts ours; a new password is set only when it creates. Unsupported when no server is configured. */
    ensure(
      tenant: Tenant
    ): Effect.Effect<
      TenantDatabaseInfo & { readonly created: boolean; readonly url: Redacted.Redacted | null },
      TenantDatabaseError
    >
    observe(tenant: Tenant): Effect.Effect<Option.Option<TenantDatabaseInfo>, TenantDatabaseError>
    /** New password; the old one stops working. */
    rotate(tenant: Tenant): Effect.Effect<{ readonly url: Redacted.Redacted }, TenantDatabaseError>
    remove(tenant: Tenant): Effect.Effect<void, TenantDatabaseError>
    list: Effect.Effect<
      ReadonlyArray<{ readonly projectId: ProjectId; readonly externalId: string; readonly createdAtMillis: number }>,
      TenantDatabaseError
    >
  }
>()("rdev/ports/TenantDatabase") {}

/** An installation without a database server: every verb says what to configure, but there is nothing to list. */
export const layerUnsupported = (message: string): Layer.Layer<TenantDatabase> => {
  const refuse = (verb: string) => () =>
    Effect.fail(
      new TenantDatabaseError({ operation: `TenantDatabase.${verb}`, reason: { _tag: "Unsupported", message } })
    )
  return Layer.succeed(TenantDatabase, {
    ensure: refuse("ensure"),
    observe: refuse("observe"),
    rotate: refuse("rotate"),
    remove: refuse("remove"),
    list: Effect.succeed([])
  })
}
