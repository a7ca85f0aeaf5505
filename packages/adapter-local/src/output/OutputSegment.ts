/**
 * The form of output on disk: a run's folder holds segments `<number>-<bytes of stdout before it>-<bytes of stderr before it>.seg`, and a
 * segment is frames one after the other: kind, length, bytes of either stream before it, check sum, bytes. What a crash left unfinished at
 * the end of one is not read. Pure.
 */
import * as Frames from "@rdev/core/domain/OutputFrames"
import { OutputEnd, type OutputPart } from "@rdev/core/ports/stores/OutputStore"
import { Schema } from "effect"
import { crc32 } from "node:zlib"

/** kind 1, length 4, stdout 6, stderr 6, check sum 4. */
export const headerBytes = 21
export const maxFrameBytes = 65_536
const kinds = { stdout: 1, stderr: 2, end: 3 } as const

const frame = (kind: number, at: Frames.Counts, bytes: Uint8Array): Buffer => {
  const whole = Buffer.allocUnsafe(headerBytes + bytes.byteLength)
  whole[0] = kind
  whole.writeUInt32LE(bytes.byteLength, 1)
  whole.writeUIntLE(at.stdout, 5, 6)
  whole.writeUIntLE(at.stderr, 11, 6)
  whole.set(bytes, headerBytes)
  whole.writeUInt32LE(crc32(bytes, crc32(whole.subarray(0, 17))), 17)
  return whole
}

/** In frames of at most `maxFrameBytes`. */
export const encode = (at: Frames.Counts, { bytes, stream }: OutputPart): ReadonlyArray<Buffer> => {
  const frames: Array<Buffer> = []
  for (let from = 0; from < bytes.byteLength; from += maxFrameBytes)
    frames.push(frame(kinds[stream], Frames.plus(at, stream, from), bytes.subarray(from, from + maxFrameBytes)))
  return frames
}
const EndText = Schema.fromJsonString(OutputEnd)
const encodeEnd = Schema.encodeSync(EndText)
const decodeEnd = Schema.decodeUnknownSync(EndText)
export const encodeEnded = (at: Frames.Counts, end: OutputEnd): Buffer =>
  frame(kinds.end, at, Buffer.from(encodeEnd(end)))

export interface Segment {
  readonly frames: ReadonlyArray<Frames.Frame>
  /** What came up to its end. */
  readonly to: Frames.Counts
  readonly end: OutputEnd | null
  /** Bytes of whole frames; what follows was never finished. */
  readonly whole: number
}

export const decode = (from: Frames.Counts, bytes: Buffer): Segment => {
  const frames: Array<Frames.Frame> = []
  let to = from
  let end: OutputEnd | null = null
  let i = 0
  while (end === null && i + headerBytes <= bytes.byteLength) {
    const kind = bytes[i]
    const length = bytes.readUInt32LE(i + 1)
    const next = i + headerBytes + length
    if (length > maxFrameBytes || next > bytes.byteLength) break
    const content = bytes.subarray(i + headerBytes, next)
    if (crc32(content, crc32(bytes.subarray(i, i + 17))) !== bytes.readUInt32LE(i + 17)) break
    if (kind === kinds.end) end = decodeEnd(content.toString("utf8"))
    else {
      const one: Frames.Frame = {
        stream: kind === kinds.stdout ? "stdout" : "stderr",
        at: { stdout: bytes.readUIntLE(i + 5, 6), stderr: bytes.readUIntLE(i + 11, 6) },
        bytes: content
      }
      frames.push(one)
      to = Frames.endOf(one)
    }
    i = next
  }
  return { frames, to, end, whole: i }
}

/** A segment by its name. */
export interface Named {
  readonly name: string
  readonly number: number
  readonly from: Frames.Counts
}
const form = /^(\d{6,12})-(\d{1,15})-(\d{1,15})\.seg$/
export const nameOf = (number: number, from: Frames.Counts): string =>
  `${String(number).padStart(6, "0")}-${from.stdout}-${from.stderr}.seg`
/** In their order; other files are none of ours. */
export const named = (names: ReadonlyArray<string>): ReadonlyArray<Named> =>
  names
    .flatMap((name) => {
      const found = form.exec(name)
      return found === null
        ? []
        : [{ name, number: Number(found[1]), from: { stdout: Number(found[2]), stderr: Number(found[3]) } }]
    })
    .sort((a, b) => a.number - b.number)

/** The last of the beginning and the first of the end, where segments between them were dropped. */
export const hole = (segments: ReadonlyArray<Named>): readonly [Named, Named] | null => {
  for (let i = 1; i < segments.length; i++) {
    const [before, after] = [segments[i - 1] as Named, segments[i] as Named]
    if (after.number !== before.number + 1) return [before, after]
  }
  return null
}
/** Where to begin to read a view at an offset. */
export const indexAt = (segments: ReadonlyArray<Named>, view: Frames.OutputView, offset: number): number =>
  Math.max(
    0,
    segments.findLastIndex(({ from }) => Frames.of(from, view) <= offset)
  )
