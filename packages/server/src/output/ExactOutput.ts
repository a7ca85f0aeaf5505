/**
 * The bytes of one command on their way into the OutputStore: as they came, but for secrets, which are masked in each stream across
 * the borders of its pieces. What a store cannot take never holds up the command: from there on its bytes are not kept, which is said once.
 */
import type { OutputStream } from "@rdev/core/domain/OutputFrames"
import {
  type OutputEnd,
  type OutputPart,
  type OutputRun,
  OutputStore,
  type OutputStoreError
} from "@rdev/core/ports/stores/OutputStore"
import type { ByteStream, MaskedBytes, Redactor } from "@rdev/core/redaction/Redactor"
import * as Turns from "@rdev/core/services/redaction/Turns"
import * as Effect from "effect/Effect"

/** As it may be kept, and shown. */
export interface MaskedPart extends OutputPart {
  readonly bytes: MaskedBytes
}

/** Pieces as they may be kept. Pure but for what it holds back. */
export class Masked {
  private readonly streams: Readonly<Record<OutputStream, ByteStream>>
  constructor(redactor: Redactor) {
    this.streams = { stdout: redactor.byteStream(), stderr: redactor.byteStream() }
  }

  /** Masks what this one knows from here on. */
  use(redactor: Redactor): void {
    this.streams.stdout.use(redactor)
    this.streams.stderr.use(redactor)
  }
  push(stream: OutputStream, bytes: Uint8Array): ReadonlyArray<MaskedPart> {
    const certain = this.streams[stream].push(bytes)
    return certain.byteLength === 0 ? [] : [{ stream, bytes: certain }]
  }
  end(): ReadonlyArray<MaskedPart> {
    return (["stdout", "stderr"] as const)
      .map((stream) => ({ stream, bytes: this.streams[stream].end() }))
      .filter(({ bytes }) => bytes.byteLength > 0)
  }
}

/** Answers with what is certain so far, for whoever shows it. `lost`: called with the first failure, after which nothing more is kept. */
export const make = <E>(
  run: OutputRun,
  redactor: Redactor,
  lost: (error: OutputStoreError) => Effect.Effect<void, E>
) =>
  Effect.map(OutputStore, (store) => {
    const masked = new Masked(redactor)
    let [isLost, isEnded] = [false, false]
    const keep = (work: Effect.Effect<void, OutputStoreError>): Effect.Effect<void, E> =>
      isLost
        ? Effect.void
        : Effect.catch(work, (error) => {
            isLost = true
            return lost(error)
          })
    const append = (parts: ReadonlyArray<MaskedPart>): Effect.Effect<ReadonlyArray<MaskedPart>, E> =>
      Effect.as(parts.length === 0 ? Effect.void : keep(store.append(run, parts)), parts)
    return {
      use: (known: Redactor) => masked.use(known),
      push: (stream: OutputStream, bytes: Uint8Array) =>
        Effect.flatMap(
          Turns.inPieces(bytes, (piece) => masked.push(stream, piece)),
          append
        ),
      /** What was held back. Nothing is pushed afterwards. */
      rest: Effect.suspend(() => append(masked.end())),
      /** Once; then nothing more. */
      end: (end: OutputEnd) =>
        Effect.suspend(() => {
          if (isEnded) return Effect.void
          isEnded = true
          return Effect.andThen(
            append(masked.end()),
            Effect.suspend(() => keep(store.end(run, end)))
          )
        })
    }
  })
