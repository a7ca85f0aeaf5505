/** Commands that follow event streams: events, exec, run --follow. */
import * as Effect from "effect/Effect"
import { call, type Json, segment, type Target } from "./Connection.ts"
import { CliFailure, fail } from "./Failure.ts"
import * as Follow from "./Follow.ts"
import { type Event, Progress } from "./Progress.ts"
import { Screen } from "./Screen.ts"
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

export const showEvents = (target: Target, project: string, options: EventOptions) =>
  showEventsAt(target, `/projects/${segment(project)}/events`, options)

/** Of any stream: `path` is where its events are. */
export const showEventsAt = Effect.fn("Watch.showEvents")(function* (
  target: Target,
  path: string,
  options: EventOptions
) {
  const screen = new Screen(process.stdout)
  const { style } = screen
  const query = options.types === null ? "" : `types=${encodeURIComponent(options.types)}`
  const show = (event: Event) =>
    screen.line(
      options.json
        ? JSON.stringify(event)
        : `${style.dim(String(event.seq).padStart(6))} ${style.dim(event.time.slice(11, 19))} ${event.type.padEnd(18)} ${describe(event)}`
    )
  if (options.follow) {
    // Following tries a lost connection again for ever; one that could never be made is told at once.
    yield* call(target, `${path}?limit=1&after=${options.after}&${query}`)
    return yield* Follow.until(target, `${path}?${query}`, options.after, (event) => {
      if (event.type === "gap")
        screen.line(style.yellow(`events ${String(event["from"])} to ${String(event["to"])} are no longer kept`))
      else if (event.type !== "synced") show(event)
      return false
    })
  }
  let after = options.after
  while (true) {
    const page: { readonly events: ReadonlyArray<Event>; readonly cursor: string; readonly has_more: boolean } =
      yield* call<{ readonly events: ReadonlyArray<Event>; readonly cursor: string; readonly has_more: boolean }>(
        target,
        `${path}?limit=1000&after=${after}&${query}`
      )
    page.events.forEach(show)
    if (!page.has_more) return
    after = Number(page.cursor)
  }
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
  const started = yield* call<{ readonly id: string; readonly events_url: string }>(
    target,
    `/projects/${segment(options.project)}/workspace/execs`,
    {
      body: {
        command: options.command,
        timeout_seconds: options.timeout,
        ...(options.workspace === null ? {} : { workspace: options.workspace })
      }
    }
  )
  let end: Event | null = null
  yield* Follow.until(target, started.events_url, 0, (event) => {
    if (options.json && event.type !== "synced") process.stdout.write(`${JSON.stringify(event)}\n`)
    else if (event.type === "output")
      (event["stream"] === "stderr" ? process.stderr : process.stdout).write(`${String(event["line"])}\n`)
    else if (event.type === "output.truncated")
      process.stderr.write(`rdev: ${String(event["dropped_bytes"])} bytes of output were dropped\n`)
    if (event.type === "complete") end = event
    return event.type === "complete"
  }).pipe(
    Effect.onInterrupt(() =>
      Effect.ignore(
        call(target, `/projects/${segment(options.project)}/workspace/execs/${started.id}/kill`, { method: "POST" })
      )
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
  const shown = Waiting.watch(target, `/projects/${segment(project)}/sdlc/features/${segment(feature)}/next`, (line) =>
    screen.line(line)
  )
  yield* Effect.ensuring(
    Effect.raceFirst(
      shown,
      Follow.until(target, `/projects/${segment(project)}/events?feature=${segment(feature)}`, after, (event) => {
        progress.take(event)
        return progress.released || progress.waits !== null
      })
    ),
    Effect.sync(() => screen.live(null))
  )
  const { waits } = progress
  if (waits !== null) return yield* fail("conflict", `it waits for a person: ${waits.action} (${waits.reason})`)
})
