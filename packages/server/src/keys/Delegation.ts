/**
 * Credentials with which this installation calls its own API in somebody's name: they name a key, live for a minute, and are good for
 * what that key may do at the time of the call. Only who has the pepper can make one. They are made for one call and never stored.
 */
import { createHmac, timingSafeEqual } from "node:crypto"

export const lifetimeMillis = 60_000
const shape = /^rdev\.(key_[0-9A-Za-z]{26})\.(\d{1,16})\.([0-9a-f]{64})$/

const seal = (pepper: Uint8Array, keyId: string, untilMillis: number): string =>
  createHmac("sha256", pepper)
    .update(JSON.stringify(["delegation", keyId, untilMillis]))
    .digest("hex")

export const make = (pepper: Uint8Array, keyId: string, nowMillis: number): string => {
  const untilMillis = nowMillis + lifetimeMillis
  return `rdev.${keyId}.${untilMillis}.${seal(pepper, keyId, untilMillis)}`
}

/** The id of the key in whose name it speaks; null when it is none of ours, or no longer good. */
export const keyOf = (pepper: Uint8Array, credential: string, nowMillis: number): string | null => {
  const [, keyId = "", until = "", given = ""] = shape.exec(credential) ?? []
  if (keyId === "") return null
  const fits = timingSafeEqual(Buffer.from(given, "hex"), Buffer.from(seal(pepper, keyId, Number(until)), "hex"))
  return fits && Number(until) > nowMillis && Number(until) <= nowMillis + lifetimeMillis ? keyId : null
}
