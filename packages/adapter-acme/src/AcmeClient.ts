/**
 * An ACME authority (RFC 8555): the one file that imports acme-client. Requests go through fetch, each once and for at most 30 s; the
 * library repeats one only with the new nonce of a `badNonce`. Its own retries, redirects and waits are not used.
 */
import { clean, classifyError, problemOf, type Refusal } from "./classifyError.ts"
import { AcmeFailure } from "./AcmeFailure.ts"
import acme from "acme-client"
import { Clock, Effect, Redacted } from "effect"

export type Order = acme.Order
export type Authorization = acme.Authorization
export type Challenge = Authorization["challenges"][number]

export interface Options {
  readonly directory: string
  /** PEM. */
  readonly accountKey: Redacted.Redacted
  /** null = not registered yet. */
  readonly accountUrl: string | null
  /** For authorities that tie accounts to customers. */
  readonly binding: { readonly id: string; readonly key: Redacted.Redacted } | null
}
type Asked<A> = Effect.Effect<A, AcmeFailure>
export interface AcmeClient {
  /** URL of the account, made if there is none with this key. */
  register(contact: ReadonlyArray<string>): Asked<string>
  order(names: ReadonlyArray<string>, profile: string | null): Asked<Order>
  look(orderUrl: string): Asked<Order>
  authorizations(order: Order): Asked<ReadonlyArray<Authorization>>
  /** Value of the TXT record that the challenge asks for. */
  valueOf(challenge: Challenge): Asked<string>
  /** Tells the authority to look. */
  answer(challenge: Challenge, asked: string): Asked<void>
  finalize(order: Order, csr: string): Asked<Order>
  certificate(order: Order): Asked<string>
}

const timeoutMillis = 30_000
/** A chain has a few kilobytes. */
const maxBytes = 1_048_576

class Refused extends Error {
  readonly refusal: Omit<Refusal, "asked">
  constructor(refusal: Omit<Refusal, "asked">) {
    super(refusal.said)
    this.refusal = refusal
  }
}
interface Sent {
  readonly url?: string
  readonly method?: string
  readonly data?: unknown
  readonly headers: object
}
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    // A proxy's page, or a certificate.
    return null
  }
}
const causeOf = (cause: unknown): string => {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  return inner instanceof Error ? inner.message : String(inner)
}

/** In place of the library's HTTP: its own has no timeout, follows redirects, and loses what a connection failed with. */
const adapter = async (config: Sent) => {
  const url = new URL(config.url ?? "")
  const authority = url.host
  const refuse = (status: number | null, said: string, text = "", retryAfter: string | null = null) =>
    new Refused({ authority, status, said: clean(said), problem: problemOf(parsed(text)), retryAfter })
  const response = await fetch(url, {
    method: (config.method ?? "get").toUpperCase(),
    headers: Object.entries(config.headers).flatMap(([name, value]): Array<[string, string]> =>
      typeof value === "string" ? [[name, value]] : []
    ),
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMillis),
    ...(typeof config.data === "string" ? { body: config.data } : {})
  }).catch((cause: unknown) => {
    throw refuse(null, causeOf(cause))
  })
  const text = await response.text().catch((cause: unknown) => {
    throw refuse(null, `no whole answer: ${causeOf(cause)}`)
  })
  if (text.length > maxBytes) throw refuse(null, `an answer of more than ${maxBytes} bytes`)
  const { headers, status, statusText } = response
  const failed = status >= 300
  if (failed && problemOf(parsed(text))?.type !== "badNonce")
    throw refuse(status, text === "" ? statusText : text, text, headers.get("retry-after"))
  return { data: text, status, statusText, headers: Object.fromEntries(headers), config, request: null }
}
acme.axios.defaults.adapter = adapter as never

export const newKey: Effect.Effect<Redacted.Redacted> = Effect.map(
  Effect.promise(() => acme.crypto.createPrivateEcdsaKey()),
  (key) => Redacted.make(key.toString())
)
export const requestFor = (names: ReadonlyArray<string>, key: Redacted.Redacted): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => acme.crypto.createCsr({ altNames: [...names] }, Redacted.value(key))),
    ([, csr]) => csr.toString()
  )

export const make = ({ accountKey, accountUrl, binding, directory }: Options): AcmeClient => {
  const authority = new URL(directory).host
  const client = new acme.Client({
    directoryUrl: directory,
    accountKey: Redacted.value(accountKey),
    ...(accountUrl === null ? {} : { accountUrl }),
    ...(binding === null ? {} : { externalAccountBinding: { kid: binding.id, hmacKey: Redacted.value(binding.key) } })
  })
  const refusedBy = (cause: unknown): Refused =>
    cause instanceof Refused
      ? cause
      : new Refused({ authority, status: null, problem: null, retryAfter: null, said: clean(causeOf(cause)) })
  const ask = <A>(asked: string, run: () => Promise<A>): Asked<A> =>
    Effect.tryPromise({ try: run, catch: refusedBy }).pipe(
      Effect.catch((refused) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const refusal: Refusal = { asked, ...refused.refusal }
          return Effect.fail(new AcmeFailure({ reason: classifyError(refusal, now), refusal }))
        })
      ),
      Effect.withSpan(`Acme.${asked.split(" ", 1)[0] ?? ""}`)
    )
  return {
    register: (contact) =>
      ask("account", async () => {
        await client.createAccount({ termsOfServiceAgreed: true, contact: contact.map((one) => `mailto:${one}`) })
        return client.getAccountUrl()
      }),
    order: (names, profile) =>
      ask(`order for ${names.join(" and ")}`, () => {
        const identifiers = names.map((value) => ({ type: "dns", value }))
        return client.createOrder({ identifiers, ...(profile === null ? {} : { profile }) })
      }),
    look: (url) => ask("order", () => client.getOrder({ url } as Order)),
    authorizations: (order) => ask("authorizations", () => client.getAuthorizations(order)),
    valueOf: (challenge) => ask("challenge", () => client.getChallengeKeyAuthorization(challenge)),
    answer: (challenge, asked) => Effect.asVoid(ask(asked, () => client.completeChallenge(challenge))),
    finalize: (order, csr) => ask("certificate", () => client.finalizeOrder(order, csr)),
    certificate: (order) => ask("certificate", () => client.getCertificate(order))
  }
}

/** Asks for the directory alone, and changes nothing. */
export const directoryOf = (url: string): Asked<{ readonly profiles: ReadonlyArray<string> }> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.tryPromise({
      try: async () => {
        const { data } = await adapter({ url, headers: { accept: "application/json" } })
        const found = parsed(data)
        if (typeof found !== "object" || found === null || !("newOrder" in found))
          throw new Refused({
            authority: new URL(url).host,
            status: 404,
            problem: null,
            retryAfter: null,
            said: "this is no directory of an ACME authority"
          })
        const meta: unknown = Reflect.get(found, "meta")
        const profiles: unknown = typeof meta === "object" && meta !== null ? Reflect.get(meta, "profiles") : null
        return { profiles: typeof profiles === "object" && profiles !== null ? Object.keys(profiles) : [] }
      },
      catch: (cause) => {
        const plain = {
          authority: new URL(url).host,
          status: null,
          problem: null,
          retryAfter: null,
          said: causeOf(cause)
        }
        const refusal: Refusal = { asked: "directory", ...(cause instanceof Refused ? cause.refusal : plain) }
        return new AcmeFailure({ reason: classifyError(refusal, now), refusal })
      }
    })
  )
