/**
 * Output of a process as lines for the event log: complete lines at once, cleaned and without secrets (these first, so that none
 * is kept in halves), long ones cut, and at most `maxBytes` in all; the rest is counted.
 *
 * What it makes of a text without a mask is proven: whoever keeps events need not search it again with the same redactor. Proof is
 * given here alone, to frozen data, and never to text of which a part was searched by another redactor.
 */
import type { NewEvent } from "../domain/Event.ts"
import { LineSplitter } from "../domain/LineText.ts"
import * as OutputLines from "../domain/OutputLines.ts"
import { type MaskedBytes, mask, type Redactor, type ShownStream } from "./Redactor.ts"

export const maxLineBytes = 4_096
export const maxBytes = 8 * 1024 * 1024
/** Lines that are kept: a line costs something even when it is empty. */
export const maxLines = 200_000

type Stream = OutputLines.OutputLine["stream"]
const streams = ["stdout", "stderr"] as const
export type OutputEvent = Pick<NewEvent, "type" | "data">
export interface Told {
  readonly lines: ReadonlyArray<OutputLines.OutputLine>
  readonly events: ReadonlyArray<OutputEvent>
}

const proofs = new WeakMap<object, Redactor>()
/** Whether this very redactor has searched the data of an event already. */
export const isProven = (data: object, redactor: Redactor): boolean => proofs.get(data) === redactor

/** Of old text there may be a line that has not ended and what a backspace could wipe out. */
const batchesToForget = 2
const shown = (text: string): string => text.replaceAll("\r", "")

export class OutputText {
  private redactor: Redactor
  private readonly texts: Readonly<Record<Stream, ShownStream>>
  private readonly lines: Readonly<Record<Stream, LineSplitter>>
  /** Batches that may still hold text of another redactor. */
  private readonly stale: Record<Stream, number> = { stdout: 0, stderr: 0 }
  private waiting: Array<OutputLines.OutputLine> = []
  private kept = 0
  private told = 0
  dropped = 0
  /** Of what was kept in bytes. */
  droppedLines = 0

  constructor(redactor: Redactor) {
    this.redactor = redactor
    this.texts = { stdout: redactor.shownStream(), stderr: redactor.shownStream() }
    const lines = (stream: Stream) => new LineSplitter(maxLineBytes, (text) => this.keep(stream, text))
    this.lines = { stdout: lines("stdout"), stderr: lines("stderr") }
  }

  /** Masks what this one knows from here on. */
  use(redactor: Redactor): void {
    if (redactor === this.redactor) return
    this.redactor = redactor
    for (const stream of streams) {
      this.texts[stream].use(redactor)
      this.stale[stream] = batchesToForget
    }
  }

  /** Lines that are complete by it wait for `take`, so that many small pieces make few events. */
  push(stream: Stream, data: MaskedBytes): void {
    if (this.kept >= maxBytes) {
      this.dropped += data.byteLength
      return
    }
    this.kept += data.byteLength
    this.lines[stream].push(this.texts[stream].push(data))
  }

  /** What has no line end too. */
  end(): Told {
    for (const stream of streams) {
      this.lines[stream].push(this.texts[stream].end())
      this.lines[stream].end()
    }
    return this.take()
  }

  /** Complete lines since the last time, in their order. */
  take(): Told {
    const lines = this.waiting
    if (lines.length === 0) return { lines, events: [] }
    this.waiting = []
    const events = OutputLines.toEvents(lines)
    for (const { data } of events) {
      // Where a mask stands, what is on both sides of it may belong together.
      const isOpen = OutputLines.ofData(data).some((line) => line.includes(mask))
      if (isOpen || this.stale[data["stream"] as Stream] > 0) continue
      if (Array.isArray(data["lines"])) Object.freeze(data["lines"])
      proofs.set(Object.freeze(data), this.redactor)
    }
    for (const stream of new Set(lines.map((line) => line.stream)))
      this.stale[stream] = Math.max(0, this.stale[stream] - 1)
    return { lines, events }
  }

  private keep(stream: Stream, text: string): void {
    if (this.told >= maxLines) {
      this.droppedLines++
      return
    }
    this.told++
    this.waiting.push({ stream, line: text.includes("\r") ? shown(text) : text })
  }
}
