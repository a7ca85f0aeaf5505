/**
 * Lines that a program printed, as events of type `output`: one line as `{ line, stream }`, several of one stream together as
 * `{ lines, stream }`. A row of the log costs some 500 bytes and a share of a commit whatever stands in it, so that a megabyte of
 * line breaks would be half a gigabyte of rows. Pure.
 */
import type { NewEvent } from "./Event.ts"

export interface OutputLine {
  readonly stream: "stdout" | "stderr"
  readonly line: string
}

/** Encoded bytes of one event's lines; a webhook sends them twice (see `flat`) and at most 20 kB. */
export const maxEventBytes = 7_000
export const maxEventLines = 1_000

const encoder = new TextEncoder()
const scratch = new Uint8Array(maxEventBytes)
/** Of UTF-8, counted up to what one event may hold: of more than that nobody needs to know how much. */
const encodedBytes = (text: string): number => {
  const { read, written } = encoder.encodeInto(text, scratch)
  return read === text.length ? written : maxEventBytes
}
/** At most this many bytes, and never too few: JSON escapes a code unit by six at most. */
const bytesOf = (line: string): number => (line.length < 40 ? line.length * 3 : encodedBytes(JSON.stringify(line))) + 3

/** In order; lines of one stream that follow each other share an event. */
export const toEvents = (lines: ReadonlyArray<OutputLine>): ReadonlyArray<Pick<NewEvent, "type" | "data">> => {
  const events: Array<Pick<NewEvent, "type" | "data">> = []
  let [together, bytes]: [Array<string>, number] = [[], 0]
  let stream: OutputLine["stream"] = "stdout"
  const close = () => {
    const [only = ""] = together
    if (together.length > 0)
      events.push({
        type: "output",
        data: together.length === 1 ? { line: only, stream } : { lines: together, stream }
      })
    together = []
    bytes = 0
  }
  for (const one of lines) {
    const size = bytesOf(one.line)
    if (one.stream !== stream || bytes + size > maxEventBytes || together.length >= maxEventLines) close()
    stream = one.stream
    together.push(one.line)
    bytes += size
  }
  close()
  return events
}

/** What an event of type `output` printed; the same for one line and for several. */
export const ofData = (data: Readonly<Record<string, unknown>>): ReadonlyArray<string> => {
  const { line, lines } = data
  return Array.isArray(lines) ? lines.map(String) : typeof line === "string" ? [line] : []
}
