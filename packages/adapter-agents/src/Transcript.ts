/**
 * Turns a run's output into normalised events: one `Started` first, text cleaned, redacted and bounded, then at the end
 * `Truncated` where something was dropped. Knows no process: it is fed chunks and asked for a summary.
 *
 * Bounds: 1 MiB per raw line, 16 KiB per encoded event, 8 MiB of events per run; what is beyond is read, counted and dropped.
 */
import type { AgentEvent } from "@rdev/core/ports/agents/AgentHarness"
import type { OutputChunk } from "@rdev/core/ports/infra/WorkspaceHost"
import type { Redactor } from "@rdev/core/redaction/Redactor"
import * as Lines from "@rdev/runtime-node/Lines"
import type { Format, Json, Reading } from "./formats/Format.ts"
import * as Text from "./Text.ts"

export interface Options {
  /** Name for `Started` where the agent does not announce itself. */
  readonly agent: string
  readonly format: Format
  /** Prefix that is removed from paths of changed files. */
  readonly workDir: string
  readonly redactor: Redactor
  readonly maxRunBytes?: number
}

export interface Transcript {
  readonly push: (chunk: OutputChunk) => ReadonlyArray<AgentEvent>
  readonly end: () => ReadonlyArray<AgentEvent>
  /** The agent's own word on the run, where it gave one. */
  readonly verdict: () => { readonly ok: boolean; readonly summary: string } | null
  /** What was said last: for the summary. */
  readonly lastMessage: () => string
  /** What went wrong, newest last: reported failures, else the last lines of plain output. */
  readonly failures: () => ReadonlyArray<string>
  /** Whether `failures` are the agent's reports and not just its last lines. */
  readonly reported: () => boolean
  /** All bytes read so far. */
  readonly bytes: () => number
}

const maxLineChars = 1_048_576
const maxRunBytes = 8_388_608
/** 16 KiB for the event, of which 1 KiB is left for its other fields and its envelope. */
const maxTextBytes = 15 * 1024
const maxHeld = 64
const maxTail = 40

/** A value whose strings are cut until it fits. */
const boundJson = (value: Json, maxBytes: number): Json => {
  const cut = (part: Json, maxChars: number): Json => {
    if (typeof part === "string")
      return part.length <= maxChars
        ? Text.clean(part)
        : `${Text.clean(part.slice(0, maxChars))}… [${part.length - maxChars} more characters]`
    if (Array.isArray(part)) return part.map((item: Json) => cut(item, maxChars))
    if (typeof part !== "object" || part === null) return part
    return Object.fromEntries(Object.entries(part).map(([key, item]) => [key, cut(item as Json, maxChars)]))
  }
  for (const maxChars of [Number.MAX_SAFE_INTEGER, 2000, 200]) {
    const bounded = cut(value, maxChars)
    if (Buffer.byteLength(JSON.stringify(bounded)) <= maxBytes) return bounded
  }
  return { truncated: true, beginning: Text.bound(Text.clean(JSON.stringify(value)), Math.floor(maxBytes / 4)).text }
}

const relative = (path: string, workDir: string): string =>
  path.startsWith(`${workDir}/`) ? path.slice(workDir.length + 1) : path

export const make = (options: Options): Transcript => {
  const { agent, format, redactor, workDir } = options
  const limit = options.maxRunBytes ?? maxRunBytes
  const lines = Lines.bounded(maxLineChars, redactor)
  const edits = new Map<string, string>()
  const failures: Array<string> = []
  const tail: Array<string> = []
  let held: Array<AgentEvent> | null = []
  let verdict: { readonly ok: boolean; readonly summary: string } | null = null
  let last = ""
  let bytes = 0
  let kept = 0
  let dropped = 0

  /** An event within its bounds; text that does not fit one event becomes several. */
  const bounded = (event: AgentEvent): ReadonlyArray<AgentEvent> => {
    const cut = (text: string): string => {
      const result = Text.bound(text, maxTextBytes)
      dropped += result.dropped
      return result.text
    }
    switch (event._tag) {
      case "Message":
      case "Thinking":
        return Text.pieces(Text.clean(event.text), maxTextBytes).map((text) => ({ ...event, text }))
      case "Output":
        return [{ ...event, line: cut(Text.line(event.line)) }]
      case "ToolCall":
        return [
          {
            ...event,
            id: Text.clean(event.id).slice(0, 200),
            name: Text.clean(event.name).slice(0, 200),
            input: boundJson(event.input, maxTextBytes)
          }
        ]
      case "ToolResult":
        return [{ ...event, id: Text.clean(event.id).slice(0, 200), output: cut(Text.clean(event.output)) }]
      case "FileChanged":
        return [{ ...event, path: Text.bound(Text.clean(relative(event.path, workDir)), 4096).text }]
      default:
        return [event]
    }
  }

  const started = (event: AgentEvent & { readonly _tag: "Started" }): ReadonlyArray<AgentEvent> => {
    if (held === null) return []
    const waiting = held
    held = null
    return [{ ...event, agent }, ...waiting]
  }

  const emit = (event: AgentEvent): ReadonlyArray<AgentEvent> => {
    if (event._tag === "Started") return started(event)
    const sized = bounded(event)
    const size = sized.reduce((sum, one) => sum + Buffer.byteLength(JSON.stringify(one)), 0)
    if (kept + size > limit && event._tag !== "Usage") {
      dropped += size
      return []
    }
    kept += size
    if (held === null) return sized
    held.push(...sized)
    return format.announcesStart && held.length < maxHeld
      ? []
      : started({ _tag: "Started", agent, model: null, sessionId: null })
  }

  const take = (reading: Reading): ReadonlyArray<AgentEvent> => {
    switch (reading._tag) {
      case "Edit":
        edits.set(reading.id, reading.path)
        return []
      case "Verdict":
        verdict = { ok: reading.ok, summary: Text.clean(reading.summary) }
        return []
      case "Failure":
        failures.push(Text.clean(reading.text).slice(0, 8192))
        if (failures.length > maxTail) failures.shift()
        return []
      case "ToolResult": {
        const path = edits.get(reading.id)
        edits.delete(reading.id)
        return [...emit(reading), ...(path !== undefined && reading.ok ? emit({ _tag: "FileChanged", path }) : [])]
      }
      case "Message":
        if (reading.text.trim() !== "") last = Text.clean(reading.text)
        return emit(reading)
      default:
        return emit(reading)
    }
  }

  const read = (line: Lines.Line): ReadonlyArray<AgentEvent> => {
    dropped += line.dropped
    const { text } = line
    const readings = line.stream === "stdout" ? format.read(text.trim()) : null
    // Once more: what was escaped in the agent's JSON is plain now.
    if (readings !== null) return readings.flatMap((reading) => take(redactor.json({ ...reading } as never) as Reading))
    const output = Text.line(text)
    if (output.trim() === "") return []
    tail.push(output.slice(0, 2000))
    if (tail.length > maxTail) tail.shift()
    return emit({ _tag: "Output", stream: line.stream, line: output })
  }

  return {
    push: (chunk) => {
      bytes += chunk.data.byteLength
      return lines.push(chunk).flatMap(read)
    },
    end: () => {
      const rest = lines.end().flatMap(read)
      const opening = started({ _tag: "Started", agent, model: null, sessionId: null })
      const truncated: ReadonlyArray<AgentEvent> = dropped > 0 ? [{ _tag: "Truncated", droppedBytes: dropped }] : []
      return [...rest, ...opening, ...truncated]
    },
    verdict: () => verdict,
    lastMessage: () => last,
    failures: () => (failures.length > 0 ? failures : tail),
    reported: () => failures.length > 0,
    bytes: () => bytes
  }
}
