/**
 * The live end of one stream: the latest events as frames, encoded once, and the readers that stand at that end. Writes are bundled
 * per tick; a tick takes at most a quarter of the time, so that many readers lengthen it instead of starving the process.
 *
 * Memory is bounded: the ring by entries and bytes, a reader by the one write that it has not taken yet. A reader whose socket
 * takes nothing for `stallMillis` is disconnected; one that the ring has overtaken is told so and reads the log again.
 */
import type { Event } from "@rdev/core/domain/Event"
import { type EventFilter, matches } from "@rdev/core/ports/stores/EventLog"
import type { ServerResponse } from "node:http"
import * as Frames from "./Frames.ts"

export const ringEntries = 2_048
export const ringBytes = 4 * 1024 * 1024
export const tickMillis = 20
export const longestTickMillis = 100
export const stallMillis = 15_000

export interface Reader {
  readonly response: ServerResponse
  readonly filter: EventFilter | undefined
  /** Greatest seq that was written or does not concern it. */
  seq: number
  /** When its socket stopped taking; 0 = it takes. */
  stalledSince: number
  /** The ring no longer holds what comes next for it. */
  readonly overtaken: () => void
}

interface Entry {
  readonly event: Event
  readonly frame: Buffer
}

export class Channel {
  private readonly ring: Array<Entry> = []
  private bytes = 0
  private last: number
  private readonly readers = new Map<string, Set<Reader>>()
  private timer: NodeJS.Timeout | null = null
  private cost = 0

  /** `watermark`: everything up to there is in the log, everything after it will be pushed. */
  constructor(watermark: number) {
    this.last = watermark
  }

  get lastSeq(): number {
    return this.last
  }
  get isEmpty(): boolean {
    return this.readers.size === 0
  }
  /** Whether a reader that stands at `seq` finds all that follows here. */
  covers(seq: number): boolean {
    return seq >= this.first() - 1
  }
  private first(): number {
    return this.ring[0]?.event.seq ?? this.last + 1
  }

  /** In order and without holes; what is known already is dropped. */
  push(events: ReadonlyArray<Event>): void {
    for (const event of events) {
      if (event.seq <= this.last) continue
      const frame = Frames.frame(event)
      this.ring.push({ event, frame })
      this.bytes += frame.byteLength
      this.last = event.seq
    }
    while (this.ring.length > ringEntries || this.bytes > ringBytes)
      this.bytes -= this.ring.shift()?.frame.byteLength ?? 0
    this.schedule()
  }

  join(reader: Reader): void {
    const key = JSON.stringify(reader.filter ?? null)
    const group = this.readers.get(key) ?? new Set()
    this.readers.set(key, group.add(reader))
    if (reader.seq < this.last) this.schedule()
  }

  leave(reader: Reader): void {
    const key = JSON.stringify(reader.filter ?? null)
    const group = this.readers.get(key)
    group?.delete(reader)
    if (group?.size === 0) this.readers.delete(key)
  }

  /** Keeps idle connections open; a reader that still has something to take needs none. */
  beat(): void {
    for (const group of this.readers.values())
      for (const reader of group) if (this.takes(reader)) reader.response.write(Frames.comment)
  }

  close(): void {
    if (this.timer !== null) clearTimeout(this.timer)
    for (const group of this.readers.values()) for (const reader of group) reader.response.end()
    this.readers.clear()
  }

  private schedule(after = Math.min(longestTickMillis, Math.max(tickMillis, this.cost * 4))): void {
    if (this.timer !== null || this.readers.size === 0) return
    this.timer = setTimeout(() => this.flush(), after)
  }

  private takes(reader: Reader): boolean {
    if (reader.response.writableLength === 0) {
      reader.stalledSince = 0
      return true
    }
    const now = Date.now()
    if (reader.stalledSince === 0) reader.stalledSince = now
    else if (now - reader.stalledSince > stallMillis) reader.response.destroy()
    return false
  }

  /** What follows `seq` for this filter, as one piece; null when nothing does. */
  private after(seq: number, filter: EventFilter | undefined): Buffer | null {
    const from = Math.max(0, seq + 1 - this.first())
    const frames: Array<Buffer> = []
    for (let i = from; i < this.ring.length; i++) {
      const entry = this.ring[i]
      if (entry !== undefined && (filter === undefined || matches(entry.event, filter))) frames.push(entry.frame)
    }
    return frames.length === 0 ? null : frames.length === 1 ? (frames[0] ?? null) : Buffer.concat(frames)
  }

  private flush(): void {
    this.timer = null
    const began = performance.now()
    let waiting = false
    for (const group of this.readers.values()) {
      // Most readers stand at the same place and share one piece.
      const pieces = new Map<number, Buffer | null>()
      for (const reader of group) {
        if (reader.seq >= this.last) continue
        if (!this.takes(reader)) {
          waiting = true
          continue
        }
        if (!this.covers(reader.seq)) {
          group.delete(reader)
          reader.overtaken()
          continue
        }
        let piece = pieces.get(reader.seq)
        if (piece === undefined) pieces.set(reader.seq, (piece = this.after(reader.seq, reader.filter)))
        reader.seq = this.last
        if (piece !== null) reader.response.write(piece)
      }
    }
    this.cost = performance.now() - began
    if (waiting) this.schedule(longestTickMillis)
  }
}
