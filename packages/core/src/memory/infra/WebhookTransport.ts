/** Webhooks that nobody gets: what was posted is kept for a test to read. */
import { Context, Effect, Layer } from "effect"
import {
  type WebhookAnswer,
  type WebhookRequest,
  WebhookTransport,
  WebhookTransportError
} from "../../ports/infra/WebhookTransport.ts"

/** What requests get in memory, and what was posted. */
export class Receiver extends Context.Service<
  Receiver,
  {
    readonly received: Array<WebhookRequest>
    /** The answer to requests from now on; 204 at first. */
    answer: (request: WebhookRequest) => Effect.Effect<WebhookAnswer, WebhookTransportError>
  }
>()("rdev/memory/WebhookTransport/Receiver") {}

export const layer: Layer.Layer<WebhookTransport | Receiver> = Layer.effectContext(
  Effect.sync(() => {
    const receiver: Receiver["Service"] = {
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
    return Context.make(WebhookTransport, transport).pipe(Context.add(Receiver, receiver))
  })
)
