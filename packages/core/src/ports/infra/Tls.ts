/** Certificates for host names. An installation that serves plain HTTP on loopback answers Unsupported with the reason. */
import { Context, type Effect, type Option, Schema } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { describe, isRetryable, portErrorFields } from "./PortReason.ts"

export class TlsError extends Schema.TaggedError<TlsError>()("TlsError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
  get retryable(): boolean {
    return isRetryable(this.reason)
  }
}
export interface Certificate {
  readonly projectId: ProjectId
  readonly host: string
  readonly externalId: string
  readonly notAfterMillis: number
}

export class Tls extends Context.Service<
  Tls,
  {
    ensure(projectId: ProjectId, host: string): Effect.Effect<Certificate & { readonly created: boolean }, TlsError>
    observe(host: string): Effect.Effect<Option.Option<Certificate>, TlsError>
    remove(projectId: ProjectId, host: string): Effect.Effect<void, TlsError>
  }
>()("rdev/ports/Tls") {}

export { layerMemory, layerUnsupported } from "../../memory/Tls.ts"
