/**
 * Posts a webhook's request to an address of somebody else's choosing. An implementation resolves the name once, refuses addresses
 * that are not public unless they are allowed, connects to what it checked, and follows no redirect.
 */
import { Context, Effect, Layer, Schema } from "effect"
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

/** What requests get in memory, and what was posted. */
export class MemoryReceiver extends Context.Service<
  MemoryReceiver,
  {
    readonly received: Array<WebhookRequest>
    /** The answer to requests from now on; 204 at first. */
    answer: (request: WebhookRequest) => Effect.Effect<WebhookAnswer, WebhookTransportError>
  }
>()("rdev/ports/WebhookTransport/MemoryReceiver") {}

export const layerMemory: Layer.Layer<WebhookTransport | MemoryReceiver> = Layer.effectContext(
  Effect.sync(() => {
    const receiver: MemoryReceiver["Service"] = {
      received: [],
      answer: () => Effect.succeed({ status: 204, retryAfterMillis: null })
    }
    const transport = WebhookTransport.of({
      post: (request) =>
        Effect.suspend(() => {
          receiver.received.push(request)
          return receiver.answer(request)
        }),
      check: (url) =>
        URL.canParse(url)
          ? Effect.void
          : Effect.fail(
              new WebhookTransportError({
                operation: "WebhookTransport.check",
                reason: { _tag: "Invalid", field: "url", message: "expected a URL" }
              })
            )
    })
    return Context.make(WebhookTransport, transport).pipe(Context.add(MemoryReceiver, receiver))
  })
)
