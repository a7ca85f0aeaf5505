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
  for (let i = o + 2; i < o + 26; i += 4)
    hex += pad(at(id, i) * 32_768 + at(id, i + 1) * 1_024 + at(id, i + 2) * 32 + at(id, i + 3), 5)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Two letters for ten bits, as the bytes of one number. */
const pairs = new Uint16Array(
  Uint8Array.from({ length: 2_048 }, (_, n) => alphabet.charCodeAt(n % 2 === 0 ? n >> 6 : (n >> 1) & 31)).buffer
)
const letters = new Uint16Array(13)
const bytesOfLetters = Buffer.from(letters.buffer)
const pair = (n: number): number => pairs[n] ?? 0

/** Five bytes at `i` are the letters of four pairs from `o`. */
const fill = (bytes: DataView, i: number, o: number): void => {
  const high = bytes.getUint32(i)
  const low = bytes.getUint32(i + 1)
  letters[o] = pair(high >>> 22)
  letters[o + 1] = pair((high >>> 12) & 1_023)
  letters[o + 2] = pair((low >>> 10) & 1_023)
  letters[o + 3] = pair(low & 1_023)
}

/** Bytes of an id. */
export const size = 16

/**
 * The id with this prefix, e.g. `task_`, from its bytes at `offset`. Every claimed task comes by here, mostly in a young process: written
 * so that it is short both to run and to compile, which takes longer than the first thousands of calls. Letter by letter, or with a
 * number for each byte, both together take a third to half as long again.
 */
export const fromBytes = (prefix: string, bytes: DataView, offset: number): string => {
  letters[0] = pair(bytes.getUint8(offset))
  fill(bytes, offset + 1, 1)
  fill(bytes, offset + 6, 5)
  fill(bytes, offset + 11, 9)
  return prefix + bytesOfLetters.toString("latin1")
}

/** The bytes of ids, 32 hexadecimal digits each. */
export const bytesOfHex = (digits: string): DataView => {
  const { buffer, byteOffset, length } = Buffer.from(digits, "hex")
  return new DataView(buffer, byteOffset, length)
}
export const bytesOf = (uuid: string): DataView => bytesOfHex(uuid.replaceAll("-", ""))
export const fromUuid = (prefix: string, uuid: string): string => fromBytes(prefix, bytesOf(uuid), 0)
/** A uuid without hyphens, from the bytes of ids. */
export const hexAt = (bytes: DataView, offset: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + offset, size).toString("hex")

/** When the id was made. */
export const millisOf = (bytes: DataView, offset: number): number =>
  bytes.getUint32(offset) * 65_536 + bytes.getUint16(offset + 4)
