/**
 * The run that shows what rdev does: a project from a template, and one feature from draft to released, over the same API that
 * everybody uses. Real git, real processes, real pipelines; only the agent is scripted, and labelled as such.
 */
import * as Effect from "effect/Effect"
import { ask, type Json, type Target } from "./Connection.ts"
import { fail } from "./Failure.ts"
import * as Follow from "./Follow.ts"
import { Progress, type Times } from "./Progress.ts"
import { duration, type Screen, table } from "./Screen.ts"

export interface DemoOptions {
  readonly project: string
  readonly template: string
  readonly title: string
  readonly description: string
  /** Stop waiting after this long; the feature goes on. */
  readonly patienceMillis: number
}
export const defaults: DemoOptions = {
  project: "hello",
  template: "default",
  title: "Add a contact page",
  description:
    "Visitors want to know how to reach us: a page with our address and opening hours, linked from the front page.",
  patienceMillis: 15 * 60_000
}

export interface Outcome {
  readonly released: boolean
  readonly waits: { readonly action: string; readonly reason: string } | null
  readonly times: Times
  readonly slug: string
  readonly previewUrl: string
}

const previewOf = (project: Json): string =>
  (project["environments"] as ReadonlyArray<{ readonly name: string; readonly url: string }>).find(
    (one) => one.name === "production"
  )?.url ?? ""

/** Ends when the feature is released, or waits for a person. */
export const run = Effect.fn("Demo.run")(function* (target: Target, screen: Screen, options: DemoOptions = defaults) {
  const progress = new Progress(screen)
  const { style } = screen
  screen.line()
  screen.line(style.bold(`Project ${options.project}`) + style.dim(` from template ${options.template}`))
  screen.live(() => progress.status())
  yield* Effect.addFinalizer(() => Effect.sync(() => screen.live(null)))

  const name = options.project
  const created = yield* ask(target, (rdev, call) => rdev.projects.create({ name, template: options.template }, call))
  yield* Follow.until(target, { operation: created.operation_id }, 0, (event) => {
    progress.take(event)
    return /^operation\.(completed|failed|cancelled|parked|compensation_failed)$/.test(event.type)
  })
  const project = yield* ask(target, (rdev, call) => rdev.projects.get({ project: name }, call))
  if (project.status !== "ready") {
    const { error, status } = yield* ask(target, (rdev, call) =>
      rdev.operations.get({ operation: created.operation_id }, call)
    )
    return yield* fail(
      "failed",
      `project ${name} could not be provisioned: ${error?.message ?? status}; look at it with \`rdev operations show ${created.operation_id}\``
    )
  }

  const { watermark } = yield* ask(target, (rdev, call) => rdev.events.ofProject({ project: name, limit: 1 }, call))
  const feature = yield* ask(target, (rdev, call) =>
    rdev.features.create({ project: name, title: options.title, description: options.description }, call)
  )
  screen.line()
  screen.line(
    style.bold(`Feature “${options.title}”`) +
      style.dim(`  agent: ${project.agent}${project.agent === "scripted" ? " (plays a script; no model)" : ""}`)
  )
  const followed = Follow.until(target, { project: name }, watermark, (event) => {
    progress.take(event)
    return progress.released || progress.waits !== null
  })
  const inTime = yield* Effect.timeoutOption(followed, options.patienceMillis)
  screen.live(null)
  if (inTime._tag === "None")
    screen.line(
      style.yellow(`    … not finished after ${duration(options.patienceMillis)}; it goes on in the background`)
    )
  const after = yield* ask(target, (rdev, call) => rdev.projects.get({ project: name }, call))
  return {
    released: progress.released,
    waits: progress.waits,
    times: progress.times(),
    slug: feature.slug,
    previewUrl: previewOf(after)
  } satisfies Outcome
}, Effect.scoped)

/**
 * `own`: processor time of the server's process during the run, microseconds. Git, pipelines and agents are processes of their own;
 * starting them is the kernel's part of it.
 */
export const summary = (
  screen: Screen,
  outcome: Outcome,
  own: { readonly user: number; readonly system: number }
): void => {
  const { style } = screen
  const { times } = outcome
  const rest = Math.max(
    0,
    times.totalMillis - times.agentMillis - times.pipelineMillis - times.checkMillis - times.releaseMillis
  )
  screen.line()
  screen.line(style.bold("Summary"))
  const rows: Array<ReadonlyArray<string>> = [...times.phases].map(([phase, millis]) => [
    `  ${phase}`,
    duration(millis)
  ])
  rows.push(
    ["  ──────────────", "────────"],
    ["  in all", duration(times.totalMillis)],
    [`  agent (${times.agentRuns} runs)`, duration(times.agentMillis)],
    ["  pipeline", duration(times.pipelineMillis)],
    ["  task checks", duration(times.checkMillis)],
    ["  release", duration(times.releaseMillis)],
    ["  git and the rest", duration(rest)],
    [
      "  rdev itself",
      `${duration(own.user / 1000)} of processor time, and ${duration(own.system / 1000)} of the kernel's (starting processes, files)`
    ]
  )
  for (const line of table(rows)) screen.line(line)
}
