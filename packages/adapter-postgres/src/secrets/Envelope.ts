/**
 * Envelope encryption, pure but for randomness: each value under a data key of its own (AES-256-GCM), that key wrapped by a
 * key-encryption key (KEK). Both are bound to the place they belong to (project, record, field): moved ciphertext does not open.
 * Replacing the KEK rewraps the small data keys and leaves the values alone.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"

/** What a ciphertext belongs to. */
export interface Place {
  readonly project: string
  readonly record: string
  readonly field: string
}
export interface Sealed {
  readonly wrappedKey: Buffer
  readonly ciphertext: Buffer
}

const algorithm = "aes-256-gcm"
/** NIST SP 800-38D: 96-bit nonces, 128-bit tags. */
const nonceBytes = 12
const tagBytes = 16
export const keyBytes = 32

const bound = (purpose: "key" | "value", place: Place, kekId: string | null): Buffer =>
  Buffer.from(JSON.stringify(["rdev/envelope/1", purpose, place.project, place.record, place.field, kekId]))

const encrypt = (key: Uint8Array, plain: Uint8Array, aad: Buffer): Buffer => {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagBytes }).setAAD(aad)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body])
}
/** Throws when key, place or bytes are not those it was made with. */
const decrypt = (key: Uint8Array, sealed: Uint8Array, aad: Buffer): Buffer => {
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(aad).setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes))
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()])
}

export interface Kek {
  readonly id: string
  readonly key: Uint8Array
}

export const seal = (kek: Kek, place: Place, value: string): Sealed => {
  const dataKey = randomBytes(keyBytes)
  const sealed = {
    wrappedKey: encrypt(kek.key, dataKey, bound("key", place, kek.id)),
    ciphertext: encrypt(dataKey, Buffer.from(value, "utf8"), bound("value", place, null))
  }
  dataKey.fill(0)
  return sealed
}
/** Throws when anything was changed or moved. */
export const open = (kek: Kek, place: Place, sealed: Sealed): string => {
  const dataKey = decrypt(kek.key, sealed.wrappedKey, bound("key", place, kek.id))
  const value = decrypt(dataKey, sealed.ciphertext, bound("value", place, null)).toString("utf8")
  dataKey.fill(0)
  return value
}
/** The same data key under another KEK. Throws like `open`. */
export const rewrap = (from: Kek, to: Kek, place: Place, wrappedKey: Buffer): Buffer => {
  const dataKey = decrypt(from.key, wrappedKey, bound("key", place, from.id))
  const wrapped = encrypt(to.key, dataKey, bound("key", place, to.id))
  dataKey.fill(0)
  return wrapped
}
