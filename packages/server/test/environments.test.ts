/** Environments over HTTP: those of every project, what is live in them, and what there is none of. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as MemoryServer from "./MemoryServer.ts"

it.live("a project has production and staging, each with its host, its bindings and what is live", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* MemoryServer.make()
      const call = (path: string, method = "GET", body?: unknown) =>
        Effect.promise(() => server.call(method, path, body === undefined ? {} : { body }))
      const made = yield* call("/projects", "POST", { name: "shop" })
      assert.strictEqual(made.status, 202, made.text)
      const of = Effect.map(call("/projects/shop/environments"), ({ body }) => {
        const { environments } = body as { readonly environments: ReadonlyArray<Record<string, unknown>> }
        return environments
      })
      const ready = yield* Effect.repeat(Effect.delay(of, 100), {
        until: (all) => all[0]?.["status"] === "ready",
        times: 300
      })
      assert.deepStrictEqual(
        ready.map(({ kind, name, status }) => [name, kind, status]),
        [
          ["production", "production", "ready"],
          ["staging", "staging", "ready"]
        ]
      )
      const [production, staging] = ready
      assert.match(
        String((production?.["release"] as Record<string, unknown> | null | undefined)?.["sha"]),
        /^[0-9a-f]{40}$/
      )
      assert.isNull(staging?.["release"])
      assert.notStrictEqual(production?.["id"], staging?.["id"])
      const one = yield* call("/projects/shop/environments/staging")
      assert.deepStrictEqual(one.body, staging)
      assert.match(String(one.body["id"]), /^env_/)
      const none = yield* call("/projects/shop/environments/moon")
      assert.strictEqual(none.status, 404)
      assert.include(none.text, "it has production, staging")
      assert.strictEqual((yield* call("/projects/shop/environments/No!")).status, 404)
      assert.strictEqual((yield* call("/projects/nothing/environments")).status, 404)
    })
  )
)
