/** ULIDs (github.com/ulid/spec): 48 bits of time and 80 random bits in 26 Crockford base-32 characters, so that names sort by time. */

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

export const pattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/

export const isUlid = (text: string): boolean => pattern.test(text)

/** `random` must hold at least 10 bytes; the same arguments give the same id. */
export const make = (timeMillis: number, random: Uint8Array): string => {
  let time = Math.max(0, Math.floor(timeMillis))
  let head = ""
  for (let index = 0; index < 10; index++) {
    head = (alphabet[time % 32] ?? "0") + head
    time = Math.floor(time / 32)
  }
  let bits = 0n
  for (let index = 0; index < 10; index++) bits = (bits << 8n) | BigInt(random[index] ?? 0)
  let tail = ""
  for (let index = 0; index < 16; index++) {
    tail = (alphabet[Number(bits & 31n)] ?? "0") + tail
    bits >>= 5n
  }
  return head + tail
}

/** Unix milliseconds of a ULID, or `null` when the text is none. */
export const time = (ulid: string): number | null => {
  if (!isUlid(ulid)) return null
  let value = 0
  for (const character of ulid.slice(0, 10)) value = value * 32 + alphabet.indexOf(character)
  return value
}
