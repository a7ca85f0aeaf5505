/** Each way in which walls can be made stands by itself: the second loader, bubblewrap's own, none; the watch where no control group is; a disk that is really full. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { execFileSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { findProgram } from "@rdev/git/Git"
import * as Sandbox from "../src/sandbox/Sandbox.ts"
import { systemPath } from "../src/sandbox/SandboxScript.ts"
import * as Walls from "../src/sandbox/Walls.ts"

const mebibyte = 1024 ** 2
const isRoot = process.getuid?.() === 0
const here = (name: string) => findProgram(name, systemPath) !== null
/** Says why, and is true, when a way cannot be gone on this machine. */
const cannot = (...needs: ReadonlyArray<readonly [boolean, string]>): boolean => {
  const lacking = needs.filter(([there]) => !there).map(([, what]) => what)
  if (lacking.length > 0) console.log(`SandboxWays: not tried here, ${lacking.join(" and ")} missing`)
  return lacking.length > 0
}
const linux = [process.platform === "linux", "Linux is"] as const
const program = (name: string) => [here(name), `${name} is`] as const

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-ways-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
)
const start = Effect.fnUntraced(function* (
  sandbox: Sandbox.Sandbox["Service"],
  dataDir: string,
  argv: ReadonlyArray<string>,
  more: Partial<Sandbox.Run> = {}
) {
  const folders = { files: join(dataDir, "work", "files"), home: join(dataDir, "work", "home"), filesReadOnly: false }
  yield* sandbox.ownFolder(folders.files)
  yield* sandbox.ownFolder(folders.home)
  const process = yield* sandbox.start({
    folders,
    argv,
    cwd: sandbox.inside(folders).workDir,
    env: {},
    network: "none",
    timeoutMillis: 30_000,
    ...more
  })
  const chunks = yield* Stream.runCollect(process.output)
  return { exit: yield* process.exit, text: Buffer.concat(chunks.map((chunk) => chunk.data)).toString("utf8") }
}, Effect.scoped)

interface Way {
  readonly name: string
  readonly options: Partial<Sandbox.Options>
  readonly skip: () => boolean
  readonly filter: string | null
  readonly lastStep: string | null
  /** Walls that cannot stand this way. */
  readonly down: ReadonlyArray<string>
}
const ways: ReadonlyArray<Way> = [
  {
    name: "python3 as the last step",
    options: { loaders: ["python3"] },
    skip: () => cannot(linux, program("python3")),
    filter: "python3",
    lastStep: "python3",
    down: []
  },
  {
    name: "perl as the last step in bubblewrap",
    options: { isolations: ["bubblewrap"], loaders: ["perl"] },
    skip: () => cannot(linux, program("perl"), program("bwrap")),
    filter: "perl",
    lastStep: "perl",
    down: []
  },
  {
    name: "python3 as the last step in bubblewrap",
    options: { isolations: ["bubblewrap"], loaders: ["python3"] },
    skip: () => cannot(linux, program("python3"), program("bwrap")),
    filter: "python3",
    lastStep: "python3",
    down: []
  },
  {
    name: "a filter that bubblewrap loads",
    options: { isolations: ["bubblewrap"], loaders: [] },
    skip: () => cannot(linux, program("bwrap")),
    filter: "bubblewrap",
    lastStep: null,
    down: ["inheritance"]
  },
  {
    name: "the shell alone",
    options: { isolations: ["namespaces"], loaders: [] },
    skip: () => cannot(linux, program("unshare")),
    filter: null,
    lastStep: null,
    down: ["inheritance", "system calls"]
  }
]

describe.each(ways)("walls by $name", ({ down, filter, lastStep, name, options, skip }) => {
  it.live(
    "stand where they are said to",
    () =>
      Effect.gen(function* () {
        if (skip()) return
        const dataDir = yield* temporary
        const sandbox = yield* Sandbox.make({ dataDir, ...options })
        assert.deepStrictEqual(
          [sandbox.walls.filter, sandbox.walls.lastStep],
          [filter, lastStep],
          sandbox.rejected.join("; ")
        )
        const walls = yield* Walls.look(sandbox, dataDir)
        const fallen = walls.filter(({ stands }) => !stands).map((wall) => wall.name)
        // What depends on the machine's kernel and groups, and not on the way, is left out.
        const own = [
          "files",
          ...(lastStep === null ? [] : ["descriptors"]),
          "inheritance",
          "system calls",
          ...(filter === null ? [] : ["user namespaces", "io_uring"])
        ]
        assert.deepStrictEqual(
          fallen.filter((one) => own.includes(one)),
          down,
          `${name}: ${walls
            .filter(({ stands }) => !stands)
            .map((wall) => `${wall.name}: ${wall.detail}`)
            .join("; ")}`
        )
        const open = yield* start(sandbox, dataDir, ["ls", "-l", "/proc/self/fd"])
        // The folder that ls reads is its own. A shell cannot close what this process itself was started with; nothing stands there then.
        const above = [...open.text.matchAll(/ (\d+) -> (.*)$/gm)]
          .filter(([, number, target = ""]) => Number(number) > 2 && !target.startsWith("/proc/"))
          .map(([, , target]) => target)
        assert.deepStrictEqual(
          above.filter((target) => lastStep !== null || target !== "/dev/null"),
          [],
          open.text
        )
        // Words, variables and ends arrive as they are, whoever hands them on.
        const odd = "a 'b' \"c\" $d `e` \\ \n*é"
        const told = yield* start(
          sandbox,
          dataDir,
          ["sh", "-c", 'printf \'%s|\' "$@" "$V"; umask; exit 7', "sh", odd, ""],
          { env: { V: odd, PERL5OPT: "-Mnone", PYTHONHOME: "/none" } }
        )
        assert.deepStrictEqual([told.text, told.exit.code], [`${odd}||${odd}|0022\n`, 7])
        const script = yield* start(sandbox, dataDir, [
          "sh",
          "-c",
          "printf 'echo no interpreter line\\n' >s; chmod 755 s; ./s"
        ])
        assert.strictEqual(script.text, "no interpreter line\n")
        assert.deepInclude((yield* start(sandbox, dataDir, ["sh", "-c", "kill -TERM $$"])).exit, {
          signal: "SIGTERM",
          reason: "signal"
        })
      }),
    60_000
  )
})

describe("the watch, where no control group can be made", () => {
  const memoryBytes = 150_000_000
  for (const [what, script] of [
    ["many processes", "for i in 1 2 3 4; do perl -e '$x = \"a\" x 6e7; sleep 20' & done; wait"],
    [
      "what is kept in /tmp",
      "head -c 70000000 /dev/zero >/tmp/a; head -c 70000000 /dev/zero >/dev/shm/b; perl -e '$x = \"a\" x 3e7; sleep 20'"
    ],
    ["a process in a session of its own", "setsid -w perl -e '$x = \"a\" x 3e8; sleep 20'"]
  ] as const) {
    it.live(
      `ends ${what} with the reason and the limit`,
      () =>
        Effect.gen(function* () {
          if (cannot(linux, program("perl"))) return
          const dataDir = yield* temporary
          const sandbox = yield* Sandbox.make({
            dataDir,
            controlGroups: false,
            isolations: ["namespaces", "bubblewrap"]
          })
          assert.includeMembers(
            [...sandbox.missing],
            ["control group of memory", "control group of pids", "control group of cpu"]
          )
          const { exit } = yield* start(sandbox, dataDir, ["sh", "-c", script], { limits: { memoryBytes } })
          assert.deepInclude(exit, { code: null, reason: "oom" })
          assert.match(exit.detail ?? "", /used .* more than its 143 MiB/)
        }),
      60_000
    )
  }

  it.live(
    "adds up all commands of a project",
    () =>
      Effect.gen(function* () {
        if (cannot(linux, program("perl"))) return
        const dataDir = yield* temporary
        const sandbox = yield* Sandbox.make({
          dataDir,
          controlGroups: false,
          isolations: ["namespaces", "bubblewrap"],
          budget: { memoryBytes }
        })
        const one = start(sandbox, dataDir, ["perl", "-e", '$x = "a" x 6e7; sleep 20'], { account: "p" })
        const ends = yield* Effect.all([one, one, one], { concurrency: 3 })
        for (const { exit } of ends)
          assert.match(
            `${exit.reason}: ${exit.detail ?? ""}`,
            /^oom: all commands of the project used .* more than its 143 MiB/
          )
      }),
    60_000
  )
})

describe("a disk that is used up", () => {
  /** A file system of its own, which only root can make. */
  const disk = Effect.flatMap(temporary, (path) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=200m,mode=700", "rdev-test", path])
        return path
      }),
      () => Effect.sync(() => execFileSync("umount", ["-l", path]))
    )
  )
  it.live(
    "ends who fills it, keeps the reserve, says so, and goes on when there is room",
    () =>
      Effect.gen(function* () {
        if (cannot(linux, [isRoot, "the right to mount is"])) return
        const dataDir = yield* disk
        const sandbox = yield* Sandbox.make({
          dataDir,
          isolations: ["namespaces"],
          budget: { reserveBytes: 60 * mebibyte }
        })
        const quotas = [{ paths: [join(dataDir, "work")], bytes: 1024 ** 3, files: 100_000, what: "work" }]
        assert.strictEqual((yield* sandbox.room).state, "ok")
        // Slower than the watch looks, by far.
        const { exit } = yield* start(
          sandbox,
          dataDir,
          [
            "sh",
            "-c",
            "i=0; while [ $i -lt 45 ]; do head -c 4000000 /dev/zero >f$i; i=$((i+1)); sleep 0.1; done; sleep 20"
          ],
          { quotas, account: "filler" }
        )
        assert.strictEqual(exit.reason, "disk")
        assert.match(exit.detail ?? "", /it wrote .* MiB, and the disk of this installation is reserved: /)
        const room = yield* sandbox.room
        assert.strictEqual(room.state, "reserved")
        assert.isAbove(room.freeBytes, 15 * mebibyte, "the platform can still write")
        writeFileSync(join(dataDir, "of-the-platform"), "x".repeat(mebibyte))
        assert.deepInclude((yield* Effect.flip(sandbox.mayWrite)).reason, { _tag: "ResourceExhausted" })
        const refused = yield* Effect.flip(start(sandbox, dataDir, ["true"], { quotas, account: "other" }))
        assert.match(refused.message, /reserved: .*Remove projects or files/)
        assert.strictEqual(
          (yield* start(sandbox, dataDir, ["true"], { quotas, account: "other", atReserve: true })).exit.code,
          0,
          "a service comes back"
        )
        assert.strictEqual(
          (yield* start(sandbox, dataDir, ["rm", "f0", "f1", "f2", "f3", "f4", "f5", "f6", "f7"], {
            quotas,
            account: "filler"
          })).exit.code,
          0
        )
        assert.strictEqual((yield* sandbox.room).state, "low")
        assert.strictEqual((yield* start(sandbox, dataDir, ["true"], { quotas, account: "other" })).exit.code, 0)
        yield* sandbox.mayWrite
      }),
    60_000
  )
})
