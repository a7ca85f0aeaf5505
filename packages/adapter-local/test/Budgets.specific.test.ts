/** What a command may use, and how it is told that it used more. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Effect, Layer, Stream } from "effect"
import * as fc from "fast-check"
import { join } from "node:path"
import { places } from "../src/sandbox/Cgroups.ts"
import * as Disk from "../src/sandbox/Disk.ts"
import * as Sandbox from "../src/sandbox/Sandbox.ts"
import { mayBeOver, over } from "../src/sandbox/SandboxWatch.ts"
import { make as temporaryFolder } from "./TemporaryFolder.ts"

describe("places of control groups", () => {
  const old = [
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw",
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw"
  ].join("\n")

  it("finds this process in each tree", () => {
    assert.deepStrictEqual(places(old, "4:memory:/a/b\n2:cpu,cpuacct:/\n0::/user.slice\n"), [
      { version: 1, controllers: ["cpu", "cpuacct"], folder: "/sys/fs/cgroup/cpu,cpuacct" },
      { version: 1, controllers: ["memory"], folder: "/sys/fs/cgroup/memory/a/b" },
      { version: 2, controllers: [], folder: "/sys/fs/cgroup/uni fied/user.slice" }
    ])
  })

  it("leaves out trees that show only what is beside it, and those it is not in", () => {
    const inContainer = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
    assert.deepStrictEqual(places(inContainer, "4:memory:/docker/abc/x"), [
      { version: 1, controllers: ["memory"], folder: "/sys/fs/cgroup/memory/x" }
    ])
    assert.deepStrictEqual(places(inContainer, "4:memory:/docker/abcd"), [])
    assert.deepStrictEqual(places(inContainer, "4:pids:/"), [])
    assert.deepStrictEqual(places("", ""), [])
  })
})

describe("room on the disk", () => {
  const gibibyte = 1024 ** 3
  const of = (freeBytes: number, freeFiles = 1_000_000) =>
    Disk.judge({ freeBytes, totalBytes: 100 * gibibyte, freeFiles, totalFiles: 1_000_000 }, gibibyte)

  it("says that it is low before commands are refused, and that before it is full", () => {
    assert.deepStrictEqual(
      [3, 1.9, 0.9, 0.2].map((n) => of(n * gibibyte).state),
      ["ok", "low", "reserved", "full"]
    )
    assert.deepStrictEqual(
      [500_000, 19_000, 9_000, 2_000].map((n) => of(50 * gibibyte, n).state),
      ["ok", "low", "reserved", "full"]
    )
    assert.strictEqual(
      Disk.judge({ freeBytes: 50 * gibibyte, totalBytes: 100 * gibibyte, freeFiles: 0, totalFiles: 0 }, gibibyte).state,
      "ok",
      "a file system that counts no files"
    )
    for (const state of ["low", "reserved", "full"] as const) {
      const text = Disk.describe({ ...of(gibibyte), state })
      assert.match(text, new RegExp(`^${state}: .*GiB of 100\\.0 GiB.*(?:Free|Remove)`))
    }
    assert.deepStrictEqual(
      (["ok", "low", "reserved", "full"] as const).map((state) => Disk.mayWrite({ ...of(0), state })),
      [true, true, false, false]
    )
  })

  it("never gets better with less", () => {
    const order = ["full", "reserved", "low", "ok"]
    fc.assert(
      fc.property(fc.nat({ max: 200 }), fc.nat({ max: 200 }), (a, b) => {
        const [less, more] = [Math.min(a, b), Math.max(a, b)].map((n) =>
          order.indexOf(of((n / 50) * gibibyte).state)
        ) as [number, number]
        return less <= more
      })
    )
  })

  it("keeps a reserve that fits the disk", () => {
    assert.strictEqual(Disk.defaultReserve(1000 * gibibyte), gibibyte)
    assert.strictEqual(Disk.defaultReserve(10 * gibibyte), gibibyte / 2)
    assert.strictEqual(Disk.defaultReserve(0), 64 * 1024 ** 2)
  })
})

describe("whether a folder can be over its quota", () => {
  it("counts again exactly when the disk has lost what was left, or the count is old", () => {
    const room = (freeBytes: number) => Disk.judge({ freeBytes, totalBytes: 1e12, freeFiles: 1e6, totalFiles: 1e6 }, 0)
    const quota = { paths: ["/x"], bytes: 1000, files: 10, what: "x" }
    const count = { bytes: 400, files: 1, atMillis: 0, tookMillis: 1, freeBytes: 10_000, freeFiles: 1e6 }
    assert.isTrue(mayBeOver(undefined, quota, room(0), 0))
    fc.assert(
      fc.property(fc.nat({ max: 10_000 }), (free) => mayBeOver(count, quota, room(free), 1) === 10_000 - free > 600)
    )
    assert.isFalse(mayBeOver(count, quota, room(10_000), 10_000))
    assert.isTrue(mayBeOver(count, quota, room(10_000), 10_001))
    assert.isFalse(mayBeOver({ ...count, tookMillis: 1000 }, quota, room(10_000), 15_000))
    assert.isTrue(mayBeOver({ ...count, freeFiles: 1e6 + 10 }, quota, room(10_000), 1))
    assert.include(over({ bytes: 1001 + 65_536, files: 0 }, quota) ?? "", "x holds")
    assert.include(over({ bytes: 0, files: 11 }, quota) ?? "", "11 files")
    assert.isNull(over({ bytes: 1000 + 65_536, files: 10 }, quota))
  })
})

class Place extends Context.Service<Place, { readonly dataDir: string }>()("test/Place") {}
const machine = Layer.unwrap(
  Effect.map(temporaryFolder, (dataDir) =>
    Layer.merge(
      Layer.succeed(Place, { dataDir }),
      Sandbox.layer({ dataDir, unsafeHost: true, budget: { memoryBytes: 600_000_000, processes: 200 } })
    )
  )
)

const run = Effect.fnUntraced(function* (name: string, script: string, more: Partial<Sandbox.Run> = {}) {
  const { dataDir } = yield* Place
  const sandbox = yield* Sandbox.Sandbox
  const folders = { files: join(dataDir, name, "files"), home: join(dataDir, name, "home"), filesReadOnly: false }
  yield* sandbox.ownFolder(folders.files)
  yield* sandbox.ownFolder(folders.home)
  const quota = { paths: [folders.files, folders.home], bytes: 60_000_000, files: 2_000, what: `workspace ${name}` }
  const process = yield* sandbox.start({
    folders,
    argv: ["sh", "-c", script],
    cwd: sandbox.inside(folders).workDir,
    env: {},
    network: "none",
    account: name,
    quotas: [quota],
    timeoutMillis: 60_000,
    ...more
  })
  const chunks = yield* Stream.runCollect(process.output)
  return { exit: yield* process.exit, text: Buffer.concat(chunks.map((chunk) => chunk.data)).toString("utf8") }
}, Effect.scoped)

layer(Layer.orDie(machine), { excludeTestServices: true })("Budgets: what a command writes", (it) => {
  for (const [name, script] of [
    ["one big file", "head -c 3000000000 /dev/zero > big; sleep 60"],
    ["many files", "i=0; while :; do : > f$i; i=$((i+1)); done"],
    ["many folders", "i=0; while mkdir d$i; do i=$((i+1)); done; sleep 60"],
    ["a deleted file that is open", "exec 5>gone; rm gone; head -c 200000000 /dev/zero >&5; sleep 60"],
    ["its home", "head -c 200000000 /dev/zero > ~/big; sleep 60"],
    ["blocks reserved without writing", "fallocate -l 300M big || head -c 300000000 /dev/zero > big; sleep 60"]
  ] as const) {
    it.effect(
      `ends ${name} with the reason and the limit`,
      () =>
        Effect.gen(function* () {
          const { exit } = yield* run(name.replaceAll(" ", "-"), script)
          assert.strictEqual(exit.reason, "disk")
          assert.match(exit.detail ?? "", /holds .*(?:57 MiB|2000)/)
        }),
      60_000
    )
  }

  it.effect(
    "does not take a sparse file for what it is not, refuses the next start only until something was removed",
    () =>
      Effect.gen(function* () {
        assert.deepInclude((yield* run("sparse", "truncate -s 2G sparse && sleep 1")).exit, { code: 0 })
        yield* run("again", "head -c 200000000 /dev/zero > big; sleep 60")
        const refused = yield* Effect.flip(run("again", "true"))
        assert.deepInclude(refused.reason, { _tag: "ResourceExhausted" })
        assert.include(refused.message, "rm")
        assert.strictEqual((yield* run("again", "", { argv: ["rm", "big"] })).exit.code, 0)
        assert.strictEqual((yield* run("again", "true")).exit.code, 0)
      }),
    60_000
  )

  it.effect(
    "lets rm through to its end, and no other program by that name",
    () =>
      Effect.gen(function* () {
        const made = yield* run(
          "slow",
          "mkdir -p bin d && printf '#!/bin/sh\\necho other\\n' >bin/rm && chmod 755 bin/rm; perl -e 'for (1..30000) { open(F, \">\", \"d/f$_\") }'; sleep 30"
        )
        assert.strictEqual(made.exit.reason, "disk")
        const { dataDir } = yield* Place
        const work = (yield* Sandbox.Sandbox).inside({
          files: join(dataDir, "slow", "files"),
          home: join(dataDir, "slow", "home"),
          filesReadOnly: false
        }).workDir
        const other = yield* run("slow", "", {
          argv: ["rm", "--version"],
          env: { PATH: join(work, "bin"), LD_PRELOAD: join(work, "none.so") }
        })
        assert.match(other.text, /^rm \(/)
        const renamed = yield* Effect.flip(run("slow", "", { argv: [join(work, "bin", "rm")] }))
        assert.deepInclude(renamed.reason, { _tag: "ResourceExhausted" })
        const removed = yield* run("slow", "", { argv: ["rm", "-r", "d"] })
        assert.deepInclude(removed.exit, { code: 0, reason: "exited" })
      }),
    60_000
  )
})

layer(Layer.orDie(machine), { excludeTestServices: true })("Budgets: memory and processes", (it) => {
  const memoryBytes = 200_000_000
  const limits = { memoryBytes }
  for (const [name, script] of [
    ["many processes", "for i in 1 2 3 4 5; do perl -e '$x = \"a\" x 7e7; sleep 2' & done; wait; exit 1"],
    [
      "shared memory",
      "for i in 1 2 3; do head -c 90000000 /dev/zero > /dev/shm/x$i || exit 1; done; for i in 1 2 3; do head -c 90000000 /dev/zero > /tmp/x$i || exit 1; done; sleep 20; exit 1"
    ]
  ] as const) {
    it.effect(
      `ends ${name} that use more together`,
      () =>
        Effect.gen(function* () {
          const { isolation } = yield* Sandbox.Sandbox
          if (isolation === "none (unsafe)" && name === "shared memory") return
          const { exit } = yield* run(name.replaceAll(" ", "-"), script, { limits })
          assert.isNotNull(
            exit.reason === "oom" ? (exit.detail ?? null) : exit.code === 1 ? "a file system of its own size" : null,
            JSON.stringify(exit)
          )
          if (name === "many processes") assert.match(exit.detail ?? "", /191 MiB/)
        }),
      60_000
    )
  }

  it.effect(
    "leaves others alone while one forks without end",
    () =>
      Effect.gen(function* () {
        const bomb = yield* Effect.forkChild(run("bomb", "bomb() { bomb | bomb & }; bomb; sleep 3; exit 7"), {
          startImmediately: true
        })
        yield* Effect.sleep(500)
        for (let i = 0; i < 3; i++)
          assert.strictEqual((yield* run("other", "echo there | cat | grep -c there")).text.trim(), "1")
        bomb.interruptUnsafe()
      }),
    60_000
  )
})
