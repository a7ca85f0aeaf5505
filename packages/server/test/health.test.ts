/** What the server works with outside of itself: it may be away while the server works, and both are said. */
import { assert, describe, it } from "@effect/vitest"
import type { Part } from "../src/installation/SlotHealth.ts"
import { Effect } from "effect"
import * as MemoryServer from "./MemoryServer.ts"

const part = (outside: boolean, ok: () => boolean): Part => ({
  outside,
  look: Effect.sync(() => ({ ok: ok(), detail: ok() ? "answers" : "it does not answer", durationMs: 1 }))
})

describe("health", () => {
  it.live("names what is away, and goes on taking requests", () =>
    Effect.gen(function* () {
      let forgeAnswers = true
      const parts = new Map([
        ["forge", part(true, () => forgeAnswers)],
        ["resources.cache", part(true, () => true)],
        ["ci", part(false, () => false)]
      ])
      const server = yield* MemoryServer.make({}, parts)
      const ask = (path: string) => Effect.promise(() => server.call("GET", path, { key: null }))
      const names = (answer: MemoryServer.Answer) =>
        (answer.body["checks"] as ReadonlyArray<{ readonly name: string }>).map(({ name }) => name)

      const before = yield* ask("/health")
      assert.strictEqual(before.body["status"], "ok")
      assert.includeMembers(names(before), ["database", "queue", "forge", "resources.cache"])
      assert.notInclude(names(before), "ci", "what is inside is looked at by its name alone")

      forgeAnswers = false
      const after = yield* ask("/health")
      assert.deepStrictEqual([after.status, after.body["status"]], [200, "degraded"])
      assert.strictEqual((yield* ask("/readyz")).status, 200, "a load balancer goes on sending requests")

      const away = yield* ask("/health/forge")
      assert.deepStrictEqual([away.status, away.body["name"], away.body["ok"]], [503, "forge", false])
      assert.strictEqual((yield* ask("/health/resources.cache")).status, 200)
      assert.strictEqual((yield* ask("/health/ci")).status, 503)
      for (const name of ["nothing", "__proto__", "stores.", "%00", "forge/"]) {
        const none = yield* ask(`/health/${name}`)
        assert.include([400, 404], none.status, name)
        assert.strictEqual(none.headers.get("content-type"), "application/problem+json")
      }
    }).pipe(Effect.scoped)
  )
})
