/** HMAC-SHA-256 over a body, as forges sign what they post. Compared in constant time, whatever was given. Pure. */
import { Redacted } from "effect"
import { createHmac, timingSafeEqual } from "node:crypto"

/** `given`: in hex, 64 digits. Whether one of the secrets made it; all of them are tried. */
export const isSigned = (
  body: Uint8Array,
  given: string | undefined,
  secrets: ReadonlyArray<Redacted.Redacted>
): boolean => {
  const isHex = given !== undefined && /^[0-9a-f]{64}$/i.test(given)
  const signature = Buffer.from(isHex ? given : "0".repeat(64), "hex")
  let fits = false
  for (const secret of secrets) {
    const expected = createHmac("sha256", Redacted.value(secret)).update(body).digest()
    fits = timingSafeEqual(expected, signature) || fits
  }
  return fits && isHex
}

/** Whether a URL leads to the machine that it is called on. */
export const isLoopback = (url: string): boolean => {
  const host = URL.parse(url)?.hostname ?? ""
  return host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(host)
}
/** Why a forge at one address cannot post to another; null = nothing speaks against it. */
export const unreachable = (forge: string, url: string): string | null =>
  isLoopback(url) && !isLoopback(forge)
    ? `the forge at ${URL.parse(forge)?.host ?? forge} cannot reach ${URL.parse(url)?.host ?? url}, an address of this machine alone: what happens there is seen late`
    : null
