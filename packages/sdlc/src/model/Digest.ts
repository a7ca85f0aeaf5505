/** Digests of plain data: canonical JSON and SHA-256, synchronous and without any dependency, so that they work in a browser too. */

/** JSON with sorted keys and no spaces; `undefined` members are left out. Equal data gives equal text. */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`)
    return `{${members.join(",")}}`
  }
  return JSON.stringify(value) ?? "null"
}

const fractionBits = (root: number): number => ((root - Math.floor(root)) * 2 ** 32) | 0

/** FIPS 180-4: the first 32 bits of the fractional parts of the square and cube roots of the first primes. */
const constants = (() => {
  const primes: Array<number> = []
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p !== 0)) primes.push(n)
  return {
    initial: primes.slice(0, 8).map((p) => fractionBits(Math.sqrt(p))),
    round: Int32Array.from(primes, (p) => fractionBits(Math.cbrt(p)))
  }
})()

const rotate = (x: number, n: number): number => (x >>> n) | (x << (32 - n))

const compress = (hash: Int32Array, words: Int32Array): void => {
  for (let i = 16; i < 64; i++) {
    const a = words[i - 15] as number
    const b = words[i - 2] as number
    const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3)
    const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10)
    words[i] = (words[i - 16] as number) + s0 + (words[i - 7] as number) + s1
  }
  let [a, b, c, d, e, f, g, h] = hash as unknown as [number, number, number, number, number, number, number, number]
  for (let i = 0; i < 64; i++) {
    const t1 =
      (h +
        (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) +
        ((e & f) ^ (~e & g)) +
        (constants.round[i] as number) +
        (words[i] as number)) |
      0
    const t2 = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  const next = [a, b, c, d, e, f, g, h]
  for (let i = 0; i < 8; i++) hash[i] = (hash[i] as number) + (next[i] as number)
}

/** SHA-256 of the UTF-8 bytes of a text, as 64 hexadecimal digits. */
export const sha256 = (text: string): string => {
  const bytes = new TextEncoder().encode(text)
  const blocks = ((bytes.length + 8) >> 6) + 1
  const padded = new DataView(new ArrayBuffer(blocks * 64))
  new Uint8Array(padded.buffer).set(bytes)
  padded.setUint8(bytes.length, 0x80)
  padded.setUint32(blocks * 64 - 8, Math.floor(bytes.length / 2 ** 29))
  padded.setUint32(blocks * 64 - 4, (bytes.length << 3) >>> 0)
  const hash = Int32Array.from(constants.initial)
  const words = new Int32Array(64)
  for (let block = 0; block < blocks; block++) {
    for (let i = 0; i < 16; i++) words[i] = padded.getInt32(block * 64 + i * 4)
    compress(hash, words)
  }
  return [...hash].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("")
}

/** `<scheme>:<sha256 of the canonical JSON>`. */
export const digestOf = (scheme: string, value: unknown): string => `${scheme}:${sha256(canonicalJson(value))}`
