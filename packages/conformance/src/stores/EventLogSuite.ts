/** What every event log must do. The layer may hold other streams already. */
import { assert, layer as withLayer } from "@effect/vitest"
import { type Event, type NewEvent, ofProject, type StreamName } from "@rdev/core/domain/Event"
import * as NewId from "@rdev/core/ids/NewId"
import { EventLog, maxDataBytes } from "@rdev/core/ports/stores/EventLog"
import { Array as Arr, Clock, Effect, Fiber, Layer, Stream } from "effect"
import * as Samples from "../Samples.ts"

export interface Capabilities {
  /** Parallel appenders to run in the test of gapless numbers. */
  readonly appenders: number
}

const freshStream = Effect.map(NewId.make("proj"), ofProject)
const numbered = (n: number): ReadonlyArray<NewEvent> =>
  Array.from({ length: n }, (_, i) => Samples.event("output", { line: `line ${i}` }))
const seqs = (events: ReadonlyArray<Event>) => events.map((event) => event.seq)
const all = (stream: StreamName) =>
  Effect.flatMap(EventLog, (log) => Effect.map(log.read(stream, 0, 1000), (page) => page.events))

export const suite = (name: string, layer: Layer.Layer<EventLog, unknown>, capabilities: Capabilities): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`EventLog: ${name}`, (it) => {
    it.effect("numbers from 1 without gaps and gives back what was appended", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const stream = yield* freshStream
        const data = { line: "ü \u0000 \ud83d\ude00 \u2028", list: [1, 2.5, null, true], nested: { a: { b: "c" } } }
        const before = yield* Clock.currentTimeMillis
        const first = yield* log.append(stream, [
          Samples.event("output", data, { taskId: "t1", feature: "f" }),
          Samples.event("complete", { exit_code: 0 })
        ])
        const second = yield* log.append(stream, [Samples.event("output")])
        assert.deepStrictEqual(seqs([...first, ...second]), [1, 2, 3])
        const page = yield* log.read(stream, 0, 10)
        assert.deepStrictEqual(page.events, [...first, ...second])
        assert.deepStrictEqual(page.events[0]?.data, data)
        assert.deepStrictEqual(page.events[0]?.subject, { taskId: "t1", feature: "f" })
        assert.isTrue(page.events.every((event) => event.stream === stream && event.timeMillis >= before))
        assert.deepInclude(page, { cursor: 3, hasMore: false, watermark: 3, retainedFrom: 1 })
        assert.deepStrictEqual(yield* log.append(stream, []), [])
      })
    )

    it.effect("an unknown stream is empty", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        assert.deepStrictEqual(yield* log.read(yield* freshStream, 0, 10), {
          events: [],
          cursor: 0,
          hasMore: false,
          watermark: 0,
          retainedFrom: 1
        })
      })
    )

    it.effect("reads in pages that join without loss or repetition", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const stream = yield* freshStream
        yield* log.append(stream, numbered(25))
        const got: Array<number> = []
        for (let cursor = 0, hasMore = true; hasMore;) {
          const page = yield* log.read(stream, cursor, 10)
          got.push(...seqs(page.events))
          ;({ cursor, hasMore } = page)
        }
        assert.deepStrictEqual(got, Arr.range(1, 25))
        assert.deepInclude(yield* log.read(stream, 25, 10), { events: [], cursor: 25, hasMore: false })
        assert.deepInclude(yield* log.read(stream, 99, 10), { events: [], cursor: 25, hasMore: false })
      })
    )

    it.effect("filters by type and subject, and the cursor passes what was dropped", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const stream = yield* freshStream
        yield* log.append(
          stream,
          Array.from({ length: 20 }, (_, i) =>
            Samples.event(
              i % 2 === 0 ? "output" : "task.progress",
              {},
              i % 5 === 0 ? { taskId: "t1", runId: "r" } : { taskId: "t2" }
            )
          )
        )
        const of = (filter: Parameters<typeof log.read>[3]) =>
          Effect.map(log.read(stream, 0, 100, filter), (page) => seqs(page.events))
        assert.deepStrictEqual(yield* of({ types: ["task.progress"] }), [2, 4, 6, 8, 10, 12, 14, 16, 18, 20])
        assert.deepStrictEqual(yield* of({ subject: { taskId: "t1" } }), [1, 6, 11, 16])
        assert.deepStrictEqual(yield* of({ types: ["output"], subject: { taskId: "t1", runId: "r" } }), [1, 11])
        assert.deepStrictEqual(yield* of({ subject: { taskId: "t1", runId: "other" } }), [])
        assert.deepStrictEqual(yield* of({ types: [] }), [])
        const page1 = yield* log.read(stream, 0, 3, { subject: { taskId: "t1" } })
        assert.deepInclude(page1, { cursor: 11, hasMore: true, watermark: 20 })
        const page2 = yield* log.read(stream, page1.cursor, 3, { subject: { taskId: "t1" } })
        assert.deepStrictEqual(seqs(page2.events), [16])
        assert.deepInclude(page2, { cursor: 20, hasMore: false })
      })
    )

    it.effect("stays gapless and in order under parallel appends", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const stream = yield* freshStream
        const appended = yield* Effect.forEach(
          Arr.range(1, capabilities.appenders),
          (writer) =>
            Effect.forEach(Arr.range(1, 10), (i) =>
              log.append(stream, [
                Samples.event("output", { writer, i }),
                Samples.event("output", { writer, i, second: true })
              ])
            ),
          { concurrency: "unbounded" }
        )
        const total = capabilities.appenders * 20
        assert.deepStrictEqual(
          appended
            .flat(2)
            .map((event) => event.seq)
            .sort((a, b) => a - b),
          Arr.range(1, total)
        )
        const stored = yield* all(stream)
        assert.deepStrictEqual(seqs(stored), Arr.range(1, total))
        for (const calls of appended) {
          const own = calls.flat()
          assert.deepStrictEqual(
            seqs(own),
            seqs(own).toSorted((a, b) => a - b),
            "one caller's events keep their order"
          )
          for (const call of calls)
            assert.strictEqual((call[1]?.seq ?? 0) - (call[0]?.seq ?? 0), 1, "events of one call stay together")
          for (const event of own) assert.deepStrictEqual(stored[event.seq - 1], event)
        }
      })
    )

    it.effect("refuses an event that is too large and appends nothing of its call", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const stream = yield* freshStream
        const fits = { x: "a".repeat(maxDataBytes - 8) }
        assert.strictEqual(JSON.stringify(fits).length, maxDataBytes)
        yield* log.append(stream, [Samples.event("output", fits)])
        for (const x of ["a".repeat(maxDataBytes - 7), "ü".repeat(maxDataBytes / 2)]) {
          const error = yield* Effect.flip(
            log.append(stream, [Samples.event("output"), Samples.event("output", { x })])
          )
          assert.deepInclude(error.reason, { _tag: "Invalid", field: "events[1].data" })
        }
        assert.strictEqual((yield* log.read(stream, 0, 10)).watermark, 1)
      })
    )

    it.effect("tells live subscribers what is appended after they subscribed", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const log = yield* EventLog
          const stream = yield* freshStream
          const other = yield* freshStream
          yield* log.append(stream, numbered(3))
          const one = yield* log.subscribe(stream)
          const everything = yield* log.subscribe()
          yield* log.append(other, numbered(2))
          yield* Effect.forEach(Arr.range(1, 10), () => log.append(stream, numbered(2)))
          const ofOne = yield* Stream.runCollect(Stream.take(one, 20))
          assert.deepStrictEqual(ofOne, (yield* all(stream)).slice(3))
          const ofAll = yield* Stream.runCollect(
            everything.pipe(
              Stream.filter((event) => event.stream === stream || event.stream === other),
              Stream.take(22)
            )
          )
          assert.deepStrictEqual(seqs(ofAll.filter((event) => event.stream === other)), [1, 2])
          assert.deepStrictEqual(
            ofAll.filter((event) => event.stream === stream),
            ofOne
          )
        })
      )
    )

    it.effect("live ends with its reader and many may read at once", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const stream = yield* freshStream
        yield* Effect.scoped(
          Effect.gen(function* () {
            const readers = yield* Effect.forEach(Arr.range(1, 50), () =>
              Effect.flatMap(log.subscribe(stream), (live) =>
                Effect.forkScoped(Stream.runCollect(Stream.take(live, 30)))
              )
            )
            yield* Effect.forEach(Arr.range(1, 3), () => log.append(stream, numbered(10)), { concurrency: "unbounded" })
            for (const reader of readers) assert.deepStrictEqual(seqs(yield* Fiber.join(reader)), Arr.range(1, 30))
          })
        )
        assert.deepStrictEqual(seqs(yield* log.append(stream, numbered(1))), [31])
      })
    )

    it.effect("drops the oldest for a subscriber that does not read, and does not wait for it", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const log = yield* EventLog
          const stream = yield* freshStream
          const slow = yield* log.subscribe(stream)
          for (let i = 0; i < 15; i++) yield* log.append(stream, numbered(100))
          const got = yield* slow.pipe(
            Stream.takeUntil((event) => event.seq === 1500),
            Stream.runCollect
          )
          assert.isAtMost(got.length, 1024 + 64)
          assert.strictEqual(got.at(-1)?.seq, 1500)
        })
      )
    )

    it.effect("trims what is old and says from where it still has entries", () =>
      Effect.gen(function* () {
        const log = yield* EventLog
        const stream = yield* freshStream
        const old = yield* log.append(stream, numbered(5))
        let now = yield* Clock.currentTimeMillis
        while (now <= (old.at(-1)?.timeMillis ?? 0)) {
          yield* Effect.yieldNow
          now = yield* Clock.currentTimeMillis
        }
        const kept = yield* log.append(stream, numbered(3))
        assert.isAtLeast(yield* log.trim(kept[0]?.timeMillis ?? 0), 5)
        const page = yield* log.read(stream, 0, 10)
        assert.deepStrictEqual(page.events, kept)
        assert.deepInclude(page, { cursor: 8, watermark: 8, retainedFrom: 6 })
        assert.deepStrictEqual(seqs((yield* log.read(stream, 6, 10, { types: ["output"] })).events), [7, 8])
        yield* log.trim(Number.MAX_SAFE_INTEGER)
        assert.deepStrictEqual(yield* log.read(stream, 0, 10), {
          events: [],
          cursor: 8,
          hasMore: false,
          watermark: 8,
          retainedFrom: 9
        })
        assert.deepStrictEqual(seqs(yield* log.append(stream, numbered(1))), [9])
        assert.deepStrictEqual(seqs((yield* log.read(stream, 0, 10, { types: ["output"] })).events), [9])
      })
    )
  })
}
