/** Conditions of a project over HTTP, and a sync that is asked for. */
import { assert, it } from "@effect/vitest"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Effect } from "effect"
import * as MemoryServer from "./MemoryServer.ts"

type Json = Readonly<Record<string, unknown>>

it.live("a project's conditions are told, and what somebody took away is made again when asked", () =>
  Effect.scoped(
    Effect.gen(function* () {
      const server = yield* MemoryServer.make()
      const call = (path: string, method = "GET", body?: unknown) =>
        Effect.promise(() => server.call(method, path, body === undefined ? {} : { body }))
      assert.strictEqual((yield* call("/projects", "POST", { name: "shop" })).status, 202)
      const project = Effect.map(call("/projects/shop"), ({ body }) => body)
      const first = yield* project
      assert.deepInclude((first["conditions"] as ReadonlyArray<Json>)[0], { type: "Ready", status: "false" })
      assert.strictEqual((yield* call("/projects/shop/sync", "POST", {})).status, 409)
      const settled = Effect.repeat(Effect.delay(project, 100), {
        until: (one) => one["status"] === "ready",
        times: 300
      })
      const ready = yield* settled
      assert.deepStrictEqual([ready["generation"], ready["observed_generation"]], [1, 0])
      const sync = (body: unknown) => call("/projects/shop/sync", "POST", body)
      const seen = yield* sync({})
      assert.strictEqual(seen.status, 200, seen.text)
      assert.isNull(seen.body["operation_id"])
      const shown = seen.body["project"] as Json
      assert.deepInclude((shown["conditions"] as ReadonlyArray<Json>)[0], {
        type: "Ready",
        status: "true",
        reason: "AllPresent"
      })
      assert.deepStrictEqual([shown["observed_generation"], shown["damages"]], [1, []])
      const staging = yield* call("/projects/shop/environments/staging")
      assert.isTrue(
        (staging.body["conditions"] as ReadonlyArray<Json>).some(
          ({ status, type }) => type === "DomainReady" && status === "true"
        )
      )

      const id = ready["id"] as never
      const tenant = { projectId: id, name: "shop" as never }
      yield* Effect.promise(() =>
        server.run(
          Effect.andThen(
            Effect.flatMap(Dns, (dns) => dns.remove(id, "shop.localhost")),
            Effect.flatMap(TenantDatabase, (database) => database.remove(tenant))
          )
        )
      )
      const repaired = yield* sync({})
      assert.match(String(repaired.body["operation_id"]), /^op_/)
      const after = yield* settled
      const database = (after["conditions"] as ReadonlyArray<Json>).find(({ type }) => type === "database")
      assert.deepInclude(database, { status: "false", reason: "Lost" })
      const again = yield* sync({})
      assert.isNull(again.body["operation_id"], "the name is there again, and the database is a person's matter")
      for (const wrong of [{ make: ["nothing"] }, { make: ["database", "Database"] }])
        assert.strictEqual((yield* sync(wrong)).status, 422)
      for (const wrong of [{ make: "database" }, { made: [] }, { make: Array(21).fill("database") }])
        assert.strictEqual((yield* sync(wrong)).status, 400)
      assert.match(String((yield* sync({ make: ["database"] })).body["operation_id"]), /^op_/)
      yield* settled
      const whole = (yield* sync({})).body["project"] as Json
      assert.deepInclude((whole["conditions"] as ReadonlyArray<Json>)[0], { type: "Ready", status: "true" })
      assert.strictEqual((yield* call("/projects/nothing/sync", "POST", {})).status, 404)
    })
  )
)
