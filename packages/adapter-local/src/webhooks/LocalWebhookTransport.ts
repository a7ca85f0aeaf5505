/** The WebhookTransport port: posts by OutboundHttp, which judges every address before it connects. */
import { WebhookTransport, WebhookTransportError } from "@rdev/core/ports/infra/WebhookTransport"
import * as OutboundHttp from "@rdev/runtime-node/http/OutboundHttp"
import { Effect, Layer, Result } from "effect"

export type Options = Pick<OutboundHttp.Options, "allow" | "resolve">

const variable = "RDEV_WEBHOOK_ALLOW"

const make = ({ check, send }: OutboundHttp.OutboundHttp) => {
  const verb = <A>(
    operation: string,
    effect: Effect.Effect<A, OutboundHttp.OutboundFailure>
  ): Effect.Effect<A, WebhookTransportError> =>
    effect.pipe(
      Effect.mapError(({ cause, reason }) => new WebhookTransportError({ operation, reason, cause })),
      Effect.withSpan(operation)
    )
  return WebhookTransport.of({
    post: (request) => verb("WebhookTransport.post", send(request)),
    check: (url) => verb("WebhookTransport.check", check(url))
  })
}

const build = (options: Options): Effect.Effect<WebhookTransport["Service"], WebhookTransportError> =>
  Result.match(OutboundHttp.make({ ...options, setting: variable }), {
    onSuccess: (http) => Effect.succeed(make(http)),
    onFailure: ({ message }) =>
      Effect.fail(
        new WebhookTransportError({
          operation: "LocalWebhookTransport.layerWith",
          reason: { _tag: "Invalid", field: "allow", message }
        })
      )
  })

export const layerWith = (options: Options): Layer.Layer<WebhookTransport, WebhookTransportError> =>
  Layer.effect(WebhookTransport, build(options))
