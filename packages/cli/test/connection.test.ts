/** A connection that breaks before the answer: the request is sent again under its key, or said to have been done perhaps. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer, type IncomingHttpHeaders } from "node:http"
import type { AddressInfo } from "node:net"
import { call } from "../src/Connection.ts"

interface Seen {
  readonly method: string
  readonly headers: IncomingHttpHeaders
}
/** Breaks off this many connections once the request is there, then answers so. */
const serving = (broken: number, answers: ReadonlyArray<readonly [status: number, body: unknown]>) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly seen: Array<Seen>; readonly close: () => void }>((resume) => {
      const seen: Array<Seen> = []
      const server = createServer((request, response) => {
        request.resume().on("end", () => {
          seen.push({ method: request.method ?? "", headers: request.headers })
          if (seen.length <= broken) return void request.socket.destroy()
          const [status, body] = answers[seen.length - broken - 1] ?? [500, {}]
          response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
        })
      })
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
            seen,
            close: () => server.close()
          })
        )
      )
    }),
    ({ close }) => Effect.sync(close)
  )
const target = (url: string) => ({ url, key: "k" })

describe("a connection that breaks", () => {
  it.live("sends a POST again under one key, and waits for the answer of the first", () =>
    Effect.gen(function* () {
      const server = yield* serving(2, [
        [409, { code: "idempotency-in-flight", detail: "wait" }],
        [202, { operation_id: "op_1" }]
      ])
      assert.deepStrictEqual(yield* call(target(server.url), "/projects", { body: { name: "x" } }), {
        operation_id: "op_1"
      })
      const keys = new Set(server.seen.map(({ headers }) => headers["idempotency-key"]))
      assert.strictEqual(server.seen.length, 4)
      assert.strictEqual(keys.size, 1)
      assert.match(String([...keys][0]), /^[0-9a-f-]{36}$/)
    }).pipe(Effect.scoped)
  )

  it.live("reads again, and does not say that a DELETE was not done", () =>
    Effect.gen(function* () {
      const reading = yield* serving(1, [[200, { name: "x" }]])
      assert.deepStrictEqual(yield* call(target(reading.url), "/projects/x"), { name: "x" })
      const deleting = yield* serving(1, [[202, {}]])
      const lost = yield* Effect.flip(call(target(deleting.url), "/projects/x", { method: "DELETE" }))
      assert.include(lost.message, "it may have been done")
      assert.strictEqual(deleting.seen.length, 1)
      const gone = yield* Effect.flip(call(target("http://127.0.0.1:9"), "/projects", { body: {} }))
      assert.include(gone.message, "no server answers")
    }).pipe(Effect.scoped)
  )

  it.live("gives every POST a key of its own", () =>
    Effect.gen(function* () {
      const server = yield* serving(0, [
        [201, {}],
        [201, {}]
      ])
      yield* call(target(server.url), "/keys", { body: {} })
      yield* call(target(server.url), "/keys", { body: {} })
      assert.strictEqual(new Set(server.seen.map(({ headers }) => headers["idempotency-key"])).size, 2)
    }).pipe(Effect.scoped)
  )
})
