/** 15 api-fuzz: whatever is sent, nothing answers 5xx, every refusal is a problem, and every answer is what the document says. */
import { assert, afterAll, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import * as Cases from "./fuzz/Cases.ts"
import { operations } from "./fuzz/Contract.ts"
import * as Exchange from "./fuzz/Exchange.ts"
import * as MemoryServer from "./MemoryServer.ts"

/** Per operation. RDEV_FUZZ_CASES and RDEV_FUZZ_SEED look further than every test run has to. */
const cases = Number(process.env["RDEV_FUZZ_CASES"] ?? 30)
const seed = Number(process.env["RDEV_FUZZ_SEED"] ?? 7)

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
let known: Cases.Known
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
  const made = await server.call("POST", "/projects", { body: { name: "fuzzed" }, headers: { prefer: "wait=30" } })
  const feature = await server.call("POST", "/projects/fuzzed/sdlc/features", {
    body: { title: "Fuzzed", start: false }
  })
  const exec = await server.call("POST", "/projects/fuzzed/workspace/execs", { body: { command: ["true"] } })
  const key = await server.makeKey({ scopes: ["sdlc:read"] })
  known = {
    project: "fuzzed",
    feature: String(feature.body["slug"]),
    operation: String(made.body["operation_id"]),
    exec: String(exec.body["id"]),
    key: key.id,
    task: "task_01ARZ3NDEKTSV4RRFFQ69G5FAV"
  }
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const told = ({ body, headers, method, path }: Cases.Request) =>
  `${method} ${path.slice(0, 200)} ${JSON.stringify(headers).slice(0, 300)} ${String(body).slice(0, 200)}`

describe("api-fuzz", () => {
  // What the others need is deleted last.
  const ordered = [...operations].sort((a, b) => Number(a.method === "DELETE") - Number(b.method === "DELETE"))
  for (const [at, operation] of ordered.entries()) {
    it(`${operation.method} ${operation.path}`, async () => {
      const random = Cases.random(seed * 1000 + at)
      const found: Array<string> = []
      for (let i = 0; i < cases; i++) {
        const asked = Cases.make(random, operation, known, server.key)
        const answer = await Exchange.send(server.port, asked).catch((cause: unknown) => {
          throw new Error(`case ${i} was not answered: ${told(asked)}`, { cause })
        })
        const wrong = Exchange.judge(operation, asked, answer)
        if (wrong.length > 0)
          found.push(
            `case ${i}: ${told(asked)}\n  → ${answer.status} ${answer.text.slice(0, 300)}\n  ${wrong.slice(0, 5).join("\n  ")}`
          )
      }
      assert.deepStrictEqual(found, [], found.slice(0, 10).join("\n"))
    })
  }
})
