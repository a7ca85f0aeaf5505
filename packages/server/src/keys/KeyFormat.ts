/**
 * The form of API keys: `rdev_<label>_<30 base62><6 base62>`, where the last six are the CRC-32 of all before them. A mistyped key is
 * refused by its form alone, before any look-up; 30 characters carry 178 bits.
 */
import { createHmac, randomInt } from "node:crypto"
import { crc32 } from "node:zlib"

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
const secretLength = 30
const checkLength = 6
const shape = /^rdev_[a-z][a-z0-9]{0,15}_[0-9A-Za-z]{36}$/

const checksum = (text: string): string => {
  let rest = crc32(text)
  let digits = ""
  // 62^6 > 2^32, so six digits always hold it.
  for (let i = 0; i < checkLength; i++) {
    digits = alphabet.charAt(rest % 62) + digits
    rest = Math.floor(rest / 62)
  }
  return digits
}

/** A new key. `randomInt` is unbiased and cryptographic. */
export const generate = (keyLabel: string): string => {
  let body = `rdev_${keyLabel}_`
  for (let i = 0; i < secretLength; i++) body += alphabet.charAt(randomInt(62))
  return body + checksum(body)
}

export const isWellFormed = (key: string): boolean =>
  shape.test(key) && checksum(key.slice(0, -checkLength)) === key.slice(-checkLength)

/** What is stored: hex HMAC-SHA-256 under the installation's pepper. Without the pepper a copy of the database opens nothing. */
export const digest = (pepper: Uint8Array, key: string): string =>
  createHmac("sha256", pepper).update(key).digest("hex")

/** Prefix, label and four characters: enough to recognise, far too little to guess. */
export const hint = (key: string): string => `${key.slice(0, key.lastIndexOf("_") + 5)}…`
