/** The files of the schema: their order, their releases, and what may not change after one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as Releases from "../src/Releases.ts"
import * as SqlFiles from "../src/SqlFiles.ts"

const release = (version: string, tables: Record<string, string>, functions: Record<string, string>) => ({
  version,
  tables,
  functions
})
const released = release("1.0.0", { "0001_a": "x", "0003_c": "y" }, { "queue/claim": "(p_n int) RETURNS text" })

describe("SQL files", () => {
  it.effect("nothing that was released has changed", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(Releases.problemsOf(yield* Releases.all, yield* Releases.asRelease("the next")), [])
    })
  )

  it.effect("every function comes after those it calls", () =>
    Effect.gen(function* () {
      const files = yield* SqlFiles.list
      const { functions } = files
      const names = functions.map((file) => file.name)
      assert.isAtLeast(names.length, 20)
      for (const [i, file] of functions.entries()) {
        const sql = yield* SqlFiles.read(files, file)
        for (const later of names.slice(i + 1))
          assert.notInclude(sql, `${SqlFiles.functionOf(later)}(`, `${file.name} calls ${later}`)
      }
    })
  )

  it("callees come first, else by name, and a circle is refused", () => {
    const call = (...names: ReadonlyArray<string>) => names.map((name) => `${SqlFiles.functionOf(name)}()`).join(" ")
    assert.deepStrictEqual(
      SqlFiles.inOrder(
        new Map([
          ["q/a", call("q/c", "q/b")],
          ["q/b", call("q/d")],
          ["q/c", call("q/c")],
          ["q/d", ""]
        ])
      ),
      ["q/d", "q/b", "q/c", "q/a"]
    )
    assert.throws(
      () =>
        SqlFiles.inOrder(
          new Map([
            ["q/a", call("q/b")],
            ["q/b", call("q/a")]
          ])
        ),
      /in a circle: q\/a, q\/b, q\/a/
    )
  })

  it("what was released may not change, and what may is let through", () => {
    const now = (change: Partial<Releases.Release>) => Releases.problemsOf([released], { ...released, ...change })
    assert.deepStrictEqual(now({}), [])
    assert.deepStrictEqual(now({ tables: { ...released.tables, "0004_d": "z" } }), [])
    assert.deepStrictEqual(now({ functions: { ...released.functions, "queue/claim_2": "() RETURNS int" } }), [])
    assert.deepStrictEqual(Releases.problemsOf([], released), [])
    for (const [change, said] of [
      [
        { tables: { ...released.tables, "0001_a": "other" } },
        /0001_a\.sql was released with 1\.0\.0 and must not change/
      ],
      [{ tables: { "0003_c": "y" } }, /0001_a\.sql was released with 1\.0\.0 and must not change/],
      [{ tables: { ...released.tables, "0002_b": "z" } }, /0002_b\.sql comes before 0003_c, which was released/],
      [{ functions: {} }, /claim\.sql was released with 1\.0\.0: workers of that version call it, so it stays/],
      [{ functions: { "queue/claim": "(p_n int) RETURNS int" } }, /claim\.sql .*give the new one another name/]
    ] as const) {
      const problems = now(change)
      assert.strictEqual(problems.length, 1, String(said))
      assert.match(problems[0] ?? "", said)
    }
  })

  it.effect("a text that is not the one listed is refused", () =>
    Effect.gen(function* () {
      const files = yield* SqlFiles.list
      const [first] = files.functions
      if (first === undefined) return assert.fail("there are no functions")
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(SqlFiles.read(files, first))))
      const error = yield* Effect.flip(SqlFiles.read(files, { ...first, checksum: "another" }))
      assert.match(error.message, /is not the one that this version was built with/)
    })
  )
})
