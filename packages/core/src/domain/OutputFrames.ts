/**
 * What a process printed, as frames in the order in which they came: each says of which stream it is and how much of both streams came
 * before it, so that either stream and both together can be read from any byte on, also where frames are missing. Pure.
 */
export type OutputStream = "stdout" | "stderr"
/** `both`: all bytes in the order in which they came. */
export type OutputView = OutputStream | "both"

/** Bytes that are read at once, at most. */
export const maxPageBytes = 4 * 1024 * 1024

/** Bytes of both streams. */
export interface Counts {
  readonly stdout: number
  readonly stderr: number
}
export interface Frame {
  readonly stream: OutputStream
  /** What came before it. */
  readonly at: Counts
  readonly bytes: Uint8Array
}

export const none: Counts = { stdout: 0, stderr: 0 }
export const of = (counts: Counts, view: OutputView): number =>
  view === "both" ? counts.stdout + counts.stderr : counts[view]
export const plus = (at: Counts, stream: OutputStream, bytes: number): Counts => ({
  ...at,
  [stream]: at[stream] + bytes
})
/** What came up to its end. */
export const endOf = ({ at, bytes, stream }: Frame): Counts => plus(at, stream, bytes.byteLength)

/** Takes what a reader wants out of frames that are handed to it in their order. */
export class Page {
  private readonly view: OutputView
  private readonly limit: number
  private readonly parts: Array<Uint8Array> = []
  private taken = 0
  private start: number
  private readonly asked: number

  /** At most `limit` bytes from `offset` on. */
  constructor(view: OutputView, offset: number, limit: number) {
    this.view = view
    this.asked = offset
    this.start = offset
    this.limit = limit
  }

  get next(): number {
    return this.start + this.taken
  }
  get isEmpty(): boolean {
    return this.taken === 0
  }
  /** Where its first byte stands: behind what was asked for when that is not kept. */
  get offset(): number {
    return this.start
  }

  /** Whether more can follow: a page is without holes. */
  push(frame: Frame): boolean {
    if (this.view !== "both" && frame.stream !== this.view) return true
    const from = of(frame.at, this.view)
    if (from + frame.bytes.byteLength <= this.next) return true
    if (from > this.next) {
      if (this.taken > 0) return false
      this.start = Math.max(this.asked, from)
    }
    const part = frame.bytes.subarray(this.next - from, this.next - from + this.limit - this.taken)
    this.parts.push(part)
    this.taken += part.byteLength
    return this.taken < this.limit
  }

  /** Where nothing is kept from the offset on: to the end of what came. */
  skip(to: number): void {
    if (this.taken === 0) this.start = to
  }

  bytes(): Uint8Array {
    const whole = new Uint8Array(this.taken)
    let at = 0
    for (const part of this.parts) {
      whole.set(part, at)
      at += part.byteLength
    }
    return whole
  }
}
