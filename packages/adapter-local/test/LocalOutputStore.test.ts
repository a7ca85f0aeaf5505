import { assert, layer } from "@effect/vitest"
import { suite } from "@rdev/conformance/stores/OutputStoreSuite"
import * as NewId from "@rdev/core/ids/NewId"
import { OutputStore } from "@rdev/core/ports/stores/OutputStore"
import { Effect, Layer } from "effect"
import { appendFile, readdir, readFile, stat, truncate } from "node:fs/promises"
import { join } from "node:path"
import * as LocalOutputStore from "../src/output/LocalOutputStore.ts"
import { make as temporaryFolder, withFolder } from "./TemporaryFolder.ts"

suite(
  "local",
  withFolder((dataDir) => LocalOutputStore.layer({ dataDir, maxBytes: 4 << 20 })),
  { maxBytes: 4 << 20 }
)

const reading = { view: "both", offset: 0, limit: 1 << 20 } as const

layer(Layer.empty, { excludeTestServices: true })("LocalOutputStore", (it) => {
  it.effect("cuts off what a crash left unfinished, wherever it happened, and goes on behind it", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const run = { projectId: yield* NewId.make("proj"), execId: yield* NewId.make("exec") }
        const folder = join(dataDir, "output", run.projectId, run.execId)
        const inStore = <A, E>(use: (store: OutputStore["Service"]) => Effect.Effect<A, E>) =>
          Effect.flatMap(OutputStore, use).pipe(Effect.provide(LocalOutputStore.layer({ dataDir })))
        yield* inStore((store) => store.append(run, [{ stream: "stdout", bytes: Buffer.from("whole") }]))
        const [name = ""] = yield* Effect.promise(() => readdir(folder))
        const file = join(folder, name)
        assert.strictEqual((yield* Effect.promise(() => stat(file))).mode & 0o777, 0o600)
        const whole = (yield* Effect.promise(() => stat(file))).size
        yield* inStore((store) => store.append(run, [{ stream: "stderr", bytes: Buffer.from("torn apart") }]))
        const full = yield* Effect.promise(() => readFile(file))
        const leftovers = [
          ...Array.from({ length: full.byteLength - whole }, (_, i) => full.subarray(whole, whole + i)),
          Buffer.alloc(5_000),
          Buffer.alloc(100, 0xff),
          Buffer.concat([full.subarray(whole, -1), Buffer.of(0)])
        ]
        for (const [i, leftover] of leftovers.entries()) {
          yield* Effect.promise(() => truncate(file, whole))
          yield* Effect.promise(() => appendFile(file, leftover))
          assert.strictEqual(
            Buffer.from((yield* inStore((store) => store.read(run, reading))).bytes).toString(),
            "whole",
            `leftover ${i}`
          )
          const after = yield* inStore((store) =>
            Effect.andThen(store.append(run, [{ stream: "stdout", bytes: Buffer.from("+") }]), store.read(run, reading))
          )
          assert.deepStrictEqual([Buffer.from(after.bytes).toString(), after.size], ["whole+", 6], `leftover ${i}`)
        }
      })
    )
  )

  it.effect("reads what another process appends, and keeps the newest runs of a project within its bound", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const bounded = LocalOutputStore.layer({ dataDir, maxProjectBytes: 250_000, maxRuns: 3 })
        const [one, two] = [yield* Layer.build(bounded), yield* Layer.build(Layer.fresh(bounded))]
        const inFirst = <A, E>(effect: Effect.Effect<A, E, OutputStore>) => Effect.provideContext(effect, one)
        const inSecond = <A, E>(effect: Effect.Effect<A, E, OutputStore>) => Effect.provideContext(effect, two)
        const projectId = yield* NewId.make("proj")
        const runs = yield* Effect.all(
          Array.from({ length: 5 }, () => Effect.map(NewId.make("exec"), (execId) => ({ projectId, execId })))
        )
        const store = OutputStore
        for (const run of runs) {
          yield* inFirst(
            Effect.flatMap(store, (it) => it.append(run, [{ stream: "stdout", bytes: Buffer.alloc(100_000, 1) }]))
          )
          assert.strictEqual((yield* inSecond(Effect.flatMap(store, (it) => it.read(run, reading)))).size, 100_000)
          yield* inFirst(Effect.flatMap(store, (it) => it.end(run, { code: 0, signal: null, reason: "exited" })))
        }
        assert.deepStrictEqual(
          (yield* Effect.promise(() => readdir(join(dataDir, "output", projectId)))).sort(),
          runs.slice(3).map(({ execId }) => execId)
        )
      })
    )
  )

  it.effect("keeps 50 MB as they are", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const run = { projectId: yield* NewId.make("proj"), execId: yield* NewId.make("exec") }
        const store = yield* Effect.provideContext(OutputStore, yield* Layer.build(LocalOutputStore.layer({ dataDir })))
        const chunk = Buffer.from(Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31) ^ (i >> 8)))
        for (let i = 0; i < 800; i++) yield* store.append(run, [{ stream: "stdout", bytes: chunk }])
        let offset = 0
        while (offset < 800 * 65_536) {
          const page = yield* store.read(run, { view: "stdout", offset, limit: 4 << 20 })
          assert.strictEqual(page.offset, offset)
          for (let i = 0; i < page.bytes.byteLength; i += 65_536)
            assert.isTrue(chunk.equals(page.bytes.subarray(i, i + 65_536)), `at ${offset + i}`)
          offset = page.next
        }
        assert.deepStrictEqual((yield* store.size(run)).dropped, { stdout: 0, stderr: 0 })
      })
    )
  )
})
