/**
 * Posts a webhook's request to an address of somebody else's choosing. An implementation resolves the name once, refuses addresses
 * that are not public unless they are allowed, connects to what it checked, and follows no redirect.
 */
import { Context, Effect, Schema } from "effect"
import { describe, portErrorFields } from "./PortReason.ts"

/** Unauthorized: the address is not one this installation may talk to. Invalid: the URL. Unavailable: no answer, for whatever reason. */
export class WebhookTransportError extends Schema.TaggedError<WebhookTransportError>()(
  "WebhookTransportError",
  portErrorFields
) {
  override get message(): string {
    return describe(this.reason)
  }
}

export interface WebhookRequest {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** For everything: the name, the connection and the answer. */
  readonly timeoutMillis: number
}
export interface WebhookAnswer {
  /** Any; 3xx are not followed. */
  readonly status: number
  /** What `Retry-After` asks for. */
  readonly retryAfterMillis: number | null
}

export class WebhookTransport extends Context.Service<
  WebhookTransport,
  {
    /** Whatever status comes is an answer. */
    post(request: WebhookRequest): Effect.Effect<WebhookAnswer, WebhookTransportError>
    /** Says what is wrong with a URL before anything is sent there: its form, or an address written out that may not be talked to. */
    check(url: string): Effect.Effect<void, WebhookTransportError>
  }
>()("rdev/ports/WebhookTransport") {}
