/** `task_<ULID>` ↔ uuid: the same 128 bits and the same order, in half the bytes. Pure. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const values = new Int8Array(128).fill(-1)
for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i
const pad = (n: number, digits: number) => n.toString(16).padStart(digits, "0")

/** Four characters are five hexadecimal digits; the first two of the 26 are two. */
const at = (id: string, i: number): number => values[id.charCodeAt(i)] ?? -1

/** The uuid of any id that ends in a ULID. */
export const toUuid = (id: string): string => {
  const o = id.length - 26
  let hex = pad(at(id, o) * 32 + at(id, o + 1), 2)
  for (let i = o + 2; i < o + 26; i += 4) hex += pad(at(id, i) * 32_768 + at(id, i + 1) * 1_024 + at(id, i + 2) * 32 + at(id, i + 3), 5)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Two letters for ten bits, as the bytes of one number. */
const pairs = new Uint16Array(Uint8Array.from({ length: 2_048 }, (_, n) => alphabet.charCodeAt(n % 2 === 0 ? n >> 6 : (n >> 1) & 31)).buffer)
const letters = new Uint16Array(13)
const bytesOfLetters = Buffer.from(letters.buffer)
const bits = (n: number): number => pairs[n & 1_023] ?? 0

/** Bytes of an id. */
export const size = 16

/**
 * The id with this prefix, e.g. `task_`, from its bytes at `offset`. Five of them at a time, as every claimed task comes by here: letter
 * by letter it takes a young process five times as long, and a concatenation of letters is slower still.
 */
export const fromBytes = (prefix: string, bytes: Uint8Array, offset: number): string => {
  letters[0] = bits(bytes[offset] ?? 0)
  for (let i = offset + 1, o = 1; o < 13; i += 5, o += 4) {
    const high = ((bytes[i] ?? 0) << 12) | ((bytes[i + 1] ?? 0) << 4) | ((bytes[i + 2] ?? 0) >> 4)
    const low = ((bytes[i + 2] ?? 0) << 16) | ((bytes[i + 3] ?? 0) << 8) | (bytes[i + 4] ?? 0)
    letters[o] = bits(high >> 10)
    letters[o + 1] = bits(high)
    letters[o + 2] = bits(low >> 10)
    letters[o + 3] = bits(low)
  }
  return prefix + bytesOfLetters.toString("latin1")
}

export const bytesOf = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex")
export const fromUuid = (prefix: string, uuid: string): string => fromBytes(prefix, bytesOf(uuid), 0)

/** When the id was made. */
export const millisOf = (bytes: Buffer, offset: number): number => bytes.readUIntBE(offset, 6)
