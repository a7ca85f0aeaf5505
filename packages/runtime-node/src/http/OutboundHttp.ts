/**
 * Requests to addresses of somebody else's choosing, over Node's http and https. Such a URL must not lead into the installation's own
 * network: the name is resolved once, all its addresses are judged, and the connection goes to the first of those very addresses.
 * No proxy, no redirect, no reuse of connections, no retry; what is answered beside status and `Retry-After` is thrown away.
 */
import { describe, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { Clock, Data, Effect, Result } from "effect"
import { lookup } from "node:dns/promises"
import { type IncomingMessage, request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import { isIP } from "node:net"
import * as NodeError from "../NodeError.ts"
import * as PublicAddress from "./PublicAddress.ts"

export interface Options {
  /** Host names, addresses and ranges that may be talked to although they are not public, and without TLS. See `PublicAddress.allowing`. */
  readonly allow: ReadonlyArray<string>
  /** How an operator says `allow`: what refusals name. */
  readonly setting: string
  /** Every address of a host name; asked once per request. Default: the machine's resolver. */
  readonly resolve?: (host: string) => Promise<ReadonlyArray<string>>
}
export interface OutboundRequest {
  /** Default POST. */
  readonly method?: "POST" | "PUT" | "PATCH" | "DELETE" | "GET"
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** For everything: the name, the connection and the answer. */
  readonly timeoutMillis: number
}
export interface OutboundAnswer {
  /** Any; 3xx are not followed. */
  readonly status: number
  /** What `Retry-After` asks for. */
  readonly retryAfterMillis: number | null
}

/** Unauthorized: the address is not one that may be talked to. Invalid: the URL or a header. Unavailable: no answer. */
export class OutboundFailure extends Data.TaggedError("OutboundFailure")<{
  readonly reason: PortReason
  readonly cause?: unknown
}> {
  override get message(): string {
    return describe(this.reason)
  }
}

export interface OutboundHttp {
  readonly send: (request: OutboundRequest) => Effect.Effect<OutboundAnswer, OutboundFailure>
  /** What is wrong with a URL before anything is sent there: its form, or an address written out that may not be talked to. */
  readonly check: (url: string) => Effect.Effect<void, OutboundFailure>
  /** For a client that connects by itself and can be told where: the addresses of a URL, each of which may be talked to. */
  readonly addresses: (url: string) => Effect.Effect<readonly [string, ...ReadonlyArray<string>], OutboundFailure>
}

/** Of the answer's body. Whoever sends more is hung up on. */
const maxBodyBytes = 65_536
const maxRetryAfterMillis = 86_400_000

interface Target {
  readonly url: URL
  /** As `PublicAddress.Allowed` takes it. */
  readonly host: string
}

const invalid = (message: string): PortReason => ({ _tag: "Invalid", field: "url", message })
const targetOf = (text: string): Result.Result<Target, PortReason> => {
  const url = URL.parse(text)
  if (url === null) return Result.fail(invalid("expected a URL such as https://example.com/hooks"))
  if (url.protocol !== "https:" && url.protocol !== "http:")
    return Result.fail(invalid(`use https, not ${url.protocol.slice(0, -1)}`))
  if (url.username !== "" || url.password !== "")
    return Result.fail(invalid("leave out the user name and password: receivers verify the signature"))
  return Result.succeed({ url, host: url.hostname.replace(/^\[|\]$|\.$/g, "") })
}

const plainText = (setting: string) =>
  invalid(
    `use https: plain http would show what is sent to everybody on the way. It is for receivers allowed in ${setting}`
  )

/** Null = all of these addresses of the target may be talked to. One that may not refuses them all: a name with two faces is up to something. */
const refusal = (
  { host, url }: Target,
  addresses: ReadonlyArray<string>,
  allowed: PublicAddress.Allowed,
  setting: string
): PortReason | null => {
  const inside = addresses.find((address) => !PublicAddress.isPublic(address) && !allowed(host, address))
  if (inside !== undefined) {
    const where =
      inside === host ? `${host} is not a public address` : `${host} is at ${inside}, which is not a public address`
    return {
      _tag: "Unauthorized",
      message: `${where}; the operator of this installation could allow it in ${setting}`
    }
  }
  return url.protocol === "http:" && !addresses.every((address) => allowed(host, address)) ? plainText(setting) : null
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

const requestOptions = (
  { body, headers, method = "POST" }: OutboundRequest,
  { host, url }: Target,
  address: string
) => ({
  method,
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
})

const failing = (host: string) => (cause: unknown) =>
  new OutboundFailure({ reason: NodeError.classifyRequest(cause, host), cause })

/** Ends when the answer's body has ended, whichever way: its status stands once it is there. */
const exchange = (
  outbound: OutboundRequest,
  target: Target,
  address: string
): Effect.Effect<OutboundAnswer, OutboundFailure> =>
  Effect.tryPromise({
    try: (interrupted) =>
      new Promise<{ readonly status: number; readonly retryAfter: string | undefined }>((resolve, reject) => {
        const request = (target.url.protocol === "https:" ? httpsRequest : httpRequest)(
          requestOptions(outbound, target, address),
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
        request.end(outbound.body)
      }),
    catch: failing(target.host)
  }).pipe(
    Effect.flatMap(({ retryAfter, status }) =>
      Effect.map(Clock.currentTimeMillis, (now) => ({ status, retryAfterMillis: retryAfterMillis(retryAfter, now) }))
    )
  )

const systemResolve = async (host: string) => (await lookup(host, { all: true })).map(({ address }) => address)
const refuse = (reason: PortReason) => new OutboundFailure({ reason })
const target = (text: string): Effect.Effect<Target, OutboundFailure> =>
  Result.match(targetOf(text), { onSuccess: Effect.succeed, onFailure: (reason) => Effect.fail(refuse(reason)) })

/** Fails with the first entry of `allow` that is neither a host name nor an address nor a range. */
export const make = ({
  allow,
  resolve = systemResolve,
  setting
}: Options): Result.Result<OutboundHttp, { readonly entry: string; readonly message: string }> => {
  const list = PublicAddress.allowing(allow)
  if (Result.isFailure(list)) {
    const entry = list.failure
    const message = `${JSON.stringify(entry)} is neither a host name nor an address nor a range such as 10.1.0.0/16`
    return Result.fail({ entry, message })
  }
  const allowed = list.success
  const addressesOf = (host: string) =>
    isIP(host) !== 0 ? Effect.succeed([host]) : Effect.tryPromise({ try: () => resolve(host), catch: failing(host) })
  const judged = Effect.fnUntraced(function* (to: Target) {
    const addresses = yield* addressesOf(to.host)
    const refused = refusal(to, addresses, allowed, setting)
    if (refused !== null) return yield* refuse(refused)
    const [first, ...others] = addresses
    if (first === undefined) return yield* refuse({ _tag: "Unavailable", message: `${to.host} has no address` })
    return [first, ...others] as const
  })
  const send = Effect.fnUntraced(function* (request: OutboundRequest) {
    const to = yield* target(request.url)
    const [address] = yield* judged(to)
    return yield* exchange(request, to, address)
  })
  const check = Effect.fnUntraced(function* (text: string) {
    const to = yield* target(text)
    // What a name resolves to is not asked here, so with any entry it may turn out to be allowed.
    const refused =
      isIP(to.host) !== 0
        ? refusal(to, [to.host], allowed, setting)
        : to.url.protocol === "http:" && allow.length === 0
          ? plainText(setting)
          : null
    if (refused !== null) return yield* refuse(refused)
  })
  return Result.succeed({
    check,
    addresses: (url) => Effect.flatMap(target(url), judged),
    send: (request) =>
      Effect.timeoutOrElse(send(request), {
        duration: request.timeoutMillis,
        orElse: () =>
          Effect.fail(refuse({ _tag: "Unavailable", message: `no answer within ${request.timeoutMillis / 1000} s` }))
      })
  })
}
