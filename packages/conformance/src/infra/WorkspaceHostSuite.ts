/** What every workspace host must do. The commands that the tests run are given, so that hosts without an operating system pass too. */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import {
  type Command,
  type ExitStatus,
  type Workspace,
  type WorkspaceError,
  WorkspaceHost
} from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Exit, Layer, Scope, Stream } from "effect"

type Argv = ReadonlyArray<string>
export interface Commands {
  readonly print: (text: string) => Argv
  readonly printError: (text: string) => Argv
  readonly exit: (code: number) => Argv
  /** Copies its input to its output. */
  readonly copyInput: Argv
  readonly printFolder: Argv
  readonly printEnvironment: Argv
  /** Prints the file at a path relative to where it runs. */
  readonly printFile: (path: string) => Argv
  /** Prints that many lines `y`. */
  readonly printLines: (count: number) => Argv
  readonly forever: Argv
}
export interface Capabilities {
  readonly commands: Commands
  /** Names that may be variables of a command besides those given. */
  readonly variables: ReadonlyArray<string>
  /** A POSIX shell is there and files are real: links, folders, descendants can be tested. */
  readonly posix: boolean
}

/** Commands of a POSIX shell, for hosts with `posix`. */
export const posixCommands: Commands = {
  print: (text) => ["sh", "-c", "printf '%s\\n' \"$1\"", "sh", text],
  printError: (text) => ["sh", "-c", "printf '%s\\n' \"$1\" >&2", "sh", text],
  exit: (code) => ["sh", "-c", `exit ${code}`],
  copyInput: ["cat"],
  printFolder: ["pwd"],
  printEnvironment: ["env"],
  printFile: (path) => ["cat", path],
  printLines: (count) => ["sh", "-c", `yes | head -n ${count}`],
  forever: ["sleep", "1000000"]
}

const reasonOf = <A>(effect: Effect.Effect<A, WorkspaceError, WorkspaceHost>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

let counter = 0
const fresh = Effect.gen(function* () {
  const host = yield* WorkspaceHost
  counter += 1
  return yield* host.ensure({ projectId: yield* NewId.make("proj"), name: `suite-${counter}`, network: "none" })
})

interface Finished {
  readonly exit: ExitStatus
  readonly stdout: string
  readonly stderr: string
}
const run = (workspace: Workspace, command: Command): Effect.Effect<Finished, WorkspaceError, WorkspaceHost> =>
  Effect.scoped(
    Effect.gen(function* () {
      const host = yield* WorkspaceHost
      const process = yield* host.start(workspace, command)
      const chunks = yield* Stream.runCollect(process.output)
      const text = (stream: string) =>
        Buffer.concat(chunks.filter((c) => c.stream === stream).map((c) => c.data)).toString("utf8")
      return { exit: yield* process.exit, stdout: text("stdout"), stderr: text("stderr") }
    })
  )

export const suite = (name: string, layer: Layer.Layer<WorkspaceHost, unknown>, capabilities: Capabilities): void => {
  const { commands } = capabilities
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`WorkspaceHost: ${name}`, (it) => {
    it.effect("ensures a workspace once and lists it", () =>
      Effect.gen(function* () {
        const host = yield* WorkspaceHost
        const workspace = yield* fresh
        const again = yield* host.ensure({ projectId: workspace.projectId, name: workspace.name, network: "none" })
        assert.deepStrictEqual(again, workspace)
        assert.isTrue((yield* host.list).some((one) => one.id === workspace.id))
        assert.strictEqual(
          (yield* reasonOf(host.ensure({ projectId: workspace.projectId, name: "../x", network: "none" })))._tag,
          "Invalid"
        )
      })
    )

    it.effect("runs a command and tells its exit code and output", () =>
      Effect.gen(function* () {
        const workspace = yield* fresh
        const printed = yield* run(workspace, { argv: commands.print('it\'s "quoted" $HOME \\ `x`') })
        assert.deepStrictEqual(printed, {
          exit: { code: 0, signal: null, reason: "exited" },
          stdout: 'it\'s "quoted" $HOME \\ `x`\n',
          stderr: ""
        })
        assert.strictEqual((yield* run(workspace, { argv: commands.printError("oh") })).stderr, "oh\n")
        for (const code of [1, 42, 126, 143])
          assert.deepStrictEqual((yield* run(workspace, { argv: commands.exit(code) })).exit, {
            code,
            signal: null,
            reason: "exited"
          })
      })
    )

    it.effect("gives input, folder and environment, and nothing else of the host's", () =>
      Effect.gen(function* () {
        const host = yield* WorkspaceHost
        const workspace = yield* fresh
        process.env["RDEV_SUITE_CANARY"] = "must-not-be-seen"
        assert.strictEqual(
          (yield* run(workspace, { argv: commands.copyInput, stdin: "given\nlines" })).stdout,
          "given\nlines"
        )
        assert.strictEqual((yield* run(workspace, { argv: commands.copyInput })).stdout, "", "no input ends at once")
        assert.strictEqual((yield* run(workspace, { argv: commands.printFolder })).stdout.trim(), workspace.workDir)
        yield* host.writeFile(workspace, "sub/file.txt", "x")
        if (capabilities.posix)
          assert.strictEqual(
            (yield* run(workspace, { argv: commands.printFolder, cwd: "sub" })).stdout.trim(),
            `${workspace.workDir}/sub`
          )
        const env = (yield* run(workspace, { argv: commands.printEnvironment, env: { GIVEN: "a b'c" } })).stdout
        const names = env
          .split("\n")
          .filter((line) => line.includes("="))
          .map((line) => line.slice(0, line.indexOf("=")))
        assert.include(env, "GIVEN=a b'c\n")
        for (const one of names)
          assert.include(["PATH", "HOME", "LANG", "TERM", "GIVEN", ...capabilities.variables], one)
        assert.notInclude(env, "must-not-be-seen")
      })
    )

    it.effect("refuses at start what cannot start, naming it", () =>
      Effect.gen(function* () {
        const host = yield* WorkspaceHost
        const workspace = yield* fresh
        const missing = yield* reasonOf(Effect.scoped(host.start(workspace, { argv: ["no-such-program", "x"] })))
        assert.strictEqual(missing._tag, "Invalid")
        if (missing._tag === "Invalid") {
          assert.strictEqual(missing.field, "argv")
          assert.include(missing.message, "no-such-program")
        }
        assert.strictEqual((yield* reasonOf(Effect.scoped(host.start(workspace, { argv: [] }))))._tag, "Invalid")
        const outside = yield* reasonOf(
          Effect.scoped(host.start(workspace, { argv: commands.printFolder, cwd: "../.." }))
        )
        assert.deepInclude(outside, { _tag: "Invalid", field: "cwd" })
      })
    )

    it.effect("kills, times out and ends with its scope", () =>
      Effect.gen(function* () {
        const host = yield* WorkspaceHost
        const workspace = yield* fresh
        yield* Effect.scoped(
          Effect.gen(function* () {
            const process = yield* host.start(workspace, { argv: commands.forever })
            yield* process.kill
            const exit = yield* process.exit
            assert.deepInclude(exit, { code: null, reason: "killed" })
            assert.deepStrictEqual(yield* Stream.runCollect(process.output), [])
            yield* process.kill
          })
        )
        assert.deepInclude((yield* run(workspace, { argv: commands.forever, timeoutMillis: 50 })).exit, {
          code: null,
          reason: "timeout"
        })
        const scope = yield* Scope.make()
        const process = yield* Scope.provide(host.start(workspace, { argv: commands.forever }), scope)
        yield* Scope.close(scope, Exit.void)
        assert.deepInclude(yield* process.exit, { code: null, reason: "killed" })
      })
    )

    it.effect("hands on all of a long output", () =>
      Effect.gen(function* () {
        const workspace = yield* fresh
        const { stdout } = yield* run(workspace, { argv: commands.printLines(5000) })
        assert.strictEqual(stdout, "y\n".repeat(5000))
      })
    )

    it.effect("keeps what an ended command printed until somebody reads it", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const host = yield* WorkspaceHost
          const process = yield* host.start(yield* fresh, { argv: commands.print("late") })
          assert.strictEqual((yield* process.exit).code, 0)
          const chunks = yield* Stream.runCollect(process.output)
          assert.strictEqual(Buffer.concat(chunks.map((c) => c.data)).toString("utf8"), "late\n")
        })
      )
    )

    it.effect("reads and writes files of the workspace alone", () =>
      Effect.gen(function* () {
        const host = yield* WorkspaceHost
        const workspace = yield* fresh
        const binary = new Uint8Array([0, 1, 255, 10])
        yield* host.writeFile(workspace, "a/b/c.bin", binary)
        yield* host.writeFile(workspace, "a/b/c.bin", binary)
        yield* host.writeFile(workspace, `${workspace.workDir}/plain.txt`, "plain")
        assert.deepStrictEqual([...(yield* host.readFile(workspace, "a/b/c.bin"))], [...binary])
        assert.strictEqual((yield* run(workspace, { argv: commands.printFile("plain.txt") })).stdout, "plain")
        assert.strictEqual((yield* reasonOf(host.readFile(workspace, "absent")))._tag, "NotFound")
        for (const path of ["../escape", "a/../../escape", "/etc/passwd", ""]) {
          assert.strictEqual((yield* reasonOf(host.writeFile(workspace, path, "x")))._tag, "Invalid", path)
        }
        for (const path of ["../escape", "a/../../escape", "/etc/passwd"])
          assert.strictEqual((yield* reasonOf(host.readFile(workspace, path)))._tag, "Invalid", path)
      })
    )

    it.effect("destroys a workspace with its processes and files; a missing one is success", () =>
      Effect.scoped(
        Effect.gen(function* () {
          const host = yield* WorkspaceHost
          const workspace = yield* fresh
          yield* host.writeFile(workspace, "f", "x")
          const process = yield* host.start(workspace, { argv: commands.forever })
          yield* host.destroy(workspace.projectId, workspace.name)
          assert.strictEqual((yield* process.exit).code, null)
          yield* host.destroy(workspace.projectId, workspace.name)
          assert.isFalse((yield* host.list).some((one) => one.id === workspace.id))
          const again = yield* host.ensure({ projectId: workspace.projectId, name: workspace.name, network: "none" })
          assert.strictEqual((yield* reasonOf(host.readFile(again, "f")))._tag, "NotFound")
          assert.strictEqual(
            (yield* reasonOf(host.readFile(workspace, "f")))._tag,
            "NotFound",
            "the old handle is dead"
          )
          assert.strictEqual(
            (yield* reasonOf(Effect.scoped(host.start(workspace, { argv: commands.forever }))))._tag,
            "NotFound"
          )
        })
      )
    )

    if (!capabilities.posix) return

    it.effect("does not follow links out of the workspace", () =>
      Effect.gen(function* () {
        const host = yield* WorkspaceHost
        const workspace = yield* fresh
        yield* run(workspace, {
          argv: [
            "sh",
            "-c",
            'ln -s /etc outside; ln -s ../../.. up; ln -s /etc/passwd direct; mkdir real; ln -s real alias; ln -s loop loop; mkfifo pipe; echo in > real/f; ln -s "$PWD/real/f" absolute'
          ]
        })
        for (const path of ["outside/passwd", "up/etc/passwd", "direct", "loop", "pipe", "real"]) {
          assert.strictEqual((yield* reasonOf(host.readFile(workspace, path)))._tag, "Invalid", `read ${path}`)
        }
        for (const path of ["outside/new", "up/new", "direct", "loop", "pipe", "real"]) {
          assert.strictEqual((yield* reasonOf(host.writeFile(workspace, path, "x")))._tag, "Invalid", `write ${path}`)
        }
        assert.strictEqual(
          Buffer.from(yield* host.readFile(workspace, "alias/f")).toString(),
          "in\n",
          "a link inside is fine"
        )
        assert.strictEqual(Buffer.from(yield* host.readFile(workspace, "absolute")).toString(), "in\n")
        yield* host.writeFile(workspace, "alias/g", "written")
        assert.strictEqual((yield* run(workspace, { argv: ["cat", "real/g"] })).stdout, "written")
        assert.strictEqual(
          (yield* run(workspace, { argv: ["sh", "-c", "echo more >> real/g && cat real/g"] })).stdout,
          "writtenmore\n",
          "the inside owns what the host writes"
        )
      })
    )

    it.effect("reports a signal as a signal", () =>
      Effect.gen(function* () {
        const workspace = yield* fresh
        assert.deepStrictEqual((yield* run(workspace, { argv: ["sh", "-c", "kill -KILL $$"] })).exit, {
          code: null,
          signal: "SIGKILL",
          reason: "signal"
        })
        assert.deepStrictEqual((yield* run(workspace, { argv: ["sh", "-c", "kill -TERM $$"] })).exit, {
          code: null,
          signal: "SIGTERM",
          reason: "signal"
        })
      })
    )

    it.effect(
      "ends children that left their session and ignore TERM",
      () =>
        Effect.gen(function* () {
          const host = yield* WorkspaceHost
          const workspace = yield* fresh
          const stubborn =
            "trap '' TERM; (setsid sh -c 'trap \"\" TERM; while :; do echo x >> beat; sleep 0.05; done' &) ; while [ ! -s beat ]; do sleep 0.02; done; echo ready; while :; do sleep 1; done"
          yield* Effect.scoped(
            Effect.gen(function* () {
              const process = yield* host.start(workspace, { argv: ["sh", "-c", stubborn] })
              yield* Stream.runHead(process.output)
              yield* process.kill
            })
          )
          const size = (yield* host.readFile(workspace, "beat")).byteLength
          // A writer that still ran would have written between two of these.
          for (let i = 0; i < 10; i++) yield* run(workspace, { argv: ["sh", "-c", "ls / >/dev/null"] })
          assert.strictEqual((yield* host.readFile(workspace, "beat")).byteLength, size, "nobody writes any more")
        }),
      30_000
    )
  })
}
