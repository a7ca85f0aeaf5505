/** A WorkspaceHost for these tests: real processes in temporary folders of this machine, without isolation. */
import * as NewId from "@rdev/core/ids/NewId"
import {
  type ExitStatus,
  type OutputChunk,
  type Process,
  WorkspaceError,
  WorkspaceHost,
  type WorkspaceSpec
} from "@rdev/core/ports/infra/WorkspaceHost"
import { Cause, Deferred, Effect, Layer, Queue, Stream } from "effect"
import { spawn } from "node:child_process"
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

const failed = (operation: string, message: string) =>
  new WorkspaceError({ operation, reason: { _tag: "Unknown", message } })
const attempt = <A>(operation: string, run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: (cause) => failed(operation, String(cause)) })

export interface Options {
  /** Put before the PATH of this process. */
  readonly path?: string
  /** Every new workspace is a project of this template, as far as the scripted agent can tell. */
  readonly template?: string
}

/** Processes started and not yet ended, for tests of interruption. */
export const running = new Set<number>()

const start = (folder: string, options: Options): (typeof WorkspaceHost.Service)["start"] =>
  Effect.fnUntraced(function* (_workspace, command) {
    const [program, ...args] = command.argv
    const output = yield* Queue.bounded<OutputChunk, Cause.Done>(64)
    const exit = yield* Deferred.make<ExitStatus>()
    const child = spawn(program ?? "", args, {
      cwd: join(folder, command.cwd ?? "."),
      env: {
        PATH: [options.path, process.env["PATH"]].filter((part) => part !== undefined).join(":"),
        HOME: folder,
        LANG: "C.UTF-8",
        TERM: "dumb",
        ...command.env
      },
      detached: true,
      stdio: ["pipe", "pipe", "pipe"]
    })
    yield* Effect.callback<void, WorkspaceError>((resume) => {
      child.once("spawn", () => resume(Effect.void))
      child.once("error", (error) =>
        resume(
          Effect.fail(
            new WorkspaceError({
              operation: "WorkspaceHost.start",
              reason: { _tag: "Invalid", field: "argv", message: error.message }
            })
          )
        )
      )
    })
    const pid = child.pid ?? 0
    running.add(pid)
    const kill = Effect.sync(() => {
      try {
        process.kill(-pid, "SIGKILL")
      } catch (cause) {
        if ((cause as { readonly code?: string }).code !== "ESRCH") throw cause
      }
    })
    yield* Effect.addFinalizer(() => kill)
    let timedOut = false
    const timer =
      command.timeoutMillis === undefined
        ? undefined
        : setTimeout(() => {
            timedOut = true
            Effect.runSync(kill)
          }, command.timeoutMillis)
    child.stdin.on("error", () => undefined)
    child.stdin.end(command.stdin ?? "")
    const pump = (stream: "stdout" | "stderr") =>
      Effect.promise(async () => {
        for await (const data of child[stream])
          await Effect.runPromise(Queue.offer(output, { stream, data: data as Uint8Array }))
      })
    yield* Effect.forkScoped(
      Effect.all([pump("stdout"), pump("stderr")], { concurrency: 2 }).pipe(Effect.andThen(Queue.end(output)))
    )
    child.on("exit", (code, signal) => {
      clearTimeout(timer)
      running.delete(pid)
      Effect.runSync(
        Deferred.succeed(exit, { code, signal, reason: timedOut ? "timeout" : signal === null ? "exited" : "signal" })
      )
    })
    return {
      id: yield* NewId.make("exec"),
      output: Stream.fromQueue(output),
      exit: Deferred.await(exit),
      kill
    } satisfies Process
  })

export const make = Effect.fn("HostProcess.make")(function* (options: Options) {
  const root = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-agents-"))),
    (folder) => Effect.promise(() => rm(folder, { recursive: true, force: true }))
  )
  const ensure = Effect.fnUntraced(function* (spec: WorkspaceSpec) {
    const workDir = join(root, spec.name)
    yield* attempt("WorkspaceHost.ensure", () => mkdir(workDir, { recursive: true }))
    const { template } = options
    if (template !== undefined)
      yield* attempt("WorkspaceHost.ensure", () =>
        writeFile(join(workDir, "package.json"), JSON.stringify({ rdev: { template } }))
      )
    return {
      id: yield* NewId.make("ws"),
      projectId: spec.projectId,
      name: spec.name,
      workDir,
      isolation: "none (test)"
    }
  })
  return WorkspaceHost.of({
    ensure,
    start: (workspace, command) => start(workspace.workDir, options)(workspace, command),
    readFile: (workspace, path) => attempt("WorkspaceHost.readFile", () => readFile(join(workspace.workDir, path))),
    writeFile: (workspace, path, content) =>
      attempt("WorkspaceHost.writeFile", async () => {
        await mkdir(dirname(join(workspace.workDir, path)), { recursive: true })
        await writeFile(join(workspace.workDir, path), content)
      }),
    destroy: (_projectId, name) =>
      attempt("WorkspaceHost.destroy", () => rm(join(root, name), { recursive: true, force: true })),
    list: Effect.succeed([])
  })
})

export const layer = (options: Options = {}): Layer.Layer<WorkspaceHost> => Layer.effect(WorkspaceHost, make(options))
