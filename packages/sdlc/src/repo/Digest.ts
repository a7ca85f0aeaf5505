/**
 * The digests that bind approvals, evidence and events to exact content.
 *
 * Promises that equal meaning gives equal digests on every machine: Markdown is hashed after the normalisation described at
 * `md1`, JSON after sorting its keys. Does not promise secrecy: these are plain SHA-256 digests.
 */
import { hash } from "node:crypto"
import * as Markdown from "../lint/Markdown.ts"
import { canonicalJson as canonical } from "../model/Digest.ts"

/** Lower-case hexadecimal SHA-256 (64 characters) of UTF-8 text or raw bytes. */
export const sha256 = (content: string | Uint8Array): string => hash("sha256", content, "hex")

const isSorted = (value: unknown): boolean => {
  if (typeof value !== "object" || value === null) return value !== undefined
  if (Array.isArray(value)) return value.every(isSorted)
  let last = ""
  for (const key of Object.keys(value)) {
    if (key < last || !isSorted((value as Record<string, unknown>)[key])) return false
    last = key
  }
  return true
}

/**
 * The canonical JSON of the engine. Data whose keys are sorted already, such as our own files, is printed by the platform,
 * which takes a tenth of the time; the result is the same.
 */
export const canonicalJson = (value: unknown): string => (isSorted(value) ? JSON.stringify(value) : canonical(value))

const checkbox = /^(\s*(?:[-*+]|\d{1,9}[.)])\s+)\[[xX]\](?=\s|$)/

/** Front-matter keys that tools use to keep status in a document. They are a projection of the events, so no part of the content. */
const statusKey = /^(status|state|phase|approved|approved_by|approved_at|updated|updated_at)\s*:/

/**
 * The text that `md1` digests: NFC, LF, lines right-trimmed, outer blank lines dropped, status keys of the front matter
 * removed, ticked checkboxes outside code fences written as `[ ]`.
 */
export const normalMarkdown = (markdown: string): string => {
  const document = Markdown.scan(markdown.normalize("NFC"))
  const head: Array<string> = []
  let dropping = false
  for (const line of document.frontMatter?.lines ?? []) {
    const nested = /^\s/.test(line)
    dropping = nested ? dropping : statusKey.test(line)
    if (!dropping && line.trim() !== "") head.push(line.trimEnd())
  }
  const body = document.lines.map((line) => (line.code ? line.raw : line.raw.replace(checkbox, "$1[ ]")).trimEnd())
  const text = body.join("\n").replace(/^\n+/, "").trimEnd()
  return head.length === 0 ? text : `---\n${head.join("\n")}\n---\n${text}`
}

/** Content digest of a Markdown artifact: `md1:` and the SHA-256 of its normal form. Ticking a box or saving with CRLF does not change it. */
export const md1 = (markdown: string): string => `md1:${sha256(normalMarkdown(markdown))}`
