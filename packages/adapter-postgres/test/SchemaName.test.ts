/** Names of schemas, and our SQL in another than `rdev`. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import { layerPostgres } from "../src/engine/Database.ts"
import * as SchemaName from "../src/engine/SchemaName.ts"
import * as SqlFiles from "../src/SqlFiles.ts"

const good = ["rdev", "a", "_", "MyApp", "My-App", "select", "rdev_queue", "a--b", "x".repeat(53)]
const bad = [
  "",
  " ",
  "1a",
  "-a",
  "a b",
  "a.b",
  "a%s",
  "a$$b",
  "a'b",
  'a"b',
  '"rdev"',
  'rdev"; DROP SCHEMA public CASCADE; --',
  "rdev;",
  "rdev\n",
  "\n",
  "a\0b",
  "a\\b",
  "größe",
  "ｒdev",
  "$1",
  "$&",
  "x".repeat(54),
  "public",
  "Public",
  "pg_catalog",
  "pg_temp_1",
  "PG_toast",
  "information_schema"
]

describe("schema names", () => {
  it("are taken as they are written, or refused with what to write", () => {
    for (const name of good) {
      assert.isNull(SchemaName.problemOf(name), name)
      assert.isAtMost(SchemaName.channel(name, "event_log").length, 63)
    }
    for (const name of bad)
      assert.deepInclude(SchemaName.problemOf(name)?.reason, { _tag: "Invalid", field: "RDEV_DATABASE_SCHEMA" }, name)
  })

  it("of any text: what is accepted holds no character that SQL could read as anything else", () => {
    const name = fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[A-Za-z_'"$%.;-]{1,9}$/))
    fc.assert(
      fc.property(name, (text) => {
        if (SchemaName.problemOf(text) !== null) return
        assert.match(text, /^[A-Za-z0-9_-]{1,53}$(?!\n)/)
      }),
      { numRuns: 300 }
    )
  })

  it.effect("a bad one is refused before anything is connected to", () =>
    Effect.gen(function* () {
      for (const schema of bad) {
        const url = "postgresql://nobody@127.0.0.1:1/nowhere"
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layerPostgres({ url, schema }))))
        assert.deepInclude(error.reason, { _tag: "Invalid", field: "RDEV_DATABASE_SCHEMA" }, schema)
      }
    })
  )

  it.effect("no file of ours names rdev's schema where another is meant", () =>
    Effect.gen(function* () {
      const files = yield* SqlFiles.list
      const render = SchemaName.render("Else-where")
      let marks = 0
      for (const file of [...files.tables, ...files.functions]) {
        const sql = (yield* SqlFiles.read(files, file))
          .replaceAll(/--.*$/gm, "")
          .replaceAll("pg_logical_emit_message(true, 'rdev', '')", "")
        const rendered = render(sql)
        assert.notMatch(rendered, /rdev/, file.name)
        marks += rendered.split('"Else-where".').length - 1
      }
      assert.isAbove(marks, 200)
      assert.strictEqual(
        render(
          "SELECT pg_notify('rdev_queue', 'work') FROM rdev.queue_ready; EXECUTE format('DROP TABLE rdev.%I', to_regclass('rdev.' || x))"
        ),
        `SELECT pg_notify('Else-where_queue', 'work') FROM "Else-where".queue_ready; EXECUTE format('DROP TABLE "Else-where".%I', to_regclass('"Else-where".' || x))`
      )
      for (const untouched of [
        "SELECT 'rdev', 'rdev_queued', xrdev.y, rdev.\"q\", \"rdev_queue\"",
        'LISTEN "rdev_queue"'
      ])
        assert.strictEqual(render(untouched), untouched)
      assert.strictEqual(SchemaName.render("rdev")("SELECT FROM rdev.project"), "SELECT FROM rdev.project")
    })
  )
})
