/** Signatures of Standard Webhooks 1.0: HMAC-SHA-256 over id, time and body, one per live secret. Pure but for new secrets. */
import { Redacted } from "effect"
import { createHmac, randomBytes } from "node:crypto"

const prefix = "whsec_"

/** 32 random bytes, `whsec_` and base64. */
export const newSecret = (): Redacted.Redacted =>
  Redacted.make(prefix + randomBytes(32).toString("base64"), { label: "webhook secret" })

const signature = (secret: Redacted.Redacted, content: string): string =>
  `v1,${createHmac("sha256", Buffer.from(Redacted.value(secret).slice(prefix.length), "base64"))
    .update(content)
    .digest("base64")}`

/**
 * The headers by which a receiver knows the message, whose `id` is the same at every attempt and has no dot. While a secret is being
 * replaced both sign, so that a receiver that knows either accepts it.
 */
export const headers = (
  secrets: ReadonlyArray<Redacted.Redacted>,
  id: string,
  nowMillis: number,
  body: string
): Readonly<Record<string, string>> => {
  const timestamp = String(Math.floor(nowMillis / 1_000))
  return {
    "webhook-id": id,
    "webhook-timestamp": timestamp,
    "webhook-signature": secrets.map((secret) => signature(secret, `${id}.${timestamp}.${body}`)).join(" ")
  }
}
