/**
 * The WebhookTransport port over Node's http and https. A URL comes from a project, so it must not lead into the installation's own
 * network: the name is resolved once, all its addresses are judged, and the connection goes to the first of those very addresses.
 * No proxy, no redirect, no reuse of connections, no retry; what the receiver says beside status and `Retry-After` is thrown away.
 */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import {
  type WebhookAnswer,
  type WebhookRequest,
  WebhookTransport,
  WebhookTransportError
} from "@rdev/core/ports/infra/WebhookTransport"
import { Clock, Config, Effect, Layer, Result } from "effect"
import { lookup } from "node:dns/promises"
import { type IncomingMessage, request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import { isIP } from "node:net"
import { classifyRequestError } from "../classifyError.ts"
import { fail, invalid, LocalFailure } from "../LocalFailure.ts"
import * as PublicAddress from "./PublicAddress.ts"

export interface Options {
  /** Host names, addresses and ranges that may be posted to although they are not public, and without TLS. See `PublicAddress.allowing`. */
  readonly allow: ReadonlyArray<string>
  /** Every address of a host name; asked once per post. Default: the machine's resolver. */
  readonly resolve?: (host: string) => Promise<ReadonlyArray<string>>
}

const variable = "RDEV_WEBHOOK_ALLOW"
/** Of the answer's body. A receiver that sends more is hung up on. */
const maxBodyBytes = 65_536
const maxRetryAfterMillis = 86_400_000

interface Target {
  readonly url: URL
  /** As `PublicAddress.Allowed` takes it. */
  readonly host: string
}

const targetOf = Effect.fnUntraced(function* (text: string) {
  const url = URL.parse(text)
  if (url === null) return yield* invalid("url", "expected a URL such as https://example.com/hooks")
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return yield* invalid("url", `use https, not ${url.protocol.slice(0, -1)}`)
  if (url.username !== "" || url.password !== "")
    return yield* invalid("url", "leave out the user name and password: receivers verify the signature")
  return { url, host: url.hostname.replace(/^\[|\]$|\.$/g, "") } satisfies Target
})

const plainText: PortReason = {
  _tag: "Invalid",
  field: "url",
  message: `use https: plain http would show the event to everybody on the way. It is for receivers allowed in ${variable}`
}

/** Null = all of these addresses of the target may be talked to. One that may not refuses them all: a name with two faces is up to something. */
const refusal = (
  { host, url }: Target,
  addresses: ReadonlyArray<string>,
  allowed: PublicAddress.Allowed
): PortReason | null => {
  const inside = addresses.find((address) => !PublicAddress.isPublic(address) && !allowed(host, address))
  if (inside !== undefined) {
    const where =
      inside === host ? `${host} is not a public address` : `${host} is at ${inside}, which is not a public address`
    return {
      _tag: "Unauthorized",
      message: `${where}; the operator of this installation could allow it in ${variable}`
    }
  }
  return url.protocol === "http:" && !addresses.every((address) => allowed(host, address)) ? plainText : null
}

/** RFC 9110 10.2.3: seconds or a date, here only in the form that senders must use. Anything else is null. */
export const retryAfterMillis = (header: string | undefined, nowMillis: number): number | null => {
  if (header === undefined) return null
  const seconds = /^\d+$/.test(header) ? Number(header) : null
  const date = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(header)
    ? Date.parse(header)
    : Number.NaN
  const millis = seconds === null ? date - nowMillis : seconds * 1000
  return Number.isNaN(millis) ? null : Math.min(Math.max(millis, 0), maxRetryAfterMillis)
}

/** Ends when the answer's body has ended, whichever way: its status stands once it is there. */
const exchange = (
  { body, headers }: WebhookRequest,
  { host, url }: Target,
  address: string
): Effect.Effect<WebhookAnswer, LocalFailure> =>
  Effect.tryPromise({
    try: (interrupted) =>
      new Promise<{ readonly status: number; readonly retryAfter: string | undefined }>((resolve, reject) => {
        const request = (url.protocol === "https:" ? httpsRequest : httpRequest)(
          {
            method: "POST",
            // The checked address itself, so that Node has no name to resolve again; Host and certificate are still the name's.
            host: address,
            port: url.port,
            path: `${url.pathname}${url.search}`,
            headers: { ...headers, host: url.host, "content-length": Buffer.byteLength(body) },
            // TLS names no server by address: the certificate is then compared with `host`.
            servername: isIP(host) === 0 ? host : "",
            // Said here because NODE_TLS_REJECT_UNAUTHORIZED=0 would change the default.
            rejectUnauthorized: true,
            // The global agent may go through a proxy (NODE_USE_ENV_PROXY), which would resolve the name again.
            agent: false
          },
          (response) => {
            let bytes = 0
            response.on("data", (chunk: Buffer) => {
              bytes += chunk.byteLength
              if (bytes >= maxBodyBytes) request.destroy()
            })
            response.on("close", () => answered(response))
          }
        )
        const answered = (response: IncomingMessage) => {
          request.destroy()
          resolve({ status: response.statusCode ?? 502, retryAfter: response.headers["retry-after"] })
        }
        // A 101 comes here only; without a listener Node would close the connection and say nothing.
        request.on("upgrade", answered)
        request.on("error", reject)
        interrupted.addEventListener("abort", () => request.destroy())
        request.end(body)
      }),
    catch: (cause) => new LocalFailure({ reason: classifyRequestError(cause, host), cause })
  }).pipe(
    Effect.flatMap(({ retryAfter, status }) =>
      Effect.map(Clock.currentTimeMillis, (now) => ({ status, retryAfterMillis: retryAfterMillis(retryAfter, now) }))
    )
  )

const systemResolve = async (host: string) => (await lookup(host, { all: true })).map(({ address }) => address)

const make = (allowed: PublicAddress.Allowed, { allow, resolve = systemResolve }: Options) => {
  const addressesOf = (host: string) =>
    isIP(host) !== 0
      ? Effect.succeed([host])
      : Effect.tryPromise({
          try: () => resolve(host),
          catch: (cause) => new LocalFailure({ reason: classifyRequestError(cause, host), cause })
        })

  const post = Effect.fnUntraced(function* (request: WebhookRequest) {
    const target = yield* targetOf(request.url)
    const addresses = yield* addressesOf(target.host)
    const refused = refusal(target, addresses, allowed)
    if (refused !== null) return yield* fail(refused)
    const [address] = addresses
    if (address === undefined) return yield* fail({ _tag: "Unavailable", message: `${target.host} has no address` })
    return yield* exchange(request, target, address)
  })

  const check = Effect.fnUntraced(function* (text: string) {
    const target = yield* targetOf(text)
    // What a name resolves to is not asked here, so with any entry it may turn out to be allowed.
    const refused =
      isIP(target.host) !== 0
        ? refusal(target, [target.host], allowed)
        : target.url.protocol === "http:" && allow.length === 0
          ? plainText
          : null
    if (refused !== null) return yield* fail(refused)
  })

  const verb = <A>(
    operation: string,
    effect: Effect.Effect<A, LocalFailure>
  ): Effect.Effect<A, WebhookTransportError> =>
    effect.pipe(
      Effect.mapError(
        (failure) => new WebhookTransportError({ operation, reason: failure.reason, cause: failure.cause })
      ),
      Effect.withSpan(operation)
    )

  return WebhookTransport.of({
    post: (request) =>
      verb(
        "WebhookTransport.post",
        Effect.timeoutOrElse(post(request), {
          duration: request.timeoutMillis,
          orElse: () =>
            Effect.fail(fail({ _tag: "Unavailable", message: `no answer within ${request.timeoutMillis / 1000} s` }))
        })
      ),
    check: (url) => verb("WebhookTransport.check", check(url))
  })
}

const build = (
  operation: string,
  field: string,
  options: Options
): Effect.Effect<WebhookTransport["Service"], WebhookTransportError> =>
  Result.match(PublicAddress.allowing(options.allow), {
    onSuccess: (allowed) => Effect.succeed(make(allowed, options)),
    onFailure: (entry) =>
      Effect.fail(
        new WebhookTransportError({
          operation,
          reason: {
            _tag: "Invalid",
            field,
            message: `${JSON.stringify(entry)} is neither a host name nor an address nor a range such as 10.1.0.0/16`
          }
        })
      )
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
