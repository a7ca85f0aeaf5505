/** How a request fails decides the exit code: nobody there, refused, not found, and a server that fails are told apart. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { ask, list, noKey, targetOf } from "../src/Connection.ts"

const serving = (status: number, body: unknown) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const server = createServer((_request, response) => {
        if (status === 0) return void response.socket?.destroy()
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
      })
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
            close: () => server.close()
          })
        )
      )
    }),
    ({ close }) => Effect.sync(close)
  )
const cases: ReadonlyArray<readonly [status: number, code: string, exitCode: number]> = [
  [400, "invalid-input", 2],
  [422, "unprocessable", 2],
  [401, "unauthorized", 3],
  [403, "forbidden", 3],
  [421, "bad-host", 3],
  [404, "not-found", 4],
  [409, "conflict", 5],
  [409, "already-exists", 5],
  [0, "broken", 6],
  [500, "internal", 7],
  [501, "unsupported", 7],
  [503, "unavailable", 7],
  [418, "from-the-future", 7]
]

describe("exit codes", () => {
  for (const [status, code, exitCode] of cases)
    it.live(`${status} ${code} is ${exitCode}`, () =>
      Effect.gen(function* () {
        const server = yield* serving(status, { code, detail: `it is ${code}` })
        // A DELETE, which is never sent again.
        const failed = yield* Effect.flip(
          ask(targetOf(server.url, "k"), (rdev, call) => rdev.projects.delete({ project: "x" }, call))
        )
        assert.strictEqual(failed.exitCode, exitCode)
        if (status !== 0) assert.strictEqual(failed.message, `it is ${code}`)
      }).pipe(Effect.scoped)
    )

  it.live("of nobody there is 6, and says how to start a server", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(list(targetOf("http://127.0.0.1:1", ""), (rdev) => rdev.projects.listAll()))
      assert.strictEqual(failed.exitCode, 6)
      assert.include(failed.message, "rdev up")
    })
  )

  it.live("without a key say where one is", () =>
    Effect.gen(function* () {
      const server = yield* serving(401, { code: "unauthorized", detail: "This needs an API key" })
      const failed = yield* Effect.flip(ask(targetOf(server.url, ""), (rdev, call) => rdev.projects.list({}, call)))
      assert.deepStrictEqual([failed.exitCode, failed.message], [3, noKey])
    }).pipe(Effect.scoped)
  )
})
