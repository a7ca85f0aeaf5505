/**
 * A fake workspace host: files in a map and programs that are functions, for tests under a virtual clock. It isolates nothing and
 * runs nothing of the operating system. What a program prints waits in a queue of 64 chunks; a program that nobody reads waits.
 */
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Option, Queue, Stream } from "effect"
import * as NewId from "../../ids/NewId.ts"
import type { Command, ExitStatus, OutputChunk, Workspace, WorkspaceSpec } from "../../ports/infra/WorkspaceHost.ts"
import { WorkspaceError, WorkspaceHost } from "../../ports/infra/WorkspaceHost.ts"
import type { PortReason } from "../../ports/infra/PortReason.ts"

export interface Invocation {
  readonly argv: ReadonlyArray<string>
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly stdin: Uint8Array
  /** The workspace's files by path relative to workDir; a program may change them. */
  readonly files: Map<string, Uint8Array>
  readonly stdout: (text: string) => Effect.Effect<void>
  readonly stderr: (text: string) => Effect.Effect<void>
}
/** Answers with the exit code; interruption ends it. */
export type FakeProgram = (invocation: Invocation) => Effect.Effect<number>

const workDir = "/workspace"
const maxWaiting = 64

/** Programs that every fake workspace has. */
export const basicPrograms: Readonly<Record<string, FakeProgram>> = {
  true: () => Effect.succeed(0),
  false: () => Effect.succeed(1),
  echo: ({ argv, stdout }) => Effect.as(stdout(`${argv.slice(1).join(" ")}\n`), 0),
  warn: ({ argv, stderr }) => Effect.as(stderr(`${argv.slice(1).join(" ")}\n`), 0),
  exit: ({ argv }) => Effect.succeed(Number(argv[1] ?? 0)),
  pwd: ({ cwd, stdout }) => Effect.as(stdout(`${cwd}\n`), 0),
  env: ({ env, stdout }) =>
    Effect.as(
      stdout(
        Object.entries(env)
          .map(([k, v]) => `${k}=${v}\n`)
          .join("")
      ),
      0
    ),
  cat: ({ argv, files, stdin, stdout }) =>
    Effect.as(
      stdout(Buffer.from(argv[1] === undefined ? stdin : (files.get(argv[1]) ?? new Uint8Array(0))).toString("utf8")),
      0
    ),
  yes: ({ argv, stdout }) =>
    Effect.as(
      Effect.forEach(Array.from({ length: Number(argv[1] ?? 1) }), () => stdout("y\n"), { discard: true }),
      0
    ),
  forever: () => Effect.never
}

interface Entry {
  readonly workspace: Workspace
  readonly files: Map<string, Uint8Array>
  readonly kills: Set<Effect.Effect<void>>
}

const error = (operation: string, reason: PortReason) =>
  new WorkspaceError({ operation: `WorkspaceHost.${operation}`, reason })

/** Path relative to workDir, or why not. */
const inside = (operation: string, field: string, path: string): Effect.Effect<string, WorkspaceError> => {
  const relative = path === workDir ? "" : path.startsWith(`${workDir}/`) ? path.slice(workDir.length + 1) : path
  const segments = relative.split("/").filter((s) => s !== "" && s !== ".")
  return relative.startsWith("/") || segments.includes("..")
    ? Effect.fail(error(operation, { _tag: "Invalid", field, message: `${path} leaves the workspace` }))
    : Effect.succeed(segments.join("/"))
}

const make = (programs: Readonly<Record<string, FakeProgram>>) =>
  Effect.sync(() => {
    const entries = new Map<string, Entry>()
    const keyOf = (projectId: string, name: string) => `${projectId}/${name}`
    const find = (operation: string, workspace: Workspace) => {
      const entry = entries.get(keyOf(workspace.projectId, workspace.name))
      return entry === undefined || entry.workspace.id !== workspace.id
        ? Effect.fail(error(operation, { _tag: "NotFound", message: `workspace ${workspace.name} does not exist` }))
        : Effect.succeed(entry)
    }

    const ensure = Effect.fnUntraced(function* (spec: WorkspaceSpec) {
      if (!/^[a-z0-9-]{1,63}$/.test(spec.name))
        return yield* error("ensure", {
          _tag: "Invalid",
          field: "name",
          message: "expected lower-case letters, digits and hyphens, at most 63"
        })
      const key = keyOf(spec.projectId, spec.name)
      const there = entries.get(key)
      if (there !== undefined) return there.workspace
      const workspace: Workspace = {
        id: yield* NewId.make("ws"),
        projectId: spec.projectId,
        name: spec.name,
        workDir,
        isolation: "memory"
      }
      entries.set(key, { workspace, files: new Map(), kills: new Set() })
      return workspace
    })

    const start = Effect.fnUntraced(function* (workspace: Workspace, command: Command) {
      const entry = yield* find("start", workspace)
      const name = command.argv[0] ?? ""
      const program = programs[name]
      if (program === undefined)
        return yield* error("start", {
          _tag: "Invalid",
          field: "argv",
          message: `${name} is not a program of this fake workspace (it has ${Object.keys(programs).join(", ")})`
        })
      const cwd = yield* inside("start", "cwd", command.cwd ?? ".")
      const queue = yield* Queue.bounded<OutputChunk, Cause.Done>(maxWaiting)
      const exit = yield* Deferred.make<ExitStatus>()
      const print = (stream: OutputChunk["stream"]) => (text: string) =>
        Effect.asVoid(Queue.offer(queue, { stream, data: Buffer.from(text) }))
      const running = program({
        argv: command.argv,
        cwd: cwd === "" ? workDir : `${workDir}/${cwd}`,
        env: { PATH: "/usr/bin", HOME: "/home/agent", LANG: "C.UTF-8", TERM: "dumb", ...command.env },
        stdin: typeof command.stdin === "string" ? Buffer.from(command.stdin) : (command.stdin ?? new Uint8Array(0)),
        files: entry.files,
        stdout: print("stdout"),
        stderr: print("stderr")
      })
      const limited =
        command.timeoutMillis === undefined
          ? Effect.asSome(running)
          : Effect.timeoutOption(running, command.timeoutMillis)
      const fiber = yield* Effect.forkScoped(
        limited.pipe(
          Effect.onExit((result) =>
            Deferred.succeed(
              exit,
              Exit.isFailure(result)
                ? { code: null, signal: "SIGTERM", reason: "killed" }
                : Option.isNone(result.value)
                  ? { code: null, signal: "SIGTERM", reason: "timeout" }
                  : { code: result.value.value, signal: null, reason: "exited" }
            ).pipe(Effect.andThen(Queue.end(queue)))
          )
        ),
        { startImmediately: true }
      )
      const kill = Effect.asVoid(Fiber.interrupt(fiber))
      entry.kills.add(kill)
      yield* Effect.addFinalizer(() => Effect.sync(() => entry.kills.delete(kill)))
      return { id: yield* NewId.make("exec"), output: Stream.fromQueue(queue), exit: Deferred.await(exit), kill }
    })

    return WorkspaceHost.of({
      ensure,
      start,
      readFile: Effect.fnUntraced(function* (workspace, path) {
        const entry = yield* find("readFile", workspace)
        const content = entry.files.get(yield* inside("readFile", "path", path))
        return content ?? (yield* error("readFile", { _tag: "NotFound", message: `${path} does not exist` }))
      }),
      writeFile: Effect.fnUntraced(function* (workspace, path, content) {
        const entry = yield* find("writeFile", workspace)
        const key = yield* inside("writeFile", "path", path)
        if (key === "")
          return yield* error("writeFile", {
            _tag: "Invalid",
            field: "path",
            message: `${JSON.stringify(path)} names no file`
          })
        entry.files.set(key, typeof content === "string" ? Buffer.from(content) : content)
      }),
      destroy: Effect.fnUntraced(function* (projectId, name) {
        const entry = entries.get(keyOf(projectId, name))
        if (entry === undefined) return
        yield* Effect.forEach(entry.kills, (kill) => kill, { discard: true })
        entries.delete(keyOf(projectId, name))
      }),
      list: Effect.sync(() => [...entries.values()].map((entry) => entry.workspace))
    })
  })

/** The given programs besides the basic ones. */
export const layerWith = (programs: Readonly<Record<string, FakeProgram>>): Layer.Layer<WorkspaceHost> =>
  Layer.suspend(() => Layer.effect(WorkspaceHost, make({ ...basicPrograms, ...programs })))

export const layer: Layer.Layer<WorkspaceHost> = layerWith({})
