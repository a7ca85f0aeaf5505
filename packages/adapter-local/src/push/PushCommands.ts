/**
 * The first part of a push as it comes over the wire: one packet per ref, then a flush packet, then the objects. Read before git
 * sees any of it, so that a push with one forbidden ref lands none; the same bytes are passed on afterwards.
 * Format: git's pack-protocol ("reference update request").
 */
import type { RefCommand } from "@rdev/core/services/pushes/RefNames"

/** A ref takes about 150 bytes; with more than these git's own client would push in parts. */
export const maxCommandBytes = 4 * 1024 * 1024

export interface Commands {
  readonly commands: ReadonlyArray<RefCommand>
  readonly capabilities: ReadonlySet<string>
  /** Bytes up to and with the flush packet. */
  readonly length: number
}

const line = /^([0-9a-f]{40}(?:[0-9a-f]{24})?) ([0-9a-f]{40}(?:[0-9a-f]{24})?) ([^\0\n]+)\n?$/
const idOf = (id: string) => (/^0+$/.test(id) ? null : id)

/** What the bytes so far hold; "more" while the flush packet has not come; a text says what is wrong with them. */
export const parse = (bytes: Buffer): Commands | "more" | { readonly problem: string } => {
  const commands: Array<RefCommand> = []
  let capabilities: ReadonlySet<string> = new Set()
  let at = 0
  while (true) {
    if (bytes.byteLength < at + 4)
      return bytes.byteLength > maxCommandBytes ? { problem: "the list of refs is too long" } : "more"
    const header = bytes.toString("latin1", at, at + 4)
    if (!/^[0-9a-fA-F]{4}$/.test(header)) return { problem: "it does not begin with packets of the git protocol" }
    const size = Number.parseInt(header, 16)
    if (size === 0) return { commands, capabilities, length: at + 4 }
    if (size < 4) return { problem: "it holds a packet that belongs in no push" }
    if (bytes.byteLength < at + size)
      return bytes.byteLength > maxCommandBytes ? { problem: "the list of refs is too long" } : "more"
    const raw = bytes.subarray(at + 4, at + size)
    const cut = raw.indexOf(0)
    const text = raw.toString("utf8", 0, cut === -1 ? raw.byteLength : cut)
    if (cut !== -1)
      capabilities = new Set(
        raw
          .toString("latin1", cut + 1)
          .trim()
          .split(" ")
      )
    at += size
    if (/^shallow [0-9a-f]+\n?$/.test(text)) continue
    const [, old, next, ref] = line.exec(text) ?? []
    // Bytes that are no UTF-8 would be shown, and looked up, as another name.
    if (old === undefined || next === undefined || ref === undefined || text.includes("\ufffd"))
      return { problem: `${JSON.stringify(text.slice(0, 80))} is no update of a ref` }
    commands.push({ ref, old: idOf(old), next: idOf(next) })
  }
}

const packet = (content: Buffer | string): Buffer => {
  const body = Buffer.from(content)
  return Buffer.concat([Buffer.from((body.byteLength + 4).toString(16).padStart(4, "0")), body])
}
const flush = Buffer.from("0000")
const oneLine = (text: string) => text.replace(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")

/** Git's own way to say that nothing of a push was taken: one line per ref, and what is wrong for the person who pushes. */
export const refusal = (
  { capabilities, commands }: Pick<Commands, "capabilities" | "commands">,
  problems: ReadonlyArray<string>
): Buffer => {
  const band = capabilities.has("side-band-64k") ? 65_000 : capabilities.has("side-band") ? 990 : 0
  const report = Buffer.concat([
    packet("unpack ok\n"),
    ...commands.map(({ ref }) => packet(`ng ${oneLine(ref)} refused\n`)),
    flush
  ])
  if (band === 0) return report
  const on = (number: number, content: Buffer): ReadonlyArray<Buffer> => {
    const pieces: Array<Buffer> = []
    for (let at = 0; at < content.byteLength; at += band)
      pieces.push(packet(Buffer.concat([Buffer.from([number]), content.subarray(at, at + band)])))
    return pieces
  }
  const told = Buffer.from(
    [...problems.slice(0, 20).map(oneLine), "nothing of this push was taken"].map((text) => `${text}\n`).join("")
  )
  const wantsReport = [...capabilities].some((name) => name === "report-status" || name === "report-status-v2")
  return Buffer.concat([...on(2, told), ...(wantsReport ? on(1, report) : []), flush])
}
