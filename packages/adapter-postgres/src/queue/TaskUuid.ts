/** `task_<ULID>` ↔ uuid: the same 128 bits and the same order, in half the bytes. Pure. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
const values = new Int8Array(128).fill(-1)
for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i
const pad = (n: number, digits: number) => n.toString(16).padStart(digits, "0")

/** Four characters are five hexadecimal digits; the first two of the 26 are two. */
const hex20: ReadonlyArray<string> = Array.from({ length: 1024 }, (_, i) => alphabet.charAt(i >> 5) + alphabet.charAt(i & 31))
const at = (id: string, i: number): number => values[id.charCodeAt(i)] ?? -1

/** The uuid of any id that ends in a ULID. */
export const toUuid = (id: string): string => {
  const o = id.length - 26
  let hex = pad(at(id, o) * 32 + at(id, o + 1), 2)
  for (let i = o + 2; i < o + 26; i += 4) hex += pad(at(id, i) * 32_768 + at(id, i + 1) * 1_024 + at(id, i + 2) * 32 + at(id, i + 3), 5)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The id with this prefix, e.g. `task_`. */
export const fromUuid = (prefix: string, uuid: string): string => {
  const hex = uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24)
  const first = Number.parseInt(hex.slice(0, 2), 16)
  let ulid = hex20[first] ?? ""
  for (let i = 2; i < 32; i += 5) {
    const n = Number.parseInt(hex.slice(i, i + 5), 16)
    ulid += (hex20[n >> 10] ?? "") + (hex20[n & 1023] ?? "")
  }
  return prefix + ulid
}
