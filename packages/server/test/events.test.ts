/** 29 sse-replay, 30 slow-reader: event streams over real sockets. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import * as EventStream from "@rdev/api/EventStream"
import { ofProject } from "@rdev/core/domain/Event"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { connect, type Socket } from "node:net"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as MemoryServer from "./MemoryServer.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
let projectId: string
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
  const made = await server.call("POST", "/projects", { body: { name: "stream" }, headers: { prefer: "wait=30" } })
  projectId = (made.body["project"] as { id: string }).id
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const append = (lines: ReadonlyArray<string>, type = "output") =>
  server.run(
    Effect.flatMap(EventLog, (log) =>
      log.append(
        ofProject(projectId),
        lines.map((line) => ({ type, subject: { execId: "exec_1" }, data: { line, stream: "stdout" } }))
      )
    )
  )
const watermark = async () => Number((await server.call("GET", `/projects/stream/events?limit=1`)).body["watermark"])

interface Reader {
  readonly frames: Array<EventStream.Frame>
  readonly socket: Socket
  readonly until: (done: (frames: ReadonlyArray<EventStream.Frame>) => boolean) => Promise<void>
}
/** A bare socket, so that the test decides what is read and when the connection breaks. */
const open = (path: string, headers = ""): Reader => {
  const frames: Array<EventStream.Frame> = []
  const waiting = new Set<() => void>()
  const parser = EventStream.parser()
  let head = true
  let rest = ""
  const socket = connect(server.port, "127.0.0.1", () =>
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nAuthorization: Bearer ${server.key}\r\n${headers}\r\n`
    )
  )
  socket
    .on("data", (chunk) => {
      let text = String(chunk)
      if (head) {
        rest += text
        const end = rest.indexOf("\r\n\r\n")
        if (end === -1) return
        head = false
        text = rest.slice(end + 4)
      }
      frames.push(...parser.push(text))
      for (const look of waiting) look()
    })
    .on("error", () => socket.destroy())
  const until: Reader["until"] = (done) =>
    new Promise((resolve, reject) => {
      const look = () => {
        if (!done(frames)) return
        waiting.delete(look)
        clearTimeout(late)
        resolve()
      }
      const late = setTimeout(
        () => reject(new Error(`${frames.length} frames came, the last is ${JSON.stringify(frames.at(-1))}`)),
        20_000
      )
      waiting.add(look)
      look()
    })
  return { frames, socket, until }
}
const ids = (frames: ReadonlyArray<EventStream.Frame>) =>
  frames.flatMap((frame) => (frame.id === null ? [] : [frame.id]))

describe("sse", () => {
  it("replays the past, says synced, goes on live, and says what an event is about", async () => {
    const from = await watermark()
    await append(["past"])
    const reader = open(`/projects/stream/events?after=${from}`)
    await reader.until((frames) => frames.some((frame) => frame.event === "synced"))
    await append(["live"])
    await reader.until((frames) => frames.length >= 3)
    reader.socket.destroy()
    assert.deepStrictEqual(
      reader.frames.map((frame) => frame.event),
      ["output", "synced", "output"]
    )
    assert.deepInclude(JSON.parse(reader.frames[2]?.data ?? "{}"), {
      type: "output",
      line: "live",
      stream: "stdout",
      exec_id: "exec_1",
      seq: from + 2
    })
  })

  it("gives JSON the same events, pages and filters", async () => {
    const from = await watermark()
    await append(["a", "b"])
    await append(["c"], "note")
    await append(["d"])
    const page = await server.call("GET", `/projects/stream/events?after=${from}&limit=2&types=output`)
    assert.deepStrictEqual(
      (page.body["events"] as ReadonlyArray<{ line: string }>).map((event) => event.line),
      ["a", "b"]
    )
    assert.isTrue(page.body["has_more"])
    const next = await server.call(
      "GET",
      `/projects/stream/events?after=${String(page.body["cursor"])}&types=output&exec_id=exec_1`
    )
    assert.deepStrictEqual(
      (next.body["events"] as ReadonlyArray<{ line: string }>).map((event) => event.line),
      ["d"]
    )
    const nothing = await server.call("GET", `/projects/stream/events?after=${from}&exec_id=exec_2`)
    assert.deepStrictEqual(nothing.body["events"], [])
  })

  it("goes on after Last-Event-ID and tells what retention removed", async () => {
    const from = await watermark()
    await append(["one", "two", "three"])
    const reader = open("/projects/stream/events", `Last-Event-ID: ${from + 2}\r\n`)
    await reader.until((frames) => frames.some((frame) => frame.event === "synced"))
    reader.socket.destroy()
    assert.deepStrictEqual(ids(reader.frames), [from + 3])
    await server.run(Effect.flatMap(EventLog, (log) => log.trim(Date.now() + 1000)))
    await append(["four"])
    const late = open("/projects/stream/events?after=1")
    await late.until((frames) => frames.some((frame) => frame.event === "synced"))
    late.socket.destroy()
    assert.strictEqual(late.frames[0]?.event, "gap")
    assert.deepInclude(JSON.parse(late.frames[0]?.data ?? "{}"), { from: 2, to: from + 3 })
    assert.deepStrictEqual(ids(late.frames), [from + 3, from + 4])
  })

  it("refuses a cursor beyond the end, as JSON and as a stream, and says where it was given", async () => {
    const end = await watermark()
    const cases = [
      [`?after=${end + 1}`, {}, "/query/after"],
      [`?after=${end + 1}`, { accept: "text/event-stream" }, "/query/after"],
      ["", { accept: "text/event-stream", "last-event-id": String(end + 1) }, "/header/last-event-id"]
    ] as const
    for (const [query, headers, pointer] of cases) {
      const answer = await server.call("GET", `/projects/stream/events${query}`, { headers })
      assert.strictEqual(answer.status, 422, query)
      assert.strictEqual(answer.body["code"], "unprocessable")
      assert.include(String(answer.body["detail"]), `ends at ${end}`)
      assert.deepStrictEqual(
        (answer.body["errors"] as ReadonlyArray<{ pointer: string }>).map((error) => error.pointer),
        [pointer]
      )
    }
    assert.strictEqual((await server.call("GET", `/projects/stream/events?after=${end}`)).status, 200)
  })

  it("answers HEAD for a stream without opening one", async () => {
    const answer = await server.call("HEAD", "/projects/stream/events", { headers: { accept: "text/event-stream" } })
    assert.strictEqual(answer.status, 200)
    assert.include(answer.headers.get("content-type") ?? "", "text/event-stream")
    assert.strictEqual(
      (await server.call("HEAD", "/projects/nobody/events", { headers: { accept: "text/event-stream" } })).status,
      404
    )
  })

  it("takes the cursor that JSON just gave, however far the live readers are", async () => {
    const following = open("/projects/stream/events?types=nothing")
    await following.until((frames) => frames.some((frame) => frame.event === "synced"))
    for (let i = 0; i < 20; i++) {
      await append([`race ${i}`])
      const end = await watermark()
      const reader = open(`/projects/stream/events?after=${end}`)
      await reader.until((frames) => frames.some((frame) => frame.event === "synced"))
      reader.socket.destroy()
    }
    following.socket.destroy()
  })

  it("ends with the key that opened it", async () => {
    const { id, key } = await server.makeKey({ scopes: ["projects:read"] })
    const response = await fetch(`${server.url}/projects/stream/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${key}` }
    })
    assert.strictEqual(response.status, 200)
    assert.strictEqual((await server.call("DELETE", `/keys/${id}`)).status, 204)
    // To its end: an open stream would have none.
    assert.include(await response.text(), "event: synced")
    assert.strictEqual((await server.call("GET", "/projects/stream/events", { key })).status, 401)
  })
})

describe("sse-replay", () => {
  it("equals the log through 500 dropped connections", async () => {
    const from = await watermark()
    const total = 3_000
    let written = 0
    const writing = (async () => {
      while (written < total) {
        const size = 1 + ((written * 7) % 11)
        await append(Array.from({ length: size }, (_, i) => `line ${written + i}`))
        written += size
      }
    })()
    const seen: Array<number> = []
    let cursor = from
    for (let drop = 0; drop < 500; drop++) {
      const reader = open(`/projects/stream/events?after=${cursor}`)
      const wanted = 1 + ((drop * 13) % 17)
      await reader.until((frames) => ids(frames).length >= wanted || frames.some((frame) => frame.event === "synced"))
      reader.socket.destroy()
      const got = ids(reader.frames)
      seen.push(...got)
      cursor = got.at(-1) ?? cursor
    }
    await writing
    const rest = open(`/projects/stream/events?after=${cursor}`)
    await rest.until((frames) => frames.some((frame) => frame.event === "synced"))
    rest.socket.destroy()
    seen.push(...ids(rest.frames))
    assert.strictEqual(seen.length, written)
    assert.deepStrictEqual(
      seen,
      Array.from({ length: written }, (_, i) => from + 1 + i)
    )
  }, 120_000)

  it("is followed by the client through a lost connection", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const from = yield* Effect.promise(watermark)
        const following = yield* Effect.forkChild(
          EventStream.follow({
            url: server.url,
            key: server.key,
            path: "/projects/stream/events",
            after: from,
            retryMillis: 10
          }).pipe(
            Stream.filter((event) => event.type === "output"),
            Stream.take(50),
            Stream.runCollect
          )
        )
        for (let i = 0; i < 50; i++) yield* Effect.promise(() => append([`n ${i}`]))
        const events = yield* Fiber.join(following)
        assert.deepStrictEqual(
          events.map((event) => event.seq),
          Array.from({ length: 50 }, (_, i) => from + 1 + i)
        )
      })
    ))
})

describe("slow-reader", () => {
  it("bounds memory while stalled readers and a flood of output stand against each other", async () => {
    const stalled = Array.from({ length: 20 }, () => {
      const reader = open(`/projects/stream/events?after=0&types=flood`)
      reader.socket.pause()
      return reader
    })
    const from = await watermark()
    const healthy = open(`/projects/stream/events?after=${from}&types=flood`)
    await healthy.until((frames) => frames.some((frame) => frame.event === "synced"))
    const line = "x".repeat(8_000)
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const held = () => {
      collect()
      const { arrayBuffers, heapUsed } = process.memoryUsage()
      return arrayBuffers + heapUsed
    }
    const before = held()
    let peak = 0
    // The log in memory is part of this process: it is trimmed, so that only what readers hold counts.
    for (let batch = 0; batch < 250; batch++) {
      await append(
        Array.from({ length: 20 }, () => line),
        "flood"
      )
      if (batch % 25 === 24) {
        await healthy.until((frames) => (ids(frames).at(-1) ?? 0) >= from + (batch + 1) * 20)
        healthy.frames.length = 0
        await server.run(Effect.flatMap(EventLog, (log) => log.trim(Date.now() + 1000)))
        peak = Math.max(peak, held() - before)
      }
    }
    healthy.socket.destroy()
    for (const reader of stalled) reader.socket.destroy()
    // 40 MB went by, twenty readers took nothing of it; what waits is the ring (4 MiB) and one page per stalled reader.
    assert.isBelow(peak, 32 * 1024 * 1024)
  }, 120_000)
})
