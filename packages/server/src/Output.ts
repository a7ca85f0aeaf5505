/**
 * Output of a process as lines for the event log: complete lines at once, long ones cut, terminal control sequences removed, and at
 * most `maxBytes` in all; the rest is counted.
 */
import { StringDecoder } from "node:string_decoder"

export const maxLineBytes = 4_096
export const maxBytes = 8 * 1024 * 1024

export interface Line { readonly stream: "stdout" | "stderr"; readonly line: string }

// CSI, OSC and single escapes, then the control characters that are no white space.
// oxlint-disable-next-line no-control-regex -- control characters are what is removed here
const control = /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-Z\\-_]?|[\u0000-\u0008\u000b-\u001f\u007f]/g
export const printable = (text: string): string => text.replace(control, "")

export class Lines {
  private readonly decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") }
  private readonly rest = { stdout: "", stderr: "" }
  private kept = 0
  dropped = 0

  push(stream: "stdout" | "stderr", data: Uint8Array): ReadonlyArray<Line> {
    if (this.kept >= maxBytes) {
      this.dropped += data.byteLength
      return []
    }
    this.kept += data.byteLength
    const parts = (this.rest[stream] + this.decoders[stream].write(Buffer.from(data))).split("\n")
    this.rest[stream] = parts.pop() ?? ""
    const lines = parts.flatMap((part) => this.cut(stream, part))
    while (this.rest[stream].length > maxLineBytes) {
      lines.push({ stream, line: printable(this.rest[stream].slice(0, maxLineBytes)) })
      this.rest[stream] = this.rest[stream].slice(maxLineBytes)
    }
    return lines
  }

  /** What has no line end. */
  end(): ReadonlyArray<Line> {
    return (["stdout", "stderr"] as const).flatMap((stream) => {
      const last = this.rest[stream] + this.decoders[stream].end()
      this.rest[stream] = ""
      return last === "" ? [] : this.cut(stream, last)
    })
  }

  private cut(stream: "stdout" | "stderr", text: string): Array<Line> {
    const line = text.endsWith("\r") ? text.slice(0, -1) : text
    if (line.length <= maxLineBytes) return [{ stream, line: printable(line) }]
    return Array.from({ length: Math.ceil(line.length / maxLineBytes) }, (_, i) => ({ stream, line: printable(line.slice(i * maxLineBytes, (i + 1) * maxLineBytes)) }))
  }
}
