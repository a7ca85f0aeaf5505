/**
 * Appends to the segments of one run: one write per append, into the system's memory of files, which outlives this process. Beyond its
 * bound it drops segments of the middle. A write that failed half-way leaves an unfinished frame, which the next opening cuts off.
 */
import * as Frames from "@rdev/core/domain/OutputFrames"
import type { OutputEnd, OutputPart } from "@rdev/core/ports/stores/OutputStore"
import { type FileHandle, mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises"
import { join } from "node:path"
import { conflict } from "../LocalFailure.ts"
import * as Segment from "./OutputSegment.ts"

export interface Bounds {
  readonly segmentBytes: number
  /** Kept of one run; half of them from its beginning. */
  readonly maxSegments: number
}

export class OutputWriter {
  private readonly folder: string
  private readonly bounds: Bounds
  private readonly segments: Array<Segment.Named>
  private file: FileHandle | null = null
  private written: number
  private at: Frames.Counts
  private ended: boolean

  private constructor(folder: string, bounds: Bounds, segments: ReadonlyArray<Segment.Named>, last: Segment.Segment) {
    this.folder = folder
    this.bounds = bounds
    this.segments = [...segments]
    this.written = last.whole
    this.at = last.to
    this.ended = last.end !== null
  }

  /** Goes on behind the last whole frame. */
  static async open(folder: string, bounds: Bounds): Promise<OutputWriter> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const segments = Segment.named(await readdir(folder))
    const last = segments.at(-1)
    if (last === undefined)
      return new OutputWriter(folder, bounds, [], { frames: [], to: Frames.none, end: null, whole: 0 })
    const path = join(folder, last.name)
    const found = Segment.decode(last.from, await readFile(path))
    await truncate(path, found.whole)
    return new OutputWriter(folder, bounds, segments, found)
  }

  async append(parts: ReadonlyArray<OutputPart>): Promise<void> {
    if (this.ended) throw conflict("the run has ended; nothing can be appended to its output")
    let waiting: Array<Buffer> = []
    let size = 0
    for (const part of parts) {
      for (const frame of Segment.encode(this.at, part)) {
        if (this.file === null || !this.fits(size + frame.byteLength)) {
          await this.write(waiting)
          waiting = []
          size = 0
          await this.makeRoom(frame.byteLength)
        }
        waiting.push(frame)
        size += frame.byteLength
        this.at = Frames.plus(this.at, part.stream, frame.byteLength - Segment.headerBytes)
      }
    }
    await this.write(waiting)
  }

  async end(end: OutputEnd): Promise<void> {
    if (this.ended) return
    const mark = Segment.encodeEnded(this.at, end)
    await this.makeRoom(mark.byteLength)
    await this.write([mark])
    this.ended = true
    await this.close()
  }

  async close(): Promise<void> {
    const { file } = this
    this.file = null
    await file?.close()
  }

  private async write(frames: ReadonlyArray<Buffer>): Promise<void> {
    if (frames.length === 0 || this.file === null) return
    const bytes = frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames)
    for (let done = 0; done < bytes.byteLength;) done += (await this.file.write(bytes, done)).bytesWritten
    this.written += bytes.byteLength
  }

  private fits(bytes: number): boolean {
    return this.written + bytes <= this.bounds.segmentBytes || this.written === 0
  }

  /** Goes on in the last file, or in a new one. */
  private async makeRoom(bytes: number): Promise<void> {
    const last = this.segments.at(-1)
    if (last !== undefined && this.fits(bytes)) {
      this.file ??= await open(join(this.folder, last.name), "a", 0o600)
      return
    }
    await this.close()
    const number = (last?.number ?? -1) + 1
    const next = { name: Segment.nameOf(number, this.at), number, from: this.at }
    this.file = await open(join(this.folder, next.name), "ax", 0o600)
    this.segments.push(next)
    this.written = 0
    if (this.segments.length <= this.bounds.maxSegments) return
    const [dropped] = this.segments.splice(Math.floor(this.bounds.maxSegments / 2), 1)
    if (dropped !== undefined) await rm(join(this.folder, dropped.name), { force: true })
  }
}
