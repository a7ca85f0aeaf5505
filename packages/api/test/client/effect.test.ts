/** The client for Effect: the same calls with the contract's types, and errors that are caught by their tags. */
import { assert, describe, it } from "@effect/vitest"
import { DateTime, Effect, Fiber, Stream } from "effect"
import * as Client from "../../src/Client.ts"
import * as EventStream from "../../src/EventStream.ts"
import { type Answer, breaking, json, type Peer, problem, serving } from "./Peer.ts"

const peer = (...answers: ReadonlyArray<Answer>) => Effect.acquireDisposable(Effect.promise(() => serving(...answers)))
const at = ({ url }: Peer) => Client.make({ url, key: "k" })
const key = {
  id: "key_01J00000000000000000000000",
  name: "reader",
  hint: "rdev_",
  type: "human",
  scopes: ["sdlc:read"],
  projects: null,
  cidrs: [],
  expires_at: null,
  revoked_at: null,
  last_used_at: null,
  created_at: "2026-01-02T03:04:05.000Z"
}

describe("the client for Effect", () => {
  it.live("decodes, takes plain strings, and sends again under one key", () =>
    Effect.gen(function* () {
      const server = yield* peer(breaking, json(201, { key: "rdev_x", record: key }))
      const client = yield* at(server)
      const made = yield* client.keys.create({
        payload: { name: "reader", scopes: ["sdlc:read"], projects: ["hello"] }
      })
      assert.strictEqual(DateTime.formatIso(made.record.createdAt), "2026-01-02T03:04:05.000Z")
      assert.strictEqual(new Set(server.seen.map(({ headers }) => headers["idempotency-key"])).size, 1)
      assert.deepInclude(server.seen[1]?.headers, { authorization: "Bearer k" })
    }).pipe(Effect.scoped)
  )

  it.live("fails with tagged errors: refused, wrong before it is sent, not what the contract says, not there", () =>
    Effect.gen(function* () {
      const server = yield* peer(
        problem(404, "not-found"),
        json(200, { projects: [{ id: "what" }], next_cursor: null })
      )
      const client = yield* at(server)
      const get = (project: string) => client.projects.get({ params: { project } })
      const missing = yield* get("nobody").pipe(
        Effect.as("found"),
        Effect.catchTag("NotFound", ({ requestId }) => Effect.succeed(requestId))
      )
      assert.strictEqual(missing, "req_1")
      const wrong = yield* Effect.flip(get("Not A Name"))
      assert.deepInclude(wrong, { _tag: "InvalidInput", field: "project", status: null })
      const payload = yield* Effect.flip(client.features.create({ params: { project: "x" }, payload: { title: "" } }))
      assert.deepInclude(payload, { _tag: "InvalidInput", field: "title" })
      assert.strictEqual(server.seen.length, 1)
      assert.strictEqual((yield* Effect.flip(client.projects.list()))._tag, "UnexpectedAnswer")
      const nowhere = yield* Client.make({ url: "http://127.0.0.1:1" })
      assert.strictEqual((yield* Effect.flip(nowhere.projects.list()))._tag, "Unreachable")
      assert.strictEqual((yield* Effect.flip(Client.make({ url: "nonsense" })))._tag, "InvalidInput")
    }).pipe(Effect.scoped)
  )

  it.live("reads pages as a stream, and is ended by interruption", () =>
    Effect.gen(function* () {
      const server = yield* peer(
        json(200, { keys: [key, key], next_cursor: "more" }),
        json(200, { keys: [key], next_cursor: null }),
        () => {}
      )
      const client = yield* at(server)
      const keys = yield* Stream.runCollect(Client.items((query) => client.keys.list({ query })))
      assert.strictEqual(keys.length, 3)
      const silent = yield* Effect.forkChild(client.keys.list())
      yield* Effect.promise(async () => {
        while (server.seen.length < 3) await new Promise(setImmediate)
      })
      yield* Fiber.interrupt(silent)
      const late = yield* Effect.flip(client.keys.list({}, { timeoutMillis: 10 }))
      assert.strictEqual(late._tag, "Timeout")
    }).pipe(Effect.scoped)
  )

  it.live("follows events", () =>
    Effect.gen(function* () {
      const server = yield* peer(
        (response) => {
          response.writeHead(200, { "content-type": "text/event-stream" })
          response.write('id: 7\nevent: output\ndata: {"seq":7,"time":"t","type":"output","line":"x"}\n\n')
        },
        problem(403, "forbidden")
      )
      const follow = EventStream.follow({ url: server.url, key: "k", path: "/projects/x/events", after: 6 })
      const events = yield* Stream.runCollect(Stream.take(follow, 1))
      assert.deepStrictEqual(events, [{ seq: 7, time: "t", type: "output", line: "x" }])
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(follow)))._tag, "Forbidden")
    }).pipe(Effect.scoped)
  )

  it.live("starts where a path says, and says it once when it connects again", () =>
    Effect.gen(function* () {
      const server = yield* peer(
        (response) => {
          response.writeHead(200, { "content-type": "text/event-stream" })
          response.end('id: 7\nevent: output\ndata: {"seq":7,"time":"t","type":"output"}\n\n')
        },
        (response) => {
          response.writeHead(200, { "content-type": "text/event-stream" })
          response.write('id: 8\nevent: output\ndata: {"seq":8,"time":"t","type":"output"}\n\n')
        }
      )
      const path = "/projects/x/events?after=6&types=output"
      const follow = EventStream.follow({ url: server.url, key: "k", path, retryMillis: 1 })
      const events = yield* Stream.runCollect(Stream.take(follow, 2))
      assert.deepStrictEqual(
        events.map(({ seq }) => seq),
        [7, 8]
      )
      assert.deepStrictEqual(
        server.seen.map(({ url }) => url),
        [6, 7].map((after) => `/projects/x/events?after=${after}&types=output`)
      )
    }).pipe(Effect.scoped)
  )
})
