/** Pages of other origins: one that is listed may call and read, any other may not, and neither the edge nor git hears of it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import * as Gateway from "../src/http/Gateway.ts"
import * as Origins from "../src/http/Origins.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"

const listed = "http://127.0.0.1:8080"
let server: Server
let url = ""
let asked: Array<string> = []
beforeAll(async () => {
  const config = await Effect.runPromise(
    fromEnvironment({ RDEV_ALLOWED_ORIGINS: `${listed},https://studio.example.org` })
  )
  const gateway = Gateway.make({
    origins: Origins.make(config),
    api: (request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.writeHead(200, { etag: '"1"' }).end("{}")
    },
    git: (_request, response) => void response.writeHead(200).end("git"),
    edge: (_request, response) => void response.writeHead(200).end("edge"),
    edgeUpgrade: null,
    isStopping: () => false
  })
  server = createServer((request, response) => void gateway.request(request, response))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

const call = (path: string, origin: string | null, init: RequestInit = {}) => {
  asked = []
  return fetch(`${url}${path}`, {
    ...init,
    headers: { ...(origin === null ? {} : { origin }), ...(init.headers as Record<string, string> | undefined) }
  })
}
const preflight = {
  method: "OPTIONS",
  headers: {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,idempotency-key"
  }
}
const words = (response: Response, name: string) => (response.headers.get(name) ?? "").split(", ")

describe("a page of another origin", () => {
  it("that is listed may ask and read", async () => {
    for (const origin of [listed, "https://studio.example.org"]) {
      const before = await call("/projects", origin, preflight)
      assert.strictEqual(before.status, 204)
      assert.strictEqual(before.headers.get("access-control-allow-origin"), origin)
      assert.includeMembers(words(before, "access-control-allow-methods"), ["GET", "POST", "PATCH", "DELETE"])
      assert.includeMembers(words(before, "access-control-allow-headers"), [
        "authorization",
        "content-type",
        "idempotency-key",
        "if-match",
        "prefer"
      ])
      assert.deepStrictEqual(asked, [], "the question alone asks the API nothing")
      const answer = await call("/api/v1/projects", origin)
      assert.strictEqual(answer.headers.get("access-control-allow-origin"), origin)
      assert.strictEqual(answer.headers.get("vary"), "Origin")
      assert.isNull(answer.headers.get("access-control-allow-credentials"))
      assert.includeMembers(words(answer, "access-control-expose-headers"), ["etag", "retry-after", "x-request-id"])
      assert.deepStrictEqual(asked, ["GET /projects"])
    }
  })

  it("that is not listed is told nothing, and neither are pages of our own or programs", async () => {
    for (const origin of ["http://evil.example", `${listed}.evil.example`, "null", listed.replace("8080", "8081")])
      for (const init of [{}, preflight]) {
        const refused = await call("/projects", origin, init)
        assert.strictEqual(refused.status, 403, origin)
        assert.isNull(refused.headers.get("access-control-allow-origin"))
        assert.deepStrictEqual(asked, [])
      }
    for (const origin of [null, url]) {
      const answer = await call("/projects", origin)
      assert.strictEqual(answer.status, 200)
      assert.isNull(answer.headers.get("access-control-allow-origin"))
    }
  })

  it("reads why it is refused, and gets nothing of git", async () => {
    const refused = await call("/projects/../x%00", listed)
    assert.strictEqual(refused.status, 404)
    assert.strictEqual(refused.headers.get("access-control-allow-origin"), listed)
    assert.isNull((await call("/git/x", listed)).headers.get("access-control-allow-origin"))
  })
})
