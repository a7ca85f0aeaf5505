/** The WebhookTransport port: posts by OutboundHttp, which judges every address before it connects. */
import { WebhookTransport, WebhookTransportError } from "@rdev/core/ports/infra/WebhookTransport"
import * as OutboundHttp from "@rdev/runtime-node/http/OutboundHttp"
import { Config, Effect, Layer, Result } from "effect"

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

const build = (
  operation: string,
  field: string,
  options: Options
): Effect.Effect<WebhookTransport["Service"], WebhookTransportError> =>
  Result.match(OutboundHttp.make({ ...options, setting: variable }), {
    onSuccess: (http) => Effect.succeed(make(http)),
    onFailure: ({ message }) =>
      Effect.fail(new WebhookTransportError({ operation, reason: { _tag: "Invalid", field, message } }))
  })

export const layerWith = (options: Options): Layer.Layer<WebhookTransport, WebhookTransportError> =>
  Layer.effect(WebhookTransport, build("LocalWebhookTransport.layerWith", "allow", options))

/** `RDEV_WEBHOOK_ALLOW`: entries of `Options.allow`, separated by commas; none by default. */
export const layerConfig: Layer.Layer<WebhookTransport, WebhookTransportError> = Layer.effect(
  WebhookTransport,
  Effect.gen(function* () {
    const operation = "LocalWebhookTransport.layerConfig"
    const list = yield* Config.String(variable).pipe(
      Config.withDefault(""),
      Effect.mapError(
        (cause) =>
          new WebhookTransportError({
            operation,
            reason: { _tag: "Invalid", field: variable, message: cause.message },
            cause
          })
      )
    )
    return yield* build(operation, variable, {
      allow: list
        .split(",")
        .map((entry) => entry.trim())
        .filter((entry) => entry !== "")
    })
  })
)
