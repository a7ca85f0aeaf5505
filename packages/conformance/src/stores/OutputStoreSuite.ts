/** What every store of output must do: bytes as they were given, in their order, from any offset, within the bound. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import type { OutputStream, OutputView } from "@rdev/core/domain/OutputFrames"
import {
  type OutputEnd,
  type OutputPart,
  type OutputRun,
  OutputStore,
  type OutputStoreError
} from "@rdev/core/ports/stores/OutputStore"
import { Effect, Layer } from "effect"
import { createHash } from "node:crypto"

export interface Capabilities {
  /** Bytes of one run that the layer under test keeps; at least 1 MiB. The suite writes three times as much. */
  readonly maxBytes: number
}

const fresh = Effect.map(Effect.all([NewId.make("proj"), NewId.make("exec")]), ([projectId, execId]): OutputRun => ({
  projectId,
  execId
}))
const part = (stream: OutputStream, bytes: Uint8Array | string): OutputPart => ({
  stream,
  bytes: Buffer.from(bytes as string)
})
const ended: OutputEnd = { code: 0, signal: null, reason: "exited" }
const views = ["stdout", "stderr", "both"] as const

const reasonOf = <A>(effect: Effect.Effect<A, OutputStoreError>) =>
  Effect.match(effect, { onFailure: ({ reason }): string => reason._tag, onSuccess: () => "succeeded" })

/** The same bytes for the same seed. */
const noise = (seed: string, bytes: number): Buffer => {
  const blocks = Array.from({ length: Math.ceil(bytes / 32) }, (_, i) =>
    createHash("sha256").update(`${seed}/${i}`).digest()
  )
  return Buffer.concat(blocks).subarray(0, bytes)
}
const joined = (parts: ReadonlyArray<OutputPart>, view: OutputView) =>
  Buffer.concat(parts.filter(({ stream }) => view === "both" || stream === view).map(({ bytes }) => bytes))
const same = (found: Uint8Array, expected: Uint8Array, what: string) =>
  assert.isTrue(
    Buffer.compare(found, expected) === 0,
    `${what}: ${found.byteLength} bytes instead of ${expected.byteLength}, or others`
  )

/** From an offset to the end of what came; pages of `limit`. */
const all = Effect.fnUntraced(function* (run: OutputRun, view: OutputView, limit: number, from = 0) {
  const store = yield* OutputStore
  const parts: Array<Uint8Array> = []
  let offset = from
  for (;;) {
    const page = yield* store.read(run, { view, offset, limit })
    parts.push(page.bytes)
    assert.isAtMost(page.bytes.byteLength, limit)
    assert.strictEqual(page.next, page.offset + page.bytes.byteLength)
    if (page.next >= page.size) return Buffer.concat(parts)
    assert.isAbove(page.next, offset)
    offset = page.next
  }
})

const awkward: ReadonlyArray<OutputPart> = [
  part(
    "stdout",
    Uint8Array.from({ length: 256 }, (_, i) => i)
  ),
  part("stderr", Uint8Array.of(0, 0, 0)),
  part("stdout", ""),
  part("stdout", Uint8Array.of(0xc3)),
  part("stderr", "\r\n\u001b[31m"),
  part("stdout", Uint8Array.of(0xa4, 0xff, 0xfe, 0xed, 0xa0, 0x80)),
  part("stderr", Uint8Array.of(0xf8, 0x88)),
  part("stdout", "\b\u0007\u009b \u{1f600}"),
  part("stdout", noise("awkward", 70_001)),
  part("stderr", "end")
]

export const suite = (name: string, layer: Layer.Layer<OutputStore, unknown>, capabilities: Capabilities): void => {
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`OutputStore: ${name}`, (it) => {
    it.effect("keeps any bytes of either stream, and the order of both", () =>
      Effect.gen(function* () {
        const store = yield* OutputStore
        const run = yield* fresh
        yield* store.append(run, awkward.slice(0, 4))
        for (const one of awkward.slice(4)) yield* store.append(run, [one])
        for (const view of views) {
          const expected = joined(awkward, view)
          for (const limit of [1_000, 65_536, 200_000])
            same(yield* all(run, view, limit), expected, `${view} by ${limit}`)
          for (const from of [
            0,
            1,
            255,
            256,
            257,
            65_535,
            65_536,
            65_537,
            expected.byteLength - 1,
            expected.byteLength
          ].filter((one) => one <= expected.byteLength))
            same(yield* all(run, view, 40_000, from), expected.subarray(from), `${view} from ${from}`)
        }
        const { came, dropped, end } = yield* store.size(run)
        assert.deepStrictEqual(
          [came, dropped, end],
          [
            { stdout: joined(awkward, "stdout").byteLength, stderr: joined(awkward, "stderr").byteLength },
            { stdout: 0, stderr: 0 },
            null
          ]
        )
      })
    )

    it.effect("says when nothing more comes, and refuses what comes then", () =>
      Effect.gen(function* () {
        const store = yield* OutputStore
        const run = yield* fresh
        yield* store.append(run, [part("stdout", "x")])
        assert.isNull((yield* store.read(run, { view: "both", offset: 1, limit: 10 })).end)
        yield* store.end(run, ended)
        yield* store.end(run, { ...ended, code: 1 })
        const page = yield* store.read(run, { view: "both", offset: 0, limit: 10 })
        assert.deepStrictEqual([page.size, page.next, page.end], [1, 1, ended])
        assert.strictEqual(yield* reasonOf(store.append(run, [part("stdout", "y")])), "Conflict")
        const silent = yield* fresh
        yield* store.end(silent, { code: null, signal: "SIGKILL", reason: "killed" })
        assert.deepInclude(yield* store.read(silent, { view: "both", offset: 0, limit: 10 }), {
          offset: 0,
          next: 0,
          size: 0,
          dropped: 0,
          end: { code: null, signal: "SIGKILL", reason: "killed" }
        })
      })
    )

    it.effect("refuses offsets beyond the end, and knows no other runs", () =>
      Effect.gen(function* () {
        const store = yield* OutputStore
        const run = yield* fresh
        yield* store.append(run, [part("stdout", "xy"), part("stderr", "z")])
        assert.strictEqual(yield* reasonOf(store.read(run, { view: "stdout", offset: 3, limit: 1 })), "Invalid")
        assert.strictEqual(yield* reasonOf(store.read(run, { view: "both", offset: 4, limit: 1 })), "Invalid")
        const other = yield* fresh
        for (const unknown of [other, { ...run, projectId: other.projectId }, { ...run, execId: other.execId }]) {
          assert.strictEqual(yield* reasonOf(store.read(unknown, { view: "both", offset: 0, limit: 1 })), "NotFound")
          assert.strictEqual(yield* reasonOf(store.size(unknown)), "NotFound")
        }
      })
    )

    it.effect("keeps the beginning and the end of what is too much, and says how much is missing", () =>
      Effect.gen(function* () {
        const store = yield* OutputStore
        const run = yield* fresh
        const size = capabilities.maxBytes * 3
        const content = noise("much", 1 << 20)
        const parts = Array.from({ length: Math.ceil(size / 50_000) }, (_, i) =>
          part(
            i % 4 === 3 ? "stderr" : "stdout",
            content.subarray((i * 7_919) % 900_000, ((i * 7_919) % 900_000) + 50_000)
          )
        )
        for (const one of parts) yield* store.append(run, [one])
        yield* store.end(run, ended)
        for (const view of views) {
          const expected = joined(parts, view)
          const found: Array<Uint8Array> = []
          let [offset, missing, holes] = [0, 0, 0]
          for (;;) {
            const page = yield* store.read(run, { view, offset, limit: 1 << 20 })
            assert.strictEqual(page.size, expected.byteLength)
            same(page.bytes, expected.subarray(page.offset, page.next), `${view} at ${page.offset}`)
            missing += page.offset - offset
            if (page.offset !== offset) holes++
            found.push(page.bytes)
            offset = page.next
            if (offset >= page.size) {
              assert.deepStrictEqual([page.dropped, holes], [missing, 1])
              break
            }
          }
          const kept = found.reduce((sum, { byteLength }) => sum + byteLength, 0)
          assert.strictEqual(kept + missing, expected.byteLength)
          if (view === "both") {
            assert.isAtMost(kept, capabilities.maxBytes * 1.1)
            assert.isAtLeast(kept, capabilities.maxBytes * 0.5)
          }
        }
      })
    )

    it.effect("is appended to and read at the same time", () =>
      Effect.gen(function* () {
        const store = yield* OutputStore
        const runs = yield* Effect.all(Array.from({ length: 8 }, () => fresh))
        const content = noise("concurrent", 300_000)
        yield* Effect.forEach(
          runs,
          (run, n) =>
            Effect.all(
              [
                Effect.gen(function* () {
                  for (let i = 0; i < content.byteLength; i += 3_001)
                    yield* store.append(run, [
                      { stream: i % 2 === n % 2 ? "stdout" : "stderr", bytes: content.subarray(i, i + 3_001) }
                    ])
                  yield* store.end(run, ended)
                }),
                Effect.gen(function* () {
                  let offset = 0
                  for (;;) {
                    const seen = yield* Effect.result(store.read(run, { view: "both", offset, limit: 10_000 }))
                    if (seen._tag === "Failure") assert.strictEqual(seen.failure.reason._tag, "NotFound")
                    else {
                      same(seen.success.bytes, content.subarray(offset, seen.success.next), `at ${offset}`)
                      offset = seen.success.next
                      if (seen.success.end !== null && offset === seen.success.size) break
                    }
                    yield* Effect.yieldNow
                  }
                  assert.strictEqual(offset, content.byteLength)
                })
              ],
              { concurrency: 2, discard: true }
            ),
          { concurrency: 8, discard: true }
        )
      })
    )

    it.effect("forgets a project, and what is old", () =>
      Effect.gen(function* () {
        const store = yield* OutputStore
        const [run, other] = [yield* fresh, yield* fresh]
        const old: OutputRun = { ...other, execId: Ids.ExecId.make(`exec_${"0".repeat(26)}`) }
        for (const one of [run, other, old]) yield* store.append(one, [part("stdout", "x")])
        yield* store.end(old, ended)
        yield* store.trim(1_000_000)
        assert.strictEqual(yield* reasonOf(store.size(old)), "NotFound")
        yield* store.remove(run.projectId)
        yield* store.remove(run.projectId)
        assert.strictEqual(yield* reasonOf(store.size(run)), "NotFound")
        assert.strictEqual(yield* reasonOf(store.append(run, [part("stdout", "x")])), "NotFound")
        assert.strictEqual((yield* store.size(other)).came.stdout, 1)
      })
    )
  })
}
