/** Secrets that are known by their look alone: rdev's own keys and tokens, common vendors' keys, private keys. Pure. */
import * as Symbols from "./Symbols.ts"

/** How they begin, as far as letters and digits go; a scan tells where one of these stands. */
export const hints: ReadonlyArray<ReadonlyArray<number>> = [
  "rdev",
  "rdevgit",
  "whsec",
  "ghp",
  "gho",
  "ghu",
  "ghs",
  "ghr",
  "githubpat",
  "glpat",
  "skant",
  "skproj",
  "skor",
  "xox",
  "npm",
  "akia",
  "asia",
  "begin"
].map((text) => Symbols.of(Symbols.loose([]), text))

const tokens = [
  "rdev_[a-z][a-z0-9]{0,15}_[0-9A-Za-z]{36}",
  "rdevgit_[0-9A-Za-z_-]{16,200}",
  "whsec_[0-9A-Za-z+/=_-]{24,100}",
  "gh[pousr]_[0-9A-Za-z]{36,255}",
  "github_pat_[0-9A-Za-z_]{22,255}",
  "glpat-[0-9A-Za-z_-]{20,64}",
  "sk-(?:ant-|proj-|or-)[0-9A-Za-z_-]{20,255}",
  "xox[abeprs]-[0-9A-Za-z-]{10,255}",
  "npm_[0-9A-Za-z]{36}",
  "A(?:KIA|SIA)[0-9A-Z]{16}(?![0-9A-Z])"
]
const token = new RegExp(tokens.join("|"), "y")
const begins = /(?:rdev|rdevgit|whsec|gh[pousr]|github_pat|npm)_|(?:glpat|sk|xox[abeprs])-|A(?:KIA|SIA)/y
const keyBegins = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/y
const key =
  /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[^]{0,16384}?-----END [A-Z ]{0,30}PRIVATE KEY-----|(?:\s|\\[nr]|[0-9A-Za-z+/=]{20,})*)/y

/** As much as one token may have, and one key. */
const longestToken = 300
const longestKey = 16_500
const longestBeginning = 64

const at = (pattern: RegExp, text: string, from: number): number => {
  pattern.lastIndex = from
  return pattern.test(text) ? pattern.lastIndex : -1
}
const latin = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", from, Math.min(to, bytes.byteLength))

/** What the bytes at a hint are: the end of a secret that begins there (`from` may be a little before), nothing, or not yet clear. */
export const check = (
  bytes: Uint8Array,
  hint: number,
  final: boolean
): { readonly from: number; readonly to: number } | "none" | "open" => {
  const from = Math.max(0, hint - 11)
  const isKey = (bytes[hint] as number | undefined) === 0x42
  const head = latin(bytes, from, hint + (isKey ? longestBeginning : longestToken + 1))
  const left = bytes.byteLength - hint
  if (!isKey) {
    if (/[0-9A-Za-z]/.test(head.charAt(hint - from - 1))) return "none"
    const to = at(token, head, hint - from)
    if (to !== -1 && (final || from + to < bytes.byteLength)) return { from: hint, to: from + to }
    if (final || left > longestToken) return to === -1 ? "none" : { from: hint, to: from + to }
    return /^[0-9A-Za-z+/=_-]*$/.test(head.slice(hint - from)) && (left <= 12 || at(begins, head, hint - from) !== -1)
      ? "open"
      : "none"
  }
  const dashes = head.lastIndexOf("-----", hint - from)
  if (dashes === -1) return "none"
  if (at(keyBegins, head, dashes) === -1) return !final && left < longestBeginning ? "open" : "none"
  const whole = latin(bytes, from + dashes, hint + longestKey)
  const to = at(key, whole, 0)
  const isWhole = /-----END [A-Z ]{0,30}PRIVATE KEY-----$/.test(whole.slice(0, to))
  return isWhole || final || left >= longestKey ? { from: from + dashes, to: from + dashes + to } : "open"
}
