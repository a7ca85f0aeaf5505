/** The event log in arrays, one per stream. */
import { Clock, Effect, Layer, Semaphore, Stream } from "effect"
import { Event, type StreamName } from "../../domain/Event.ts"
import * as EventHub from "../../ports/stores/EventHub.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"
import { EventLog, encodeData, matches } from "../../ports/stores/EventLog.ts"

interface Log {
  readonly events: Array<Event>
  lastSeq: number
  retainedFrom: number
  readonly lock: Semaphore.Semaphore
}

export const layer: Layer.Layer<EventLog> = Layer.effect(
  EventLog,
  Effect.gen(function* () {
    const hub = yield* EventHub.make
    const logs = new Map<StreamName, Log>()
    const logOf = (stream: StreamName): Log => {
      let log = logs.get(stream)
      if (log === undefined)
        logs.set(stream, (log = { events: [], lastSeq: 0, retainedFrom: 1, lock: Semaphore.makeUnsafe(1) }))
      return log
    }
    return EventLog.of({
      append: (stream, events) =>
        Effect.gen(function* () {
          yield* encodeData(events)
          const timeMillis = yield* Clock.currentTimeMillis
          const log = logOf(stream)
          return yield* MemoryTransaction.exclusively(
            log.lock,
            Effect.gen(function* () {
              const before = log.lastSeq
              const appended = events.map(
                (event, i) => new Event({ ...event, stream, seq: before + i + 1, timeMillis })
              )
              log.events.push(...appended)
              log.lastSeq += appended.length
              yield* MemoryTransaction.onRollback(() => {
                log.events.splice(log.events.length - appended.length)
                log.lastSeq = before
              })
              yield* MemoryTransaction.afterCommit(hub.publish(appended))
              return appended
            })
          )
        }),
      read: (stream, after, limit, filter) =>
        Effect.sync(() => {
          const { events, lastSeq, retainedFrom } = logs.get(stream) ?? { events: [], lastSeq: 0, retainedFrom: 1 }
          const found: Array<Event> = []
          for (let i = Math.max(0, after + 1 - retainedFrom); i < events.length && found.length <= limit; i++) {
            const event = events[i]
            if (event !== undefined && matches(event, filter)) found.push(event)
          }
          const page = found.slice(0, limit)
          const hasMore = found.length > limit
          return {
            events: page,
            cursor: hasMore ? (page.at(-1)?.seq ?? after) : lastSeq,
            hasMore,
            watermark: lastSeq,
            retainedFrom
          }
        }),
      subscribe: hub.subscribe,
      live: (stream) => Stream.unwrap(hub.subscribe(stream)),
      trim: (beforeMillis) =>
        Effect.sync(() => {
          let removed = 0
          for (const log of logs.values()) {
            const kept = log.events.findIndex((event) => event.timeMillis >= beforeMillis)
            const gone = log.events.splice(0, kept === -1 ? log.events.length : kept).length
            log.retainedFrom += gone
            removed += gone
          }
          return removed
        })
    })
  })
)
