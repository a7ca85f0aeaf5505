/** Components over HTTP: of a repository without the file, with one, with a wrong one; and what a sync makes of them. */
import { assert, it } from "@effect/vitest"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { Effect } from "effect"
import * as MemoryServer from "./MemoryServer.ts"

type Json = Readonly<Record<string, unknown>>

it.live(
  "a project's components are read at a commit; a wrong file is told with its lines, and syncs keep what there is",
  () =>
    Effect.scoped(
      Effect.gen(function* () {
        const server = yield* MemoryServer.make()
        const call = (path: string, method = "GET", body?: unknown) =>
          Effect.promise(() => server.call(method, path, body === undefined ? {} : { body }))
        assert.strictEqual((yield* call("/projects", "POST", { name: "shop" })).status, 202)
        const project = yield* Effect.repeat(
          Effect.delay(
            Effect.map(call("/projects/shop"), ({ body }) => body),
            100
          ),
          { until: (one) => one["status"] === "ready", times: 300 }
        )
        const before = yield* call("/projects/shop/components")
        assert.strictEqual(before.status, 200, before.text)
        const [only] = before.body["components"] as ReadonlyArray<Json>
        assert.deepInclude(only, { name: "shop", path: ".", public: true })
        assert.deepStrictEqual(only?.["needs"], ["database", "cache"])

        const target = { projectId: project["id"], name: "shop" } as never
        const write = (text: string) =>
          Effect.gen(function* () {
            const main = BranchName.make(String(project["default_branch"]))
            const head = (yield* call("/projects/shop/components")).body["sha"] as string
            const request = {
              branch: main,
              expectedHead: head,
              changes: [{ path: "rdev.yaml", content: text }],
              message: "Say the components",
              author: { name: "t", email: "t@example.org" }
            }
            return yield* Effect.promise(() =>
              server.run(Effect.flatMap(GitObjects, (git) => git.commit(target, request)))
            )
          })
        const stepsOfSync = Effect.map(
          call("/projects/shop/operations?dry_run=true", "POST", { kind: "project.sync" }),
          ({ body }) => (body["steps"] as ReadonlyArray<Json>).map(({ key }) => String(key))
        )
        assert.includeMembers([...(yield* stepsOfSync)], ["database", "cache"])

        const sha = yield* write(`components:
  - { name: web, kind: static, path: web, public: true }
  - { name: api, kind: node, path: api, start: node a.mjs, needs: [database, teleport] }
`)
        const said = yield* call("/projects/shop/components")
        assert.deepInclude(said.body, { sha, said: true, faults: [], unavailable: ["teleport"] })
        assert.deepStrictEqual(
          (said.body["components"] as ReadonlyArray<Json>).map(({ name, needs }) => [name, needs]),
          [
            ["web", []],
            ["api", ["database", "teleport"]]
          ]
        )
        const needed = yield* stepsOfSync
        assert.include(needed, "database")
        assert.notInclude(needed, "cache")

        yield* write("components:\n  - { name: Web, kind: static }\n  - { name: b, kind: nothing }\n")
        const wrong = yield* call("/projects/shop/components")
        assert.strictEqual(wrong.status, 200)
        assert.deepStrictEqual(
          (wrong.body["faults"] as ReadonlyArray<Json>).map(({ line, path }) => [line, path]),
          [
            [2, "components[0].name"],
            [3, "components[1].kind"]
          ]
        )
        assert.deepStrictEqual(wrong.body["components"], [])
        assert.includeMembers([...(yield* stepsOfSync)], ["database", "cache"])

        assert.deepStrictEqual((yield* call(`/projects/shop/components?at=${sha}`)).body, said.body)
        for (const at of ["nothing", "-x", "HEAD", "a..b", encodeURIComponent("é")]) {
          const none = yield* call(`/projects/shop/components?at=${at}`)
          assert.strictEqual(none.status, 404, `${at}: ${none.text}`)
        }
        assert.strictEqual((yield* call(`/projects/shop/components?at=${"0".repeat(40)}`)).status, 404)
        for (const at of ["", "%00", "x".repeat(201)])
          assert.strictEqual((yield* call(`/projects/shop/components?at=${at}`)).status, 400)
        assert.strictEqual((yield* call("/projects/nothing/components")).status, 404)
      })
    )
)
