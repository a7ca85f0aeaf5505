/** Certificates for host names. An installation that serves plain HTTP on loopback answers Unsupported with the reason. */
import { Context, Effect, Layer, Schema, type Option } from "effect"
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

/** An installation without certificates: every verb says why. */
export const layerUnsupported = (message: string): Layer.Layer<Tls> => {
  const refuse = (verb: string) => () =>
    Effect.fail(new TlsError({ operation: `Tls.${verb}`, reason: { _tag: "Unsupported", message } }))
  return Layer.succeed(Tls, {
    ensure: refuse("ensure"),
    observe: refuse("observe"),
    remove: refuse("remove")
  })
}
