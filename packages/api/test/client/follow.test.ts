/** Following events over connections that end, break, fall silent and are refused. */
import { assert, describe, it } from "@effect/vitest"
import * as ClientError from "../../src/ClientError.ts"
import * as RdevClient from "../../src/RdevClient.ts"
import { type Answer, breaking, collected, json, problem, serving } from "./Peer.ts"

const frame = (seq: number, type = "output") =>
  `id: ${seq}\nevent: ${type}\ndata: {"seq":${seq},"time":"t","type":"${type}"}\n\n`
const synced = 'event: synced\ndata: {"type":"synced"}\n\n'
/** Writes these, then breaks off, ends or stays silent. */
const stream =
  (parts: ReadonlyArray<string>, then: "break" | "end" | "silence"): Answer =>
  (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" })
    response.write(parts.join(""), () => {
      if (then === "break") response.socket?.destroy()
      else if (then === "end") response.end()
    })
  }
const fast = { retryMillis: 1 }
const at = (url: string) => RdevClient.make({ url, key: "k" })

describe("following", () => {
  it("delivers every event once and in order, over everything that happens to connections", async () => {
    await using peer = await serving(
      stream([frame(1), frame(2)], "break"),
      breaking,
      problem(503, "unavailable"),
      stream([frame(2), frame(3)], "end"),
      (response) => void response.writeHead(502).end("gateway"),
      stream([frame(4), synced], "silence"),
      stream([frame(5), synced, frame(6)], "silence")
    )
    const seen: Array<number> = []
    const states: Array<string> = []
    const events = at(peer.url).events.follow(
      { project: "hello", types: ["output", "complete"] },
      { ...fast, silenceMillis: 100, onState: (state) => states.push(state) }
    )
    for await (const event of events) {
      if (event.type !== "synced") seen.push(event.seq)
      if (event.seq === 6) break
    }
    assert.deepStrictEqual(seen, [1, 2, 3, 4, 5, 6])
    assert.deepStrictEqual(
      peer.seen.map(({ url }) => url),
      [0, 2, 2, 2, 3, 3, 4].map((after) => `/projects/hello/events?types=output%2Ccomplete&after=${after}`)
    )
    assert.deepStrictEqual(
      states.filter((state) => state !== "reconnecting"),
      ["connecting", "replaying", "replaying", "replaying", "live", "replaying", "live"]
    )
  })

  it("ends with an error when it is refused for good, or nobody was ever there", async () => {
    await using peer = await serving(stream([frame(1)], "end"), problem(404, "not-found"))
    const refused = await collected(at(peer.url).events.follow({ task: "t" }, fast)).catch((error: unknown) => error)
    assert.instanceOf(refused, ClientError.NotFound)
    const gone = await at("http://127.0.0.1:1")
      .events.follow({}, fast)
      .next()
      .catch((error: unknown) => error)
    assert.instanceOf(gone, ClientError.Unreachable)
    await using page = await serving(json(200, {}))
    const other = at(page.url).events.follow({}, fast)
    const states: Array<unknown> = []
    const patient = at("http://127.0.0.1:1").events.follow(
      {},
      {
        ...fast,
        keepTrying: true,
        onState: (state, error) => {
          states.push(error?._tag ?? state)
          if (states.length === 3) void patient.return?.()
        }
      }
    )
    assert.deepStrictEqual(await collected(patient), [])
    assert.deepStrictEqual(states, ["connecting", "Unreachable", "Unreachable"])
    await other.return?.()
  })

  it("ends cleanly when its reader leaves or aborts it while nothing comes", async () => {
    await using peer = await serving(stream([frame(1)], "silence"))
    const controller = new AbortController()
    const events = at(peer.url).events.follow({ project: "x" }, { signal: controller.signal })
    assert.deepInclude(await events.next(), { done: false })
    const waiting = events.next()
    controller.abort()
    assert.deepStrictEqual(await waiting, { done: true, value: undefined })
    const left = at(peer.url).events.follow({ project: "x" })
    await left.next()
    const pending = left.next()
    await left.return?.()
    assert.deepStrictEqual(await pending, { done: true, value: undefined })
    assert.deepStrictEqual(await left.next(), { done: true, value: undefined })
  })

  it("of an operation ends when that has ended, and not at an end that a retry followed", async () => {
    await using peer = await serving(
      stream(
        [frame(1, "operation.failed"), frame(2, "operation.retried"), synced, frame(3, "operation.completed")],
        "silence"
      )
    )
    const types = (await collected(at(peer.url).operations.follow({ operation: "op_1" }))).map(({ type }) => type)
    assert.deepStrictEqual(types, ["operation.failed", "operation.retried", "synced", "operation.completed"])
  })
})

describe("waiting", () => {
  it("for an operation and a command asks until they have ended", async () => {
    await using peer = await serving(json(200, { status: "running" }), json(200, { status: "completed" }))
    assert.strictEqual((await at(peer.url).operations.wait({ operation: "op_1" })).status, "completed")
    assert.deepStrictEqual(
      peer.seen.map(({ headers }) => headers["prefer"]),
      ["wait=60", "wait=60"]
    )
    await using exec = await serving(json(200, { state: "running" }), json(200, { state: "exited", exit_code: 3 }))
    assert.strictEqual((await at(exec.url).execs.wait({ project: "x", exec: "e" })).exit_code, 3)
    assert.strictEqual(exec.seen[0]?.url, "/projects/x/workspace/execs/e?wait=60")
  })

  it("for what a command prints gives its bytes, from offset to offset, and ends", async () => {
    const piece =
      (text: string, next: number, size: number, ended: boolean): Answer =>
      (response) =>
        void response
          .writeHead(200, {
            "content-type": "application/octet-stream",
            "rdev-output-offset": String(next - text.length),
            "rdev-output-next": String(next),
            "rdev-output-size": String(size),
            "rdev-output-dropped": "0",
            "rdev-output-ended": String(ended)
          })
          .end(text)
    await using peer = await serving(piece("abc", 3, 5, false), piece("de", 5, 5, true))
    const parts = await collected(at(peer.url).execs.bytes({ project: "x", exec: "e", stream: "stdout" }))
    assert.strictEqual(parts.map((part) => new TextDecoder().decode(part)).join("|"), "abc|de")
    assert.deepStrictEqual(
      peer.seen.map(({ url }) => url.slice(url.indexOf("?"))),
      ["?stream=stdout&offset=0", "?stream=stdout&offset=3"]
    )
  })

  it("reads a page of events after another", async () => {
    const page = (seqs: ReadonlyArray<number>, more: boolean) =>
      json(200, { events: seqs.map((seq) => ({ seq })), cursor: String(seqs.at(-1)), has_more: more, watermark: 3 })
    await using peer = await serving(page([1, 2], true), page([3], false))
    const seqs = (await collected(at(peer.url).events.all({ operation: "op_1" }))).map(({ seq }) => seq)
    assert.deepStrictEqual(seqs, [1, 2, 3])
  })
})
