/** Output in memory, for tests: the same bounds and answers as on disk, nothing survives. */
import { Effect, Layer } from "effect"
import * as NewId from "../../ids/NewId.ts"
import * as Frames from "../../domain/OutputFrames.ts"
import {
  defaultMaxBytes,
  type OutputEnd,
  OutputStore,
  OutputStoreError,
  type OutputRun
} from "../../ports/stores/OutputStore.ts"
import type { PortReason } from "../../ports/infra/PortReason.ts"

interface Log {
  readonly head: Array<Frames.Frame>
  readonly tail: Array<Frames.Frame>
  headBytes: number
  tailBytes: number
  at: Frames.Counts
  end: OutputEnd | null
}

const refuse = (verb: string, reason: PortReason) =>
  Effect.fail(new OutputStoreError({ operation: `OutputStore.${verb}`, reason }))
const keyOf = (run: OutputRun) => `${run.projectId}/${run.execId}`

const make = (maxBytes: number) =>
  Effect.sync(() => {
    const logs = new Map<string, Log>()
    const removed = new Set<string>()
    const half = Math.floor(maxBytes / 2)

    const begin = (run: OutputRun): Log => {
      const log = logs.get(keyOf(run)) ?? { head: [], tail: [], headBytes: 0, tailBytes: 0, at: Frames.none, end: null }
      logs.set(keyOf(run), log)
      return log
    }
    const add = (log: Log, frame: Frames.Frame) => {
      log.at = Frames.endOf(frame)
      if (log.headBytes < half && log.tail.length === 0) {
        log.head.push(frame)
        log.headBytes += frame.bytes.byteLength
        return
      }
      log.tail.push(frame)
      log.tailBytes += frame.bytes.byteLength
      while (log.tailBytes > half && log.tail.length > 1) log.tailBytes -= log.tail.shift()?.bytes.byteLength ?? 0
    }
    const find = (verb: string, run: OutputRun) =>
      Effect.suspend(() => {
        const log = logs.get(keyOf(run))
        return log === undefined
          ? refuse(verb, { _tag: "NotFound", message: `nothing is kept of what ${run.execId} printed` })
          : Effect.succeed(log)
      })
    const dropped = (log: Log): Frames.Counts => {
      const last = log.head.at(-1)
      const first = log.tail[0]
      if (last === undefined || first === undefined) return Frames.none
      const until = Frames.endOf(last)
      return { stdout: first.at.stdout - until.stdout, stderr: first.at.stderr - until.stderr }
    }

    return OutputStore.of({
      append: (run, parts) =>
        Effect.suspend(() => {
          if (removed.has(run.projectId))
            return refuse("append", { _tag: "NotFound", message: `the output of ${run.projectId} was removed` })
          const log = begin(run)
          if (log.end !== null) return refuse("append", { _tag: "Conflict", message: `${run.execId} has ended` })
          for (const { bytes, stream } of parts)
            if (bytes.byteLength > 0) add(log, { stream, at: log.at, bytes: bytes.slice() })
          return Effect.void
        }),
      end: (run, end) =>
        Effect.suspend(() => {
          if (removed.has(run.projectId))
            return refuse("end", { _tag: "NotFound", message: `the output of ${run.projectId} was removed` })
          begin(run).end ??= end
          return Effect.void
        }),
      read: (run, { limit, offset, view }) =>
        Effect.flatMap(find("read", run), (log) => {
          const size = Frames.of(log.at, view)
          if (offset > size)
            return refuse("read", {
              _tag: "Invalid",
              field: "offset",
              message: `${offset} is beyond the ${size} bytes that came so far`
            })
          const page = new Frames.Page(view, offset, Math.min(limit, Frames.maxPageBytes))
          const frames = [...log.head, ...log.tail]
          if (frames.every((frame) => page.push(frame))) page.skip(size)
          return Effect.succeed({
            bytes: page.bytes(),
            offset: page.offset,
            next: page.next,
            size,
            dropped: Frames.of(dropped(log), view),
            end: log.end
          })
        }),
      size: (run) => Effect.map(find("size", run), (log) => ({ came: log.at, dropped: dropped(log), end: log.end })),
      remove: (projectId) =>
        Effect.sync(() => {
          removed.add(projectId)
          for (const key of logs.keys()) if (key.startsWith(`${projectId}/`)) logs.delete(key)
        }),
      trim: (beforeMillis) =>
        Effect.sync(() => {
          for (const key of logs.keys()) if (NewId.timeMillis(key) < beforeMillis) logs.delete(key)
        })
    })
  })

export const layerWith = (options: { readonly maxBytes: number }): Layer.Layer<OutputStore> =>
  Layer.suspend(() => Layer.effect(OutputStore, make(options.maxBytes)))
export const layer: Layer.Layer<OutputStore> = Layer.suspend(() => layerWith({ maxBytes: defaultMaxBytes }))
