/** Bytes of a command are kept as they came, in whatever pieces, but for secrets. */
import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import * as MemoryOutputStore from "@rdev/core/memory/stores/OutputStore"
import * as OutputStore from "@rdev/core/ports/stores/OutputStore"
import * as Redactor from "@rdev/core/redaction/Redactor"
import { Effect } from "effect"
import * as fc from "fast-check"
import * as ExactOutput from "../src/output/ExactOutput.ts"

type Piece = readonly ["stdout" | "stderr", Uint8Array]
const through = (redactor: Redactor.Redactor, pieces: ReadonlyArray<Piece>, again: Redactor.Redactor = redactor) => {
  const masked = new ExactOutput.Masked(redactor)
  const parts = pieces
    .flatMap(([stream, bytes]) => {
      masked.use(again)
      return masked.push(stream, bytes)
    })
    .concat(masked.end())
  return (name: "stdout" | "stderr") =>
    Buffer.concat(parts.filter(({ stream }) => stream === name).map(({ bytes }) => bytes))
}
const pieces = fc.array(
  fc.tuple(fc.constantFrom("stdout" as const, "stderr" as const), fc.uint8Array({ maxLength: 300 })),
  { maxLength: 30 }
)
/** Bytes that escapes, encodings and wrapped text are made of. */
const suspicious = fc
  .array(
    fc.constantFrom(
      ...[..."%\\&#x;u0041=+/-_ \t\r\n\u001b[0m\b"].map((c) => c.charCodeAt(0)),
      0,
      0x7f,
      0x80,
      0xc2,
      0xc3,
      0xe2,
      0xed,
      0xf0,
      0xff
    ),
    { maxLength: 300 }
  )
  .map((bytes) => Uint8Array.from(bytes))
const secret = "hunter2-Correct/Horse+Battery"

describe("exact output", () => {
  it("changes no byte where there is no secret", () => {
    for (const redactor of [Redactor.none, Redactor.make([secret, "postgres://shop:s3cr3t-pass@db/shop"])]) {
      fc.assert(
        fc.property(pieces, suspicious, (some, more) => {
          const all: ReadonlyArray<Piece> = [...some, ["stdout", more], ["stderr", more.slice(0, 7)]]
          const found = through(redactor, all)
          for (const name of ["stdout", "stderr"] as const)
            assert.isTrue(
              found(name).equals(Buffer.concat(all.filter(([stream]) => stream === name).map(([, bytes]) => bytes)))
            )
        }),
        { numRuns: 300 }
      )
    }
  })

  it("never lets a secret through, wherever it is cut", () => {
    const redactor = Redactor.make([secret])
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        fc.uint8Array({ maxLength: 100 }),
        fc.array(fc.nat(250), { maxLength: 6 }),
        fc.constantFrom(
          secret,
          Buffer.from(secret).toString("base64"),
          Buffer.from(secret).toString("hex"),
          encodeURIComponent(secret),
          [...Buffer.from(secret)].map((byte) => `%${byte.toString(16)}`).join("")
        ),
        (before, after, cuts, form) => {
          // What could be part of an encoded form, right beside it, makes another text of it.
          const all = Buffer.concat([before, Buffer.of(0), Buffer.from(form), Buffer.of(0), after])
          const at = [0, ...cuts.filter((cut) => cut < all.byteLength).sort((a, b) => a - b), all.byteLength]
          const found = through(
            redactor,
            at.slice(1).map((to, i): Piece => ["stdout", all.subarray(at[i], to)])
          )("stdout")
          assert.isFalse(found.includes(form))
          assert.isTrue(found.includes("***"))
          assert.isTrue(found.subarray(0, before.byteLength).equals(before))
          assert.isTrue(found.subarray(found.byteLength - after.byteLength).equals(after))
        }
      ),
      { numRuns: 300 }
    )
  })

  it("masks what becomes known while it runs", () => {
    const found = through(
      Redactor.none,
      [
        ["stdout", Buffer.from(`\u0000\u0001 ${secret.slice(0, 9)}`)],
        ["stdout", Buffer.from(`${secret.slice(9)} \u00ff`)]
      ],
      Redactor.make([secret])
    )("stdout")
    assert.deepStrictEqual(found, Buffer.from("\u0000\u0001 *** \u00ff"))
  })

  it.effect("says once that a store cannot take it, and goes on", () =>
    Effect.gen(function* () {
      const run = { projectId: yield* NewId.make("proj"), execId: yield* NewId.make("exec") }
      yield* (yield* OutputStore.OutputStore).remove(run.projectId)
      const told: Array<string> = []
      const exact = yield* ExactOutput.make(run, Redactor.none, (error) =>
        Effect.sync(() => {
          told.push(error.reason._tag)
        })
      )
      yield* exact.push("stdout", Buffer.from("one"))
      yield* exact.push("stdout", Buffer.from("two"))
      yield* exact.end({ code: 0, signal: null, reason: "exited" })
      assert.deepStrictEqual(told, ["NotFound"])
    }).pipe(Effect.provide(MemoryOutputStore.layer))
  )
})
