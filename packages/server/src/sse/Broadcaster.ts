/**
 * Event streams to many readers: subscribe first, replay from the log after the reader's cursor, drop doubles, say `synced`, then
 * go on live. Every committed event after the cursor is delivered once and in order, or the connection ends and the reader resumes.
 */
import type { Event, StreamName } from "@rdev/core/domain/Event"
import { type EventFilter, EventLog } from "@rdev/core/ports/stores/EventLog"
import * as Problem from "@rdev/api/Problem"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { ServerResponse } from "node:http"
import * as Channel from "./Channel.ts"
import * as Frames from "./Frames.ts"

export const beatMillis = 15_000
/** Events read from the log at once for one reader: at most 512 KiB wait for a socket. */
const replayPage = 32
/** Readers that replay at once; others wait their turn. */
const replaysAtOnce = 16
export const maxReaders = 10_000

export interface Request {
  readonly stream: StreamName
  readonly after: number
  readonly filter: EventFilter | undefined
  /** Where `after` was said, for a refusal. */
  readonly cursorAt: string
}

/** Of a stream that has no such event: the cursor is another stream's or another installation's, and waiting for it would be silence. */
export const pastTheEnd = (watermark: number, pointer: string): Problem.Problem => {
  const detail = `The stream ends at ${watermark}; read it from the start, or from a cursor that it gave`
  return Problem.make("unprocessable", {
    detail,
    errors: [{ pointer, detail: `beyond the end of the stream, ${watermark}` }]
  })
}

export class Broadcaster extends Context.Service<
  Broadcaster,
  {
    /** Serves one reader until it leaves. Fails only before the first byte. */
    serve(request: Request, response: ServerResponse): Effect.Effect<void, StoreError | Problem.Problem>
    readonly readers: () => number
  }
>()("rdev/server/Broadcaster") {}

interface Open {
  readonly channel: Channel.Channel
  readonly scope: Scope.Closeable
  users: number
}

/** Writes and waits until the socket has taken it; false when the reader has left or takes nothing. */
const written = (response: ServerResponse, bytes: Buffer): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => {
    const left = () => resume(Effect.succeed(false))
    response.once("close", left)
    if (response.destroyed) left()
    else
      response.write(bytes, (error) => {
        response.off("close", left)
        resume(Effect.succeed(error === null || error === undefined))
      })
    return Effect.sync(() => {
      response.off("close", left)
    })
  }).pipe(Effect.timeoutOrElse({ duration: Channel.stallMillis, orElse: () => Effect.succeed(false) }))

export const layer: Layer.Layer<Broadcaster, never, EventLog> = Layer.effect(
  Broadcaster,
  Effect.gen(function* () {
    const log = yield* EventLog
    const opening = yield* Semaphore.make(1)
    const replaying = yield* Semaphore.make(replaysAtOnce)
    const open = new Map<StreamName, Open>()
    let count = 0

    /** Live events as they come; holes are filled from the log before anything after them is passed on. */
    const pump = (stream: StreamName, channel: Channel.Channel, live: Stream.Stream<Event, StoreError>) =>
      live.pipe(
        Stream.runForEachArray((events) =>
          Effect.gen(function* () {
            for (const event of events) {
              while (event.seq > channel.lastSeq + 1) {
                const page = yield* log.read(stream, channel.lastSeq, 500)
                if (page.events.length === 0) break
                channel.push(page.events)
              }
              channel.push([event])
            }
          })
        )
      )

    const start = Effect.fn("Broadcaster.start")(function* (stream: StreamName) {
      const scope = yield* Scope.make()
      const live = yield* Scope.provide(log.subscribe(stream), scope)
      const { watermark } = yield* log.read(stream, Number.MAX_SAFE_INTEGER, 1)
      const channel = new Channel.Channel(watermark)
      const ended = Effect.tap(Effect.exit(pump(stream, channel, live)), (exit) =>
        Effect.gen(function* () {
          // Without its source the channel would fall silent: readers are sent away and come back to a new one.
          if (Exit.isFailure(exit)) yield* Effect.logWarning("an event stream ended", exit.cause)
          open.delete(stream)
          channel.close()
        })
      )
      yield* Effect.forkIn(ended, scope)
      return { channel, scope, users: 0 } satisfies Open
    })

    const acquire = (stream: StreamName) =>
      opening.withPermit(
        Effect.gen(function* () {
          const found = open.get(stream) ?? (yield* start(stream))
          open.set(stream, found)
          found.users += 1
          return found
        })
      )
    const release = (stream: StreamName, entry: Open) =>
      opening.withPermit(
        Effect.gen(function* () {
          entry.users -= 1
          if (entry.users > 0) return
          if (open.get(stream) === entry) open.delete(stream)
          yield* Scope.close(entry.scope, Exit.void)
        })
      )

    /** Writes the past after `seq`; returns where the reader stands then, or null when it has left. */
    const replay = (request: Request, from: number, channel: Channel.Channel, response: ServerResponse) =>
      Effect.gen(function* () {
        let seq = from
        while (true) {
          const page = yield* replaying.withPermit(log.read(request.stream, seq, replayPage, request.filter))
          if (seq < page.retainedFrom - 1) {
            if (!(yield* written(response, Frames.gap(seq + 1, page.retainedFrom - 1)))) return null
            seq = page.retainedFrom - 1
            continue
          }
          if (page.events.length > 0 && !(yield* written(response, Buffer.concat(page.events.map(Frames.frame)))))
            return null
          seq = Math.max(seq, page.cursor)
          if (!page.hasMore && channel.covers(seq)) return seq
        }
      })

    const live = (channel: Channel.Channel, request: Request, seq: number, response: ServerResponse) =>
      Effect.gen(function* () {
        const over = yield* Deferred.make<"left" | "overtaken">()
        const reader: Channel.Reader = {
          response,
          filter: request.filter,
          seq,
          stalledSince: 0,
          overtaken: () => Deferred.doneUnsafe(over, Effect.succeed("overtaken"))
        }
        const left = () => Deferred.doneUnsafe(over, Effect.succeed("left"))
        response.once("close", left)
        if (response.destroyed || response.writableEnded) left()
        const how = yield* Effect.acquireUseRelease(
          Effect.sync(() => channel.join(reader)),
          () => Deferred.await(over),
          () =>
            Effect.sync(() => {
              channel.leave(reader)
              response.off("close", left)
            })
        )
        return { how, seq: reader.seq }
      })

    const serve = Effect.fn("Broadcaster.serve")(function* (request: Request, response: ServerResponse) {
      if (count >= maxReaders)
        return yield* Problem.make("unavailable", {
          detail: `${maxReaders} readers follow events here already; try again later`
        })
      const entry = yield* Effect.acquireRelease(acquire(request.stream), (entry) => release(request.stream, entry))
      if (request.after > entry.channel.lastSeq) {
        // The channel hears of events a moment after they are in the log, which may be where the reader has its cursor from.
        const { watermark } = yield* log.read(request.stream, request.after, 1)
        if (request.after > watermark) return yield* pastTheEnd(watermark, request.cursorAt)
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          count += 1
        }),
        () =>
          Effect.sync(() => {
            count -= 1
          })
      )
      begin(response)
      yield* Effect.ensuring(
        follow(request, entry.channel, response),
        Effect.sync(() => response.end())
      )
    }, Effect.scoped)

    const follow = (request: Request, channel: Channel.Channel, response: ServerResponse) =>
      Effect.gen(function* () {
        let seq: number | null = yield* replay(request, request.after, channel, response)
        if (seq !== null) response.write(Frames.synced(seq))
        while (seq !== null) {
          const ended: { readonly how: "left" | "overtaken"; readonly seq: number } = yield* live(
            channel,
            request,
            seq,
            response
          )
          if (ended.how === "left") return
          seq = yield* replay(request, ended.seq, channel, response)
        }
      }).pipe(Effect.catch((error) => Effect.logWarning("a reader of events was sent away", error)))

    yield* Effect.forkScoped(
      Effect.repeat(
        Effect.sync(() => {
          for (const { channel } of open.values()) channel.beat()
        }),
        Schedule.spaced(beatMillis)
      )
    )
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const { channel } of open.values()) channel.close()
      })
    )
    return Broadcaster.of({ serve, readers: () => count })
  })
)

/** Ends with the connection instead of in chunks: a write is then the same bytes for every reader. */
const begin = (response: ServerResponse): void => {
  response.useChunkedEncodingByDefault = false
  response.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    connection: "close"
  })
  response.write(Frames.opening)
}
