/** Commands that follow event streams: events, exec, run --follow. */
import * as Effect from "effect/Effect"
import type { EventFilter, EventSource } from "@rdev/api/RdevClient"
import { ask, type Json, type Target } from "./Connection.ts"
import { CliFailure, fail } from "./Failure.ts"
import * as Follow from "./Follow.ts"
import { type Event, Progress } from "./Progress.ts"
import { Screen } from "./Screen.ts"
import { jsonText } from "./TerminalText.ts"
import * as Waiting from "./Waiting.ts"

const own = new Set(["seq", "time", "type"])
const describe = (event: Event): string =>
  Object.entries(event)
    .filter(([key]) => !own.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join(" ")
    .replaceAll("\n", "⏎")

interface EventOptions {
  readonly follow: boolean
  readonly after: number
  readonly types: string | null
  readonly json: boolean
}

/** Of a project or an operation. */
export const showEvents = Effect.fn("Watch.showEvents")(function* (
  target: Target,
  source: EventSource,
  options: EventOptions
) {
  const screen = new Screen(process.stdout)
  const { style } = screen
  const wanted: EventSource & EventFilter = options.types === null ? source : { ...source, types: options.types }
  const show = (event: Event) =>
    screen.line(
      options.json
        ? jsonText(event, 0)
        : `${style.dim(String(event.seq).padStart(6))} ${style.dim(event.time.slice(11, 19))} ${event.type.padEnd(18)} ${describe(event)}`
    )
  if (options.follow)
    return yield* Follow.until(target, wanted, options.after, (event) => {
      if (event.type === "gap")
        screen.line(style.yellow(`events ${String(event["from"])} to ${String(event["to"])} are no longer kept`))
      else if (event.type !== "synced") show(event)
      return false
    })
  yield* ask(target, async (rdev, call) => {
    for await (const event of rdev.events.all({ ...wanted, after: options.after }, call)) show(event)
  })
})

interface ExecOptions {
  readonly project: string
  readonly command: ReadonlyArray<string>
  readonly workspace: string | null
  readonly timeout: number
  readonly json: boolean
}

/** Output goes where the command wrote it; the exit code is the command's own, 124 after a timeout, 137 when it was killed. Ctrl-C ends the command too. */
export const execute = Effect.fn("Watch.execute")(function* (target: Target, options: ExecOptions) {
  const { project } = options
  const started = yield* ask(target, (rdev, call) =>
    rdev.execs.create(
      {
        project,
        command: options.command,
        timeout_seconds: options.timeout,
        ...(options.workspace === null ? {} : { workspace: options.workspace })
      },
      call
    )
  )
  let end: Event | null = null
  yield* Follow.until(target, { project, exec_id: started.id }, 0, (event) => {
    if (options.json && event.type !== "synced") process.stdout.write(`${jsonText(event, 0)}\n`)
    else if (event.type === "output")
      (event["stream"] === "stderr" ? process.stderr : process.stdout).write(`${String(event["line"])}\n`)
    else if (event.type === "output.truncated")
      process.stderr.write(`rdev: ${String(event["dropped_bytes"])} bytes of output were dropped\n`)
    if (event.type === "complete") end = event
    return event.type === "complete"
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.ignore(ask(target, (rdev, call) => rdev.execs.kill({ project, exec: started.id }, call)))
    )
  )
  const { exit_code: code, reason, signal } = (end ?? {}) as Json
  if (code === 0) return
  if (typeof code === "number") return yield* new CliFailure({ message: "", exitCode: code })
  return yield* new CliFailure({
    message: `the command did not end by itself: ${String(reason)}${signal === null || signal === undefined ? "" : ` (${String(signal)})`}`,
    exitCode: reason === "timeout" ? 124 : 137
  })
})

/** Shows a feature until it is released or waits for a person. */
export const followFeature = Effect.fn("Watch.followFeature")(function* (
  target: Target,
  project: string,
  feature: string,
  after: number
) {
  const screen = new Screen(process.stdout)
  const progress = new Progress(screen)
  screen.live(() => progress.status())
  const shown = Waiting.watch(
    ask(target, (rdev, call) => rdev.features.next({ project, feature }, call)),
    (line) => screen.line(line)
  )
  yield* Effect.ensuring(
    Effect.raceFirst(
      shown,
      Follow.until(target, { project, feature }, after, (event) => {
        progress.take(event)
        return progress.released || progress.waits !== null
      })
    ),
    Effect.sync(() => screen.live(null))
  )
  const { waits } = progress
  if (waits !== null) return yield* fail("conflict", `it waits for a person: ${waits.action} (${waits.reason})`)
})
