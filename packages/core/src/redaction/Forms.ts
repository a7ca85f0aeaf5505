/**
 * How a secret may be written: as it is, reversed, as base64 (wherever in a longer text it begins), as hex or as numbers of its bytes,
 * and each of some twice. Escapes, letters' case, wrapping, separators and padding need no forms: see Symbols and Tokens. Pure.
 */
/** The characters of base64 that the bytes alone decide, when `shift` bytes of something else stand before them in a group. */
const shifted = (bytes: Uint8Array, shift: number): string =>
  Buffer.concat([Buffer.alloc(shift), bytes])
    .toString("base64")
    .slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.byteLength) * 8) / 6))
export const base64 = (bytes: Uint8Array): ReadonlyArray<string> => [0, 1, 2].map((shift) => shifted(bytes, shift))

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
const octal = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(8).padStart(3, "0")).join(" ")
const json = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Every form but the plain one; of letters and digits nearly alone. */
export const encoded = (secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret)
  const wide = Buffer.from(secret, "utf16le")
  const once = base64(bytes)
  const escaped = [json(secret), encodeURIComponent(secret.toWellFormed()), `${json(json(secret))}`].filter(
    (text, i, all) => text !== secret && all.indexOf(text) === i
  )
  return [
    [...secret].reverse().join(""),
    hex(bytes),
    hex(wide),
    [...bytes].join(" "),
    octal(bytes),
    [...bytes].map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(" "),
    ...once,
    ...base64(wide),
    ...[...escaped, hex(bytes), hex(bytes).toUpperCase(), ...once].flatMap((text) => base64(Buffer.from(text))),
    ...once.map((text) => hex(Buffer.from(text)))
  ]
}

const html: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" }
const percent = (text: string, keep: RegExp): string =>
  [...Buffer.from(text)]
    .map((byte) =>
      keep.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`
    )
    .join("")

/** How a secret that is mostly punctuation is written plainly: escaped by the rules of the usual tools. */
export const escaped = (secret: string): ReadonlyArray<string> => {
  const usual = [
    secret,
    json(secret),
    json(secret).replaceAll("/", "\\/"),
    secret.replaceAll("'", "'\\''"),
    secret.replaceAll("'", "'\"'\"'"),
    secret.replace(/[^\w@%+=:,./-]/g, "\\$&"),
    secret.replace(/["$`\\!]/g, "\\$&"),
    secret.replace(/[&<>"']/g, (character) => html[character] ?? character),
    secret.replace(/[&<>]/g, (character) => html[character] ?? character),
    encodeURIComponent(secret.toWellFormed()),
    encodeURI(secret.toWellFormed()),
    percent(secret, /[\w.~-]/),
    percent(secret, /[\w.~!*'()-]/),
    json(json(secret)),
    encodeURIComponent(encodeURIComponent(secret.toWellFormed()))
  ]
  const lower = usual.map((text) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()))
  return [...new Set([...usual, ...lower, [...secret].reverse().join("")])]
}
