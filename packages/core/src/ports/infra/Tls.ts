/** Certificates for host names. An installation that serves plain HTTP on loopback answers Unsupported with the reason. */
import { Context, Effect, Layer, type Option, type Redacted, Schema } from "effect"
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

/** Of a certificate that ends unless somebody renews it. */
export interface Renewal extends Certificate {
  /** All host names that it was asked for; `host` is one of them. */
  readonly hosts: ReadonlyArray<string>
  /** When it is due; after a failure, when it is tried again. */
  readonly dueAtMillis: number
  /** Why the last try failed; null = it did not. */
  readonly failure: string | null
}

export class Tls extends Context.Service<
  Tls,
  {
    ensure(projectId: ProjectId, host: string): Effect.Effect<Certificate & { readonly created: boolean }, TlsError>
    observe(host: string): Effect.Effect<Option.Option<Certificate>, TlsError>
    remove(projectId: ProjectId, host: string): Effect.Effect<void, TlsError>
    /** Absent where certificates do not end, or the provider renews them by itself. */
    readonly renewals?: {
      /** All of them, those that are not due among them. */
      readonly list: Effect.Effect<ReadonlyArray<Renewal>, TlsError>
      /** A new one in place of one that is due; one that is not stays. A failure is noted: it is due again later, and the old one serves on. */
      readonly renew: (projectId: ProjectId, host: string) => Effect.Effect<Certificate, TlsError>
    }
  }
>()("rdev/ports/Tls") {}

/** A certificate as servers take it: PEM, the host's own first, then those up to the authority. */
export interface KeyPair {
  readonly chain: string
  readonly key: Redacted.Redacted
}
/**
 * The certificate and key for a host name, for what ends TLS in the name of projects. Told by the slot `tls` where it has the keys; null =
 * they are elsewhere.
 */
export const KeyPairs = Context.Reference<((host: string) => Effect.Effect<Option.Option<KeyPair>, TlsError>) | null>(
  "rdev/ports/KeyPairs",
  { defaultValue: () => null }
)

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
