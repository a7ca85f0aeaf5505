/** Runs a command in a workspace to its end and keeps a bounded amount of what it printed. */
import { Effect, Stream } from "effect"
import { lastLines } from "../domain/LineText.ts"
import {
  type Command,
  type ExitStatus,
  WorkspaceError,
  type WorkspaceHost,
  type Workspace
} from "../ports/infra/WorkspaceHost.ts"

export interface Finished {
  readonly exit: ExitStatus
  readonly stdout: string
  readonly stderr: string
  /** Bytes that were printed beyond the limit and dropped. */
  readonly droppedBytes: number
}

const decode = (chunks: ReadonlyArray<Uint8Array>) => Buffer.concat(chunks).toString("utf8")

/** Both streams together keep at most `maxBytes` (default 1 MiB); the rest is read and counted, so that the process never blocks. */
export const run = Effect.fn("Processes.run")(function* (
  host: typeof WorkspaceHost.Service,
  workspace: Workspace,
  command: Command,
  options: { readonly maxBytes?: number } = {}
) {
  const maxBytes = options.maxBytes ?? 1_048_576
  const kept = { stdout: [] as Array<Uint8Array>, stderr: [] as Array<Uint8Array> }
  let total = 0
  const process = yield* host.start(workspace, command)
  yield* Stream.runForEach(process.output, (chunk) =>
    Effect.sync(() => {
      const room = Math.max(0, maxBytes - total)
      total += chunk.data.byteLength
      if (room > 0) kept[chunk.stream].push(chunk.data.subarray(0, room))
    })
  )
  const exit = yield* process.exit
  return {
    exit,
    stdout: decode(kept.stdout),
    stderr: decode(kept.stderr),
    droppedBytes: Math.max(0, total - maxBytes)
  } satisfies Finished
}, Effect.scoped)

/** Like `run`, but an exit code other than 0 is an error that carries the last lines of what was printed. */
export const expect = Effect.fn("Processes.expect")(function* (
  host: typeof WorkspaceHost.Service,
  workspace: Workspace,
  command: Command
) {
  const finished = yield* run(host, workspace, command)
  if (finished.exit.code === 0) return finished
  const how =
    finished.exit.code === null
      ? `ended by ${finished.exit.signal ?? finished.exit.reason}`
      : `exited ${finished.exit.code}`
  return yield* new WorkspaceError({
    operation: "WorkspaceHost.start",
    reason: {
      _tag: "Unknown",
      message: `${command.argv.slice(0, 2).join(" ")} ${how}: ${lastLines(finished.stderr || finished.stdout, 5).join("\n")}`
    }
  })
})
