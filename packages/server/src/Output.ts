/**
 * Output of a process as lines for the event log: complete lines at once, long ones cut, terminal control sequences removed, and at
 * most `maxBytes` in all; the rest is counted.
 */
import { clean, pieces } from "@rdev/adapter-local/Lines"
import { StringDecoder } from "node:string_decoder"

export const maxLineBytes = 4_096
export const maxBytes = 8 * 1024 * 1024

export interface Line { readonly stream: "stdout" | "stderr"; readonly line: string }

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
    const [rest = "", ...full] = pieces(this.rest[stream], maxLineBytes).toReversed()
    this.rest[stream] = rest
    for (const piece of full.toReversed()) lines.push({ stream, line: clean(piece) })
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
    return pieces(line, maxLineBytes).map((piece) => ({ stream, line: clean(piece) }))
  }
}
