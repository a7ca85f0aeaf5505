/**
 * Turns the events of a project into what a person wants to see: provisioning step by step, then the feature's phases, who works on
 * what, what they say, and how long it took. Keeps the times for the summary. Pure bookkeeping; writing is the Screen's.
 */
import { phases } from "@rdev/api/Phases"
import { duration, type Screen } from "./Screen.ts"

export type Event = {
  readonly seq: number
  readonly time: string
  readonly type: string
  readonly [key: string]: unknown
}

const text = (value: unknown): string =>
  typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value)
const number = (value: unknown): number => (typeof value === "number" ? value : 0)
/** Control characters would let output move the cursor or hide text. */
// oxlint-disable-next-line no-control-regex -- control characters are what is removed here
const printable = (line: string): string =>
  line.replace(/\u001b\[[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f]/g, "")
const firstLine = (value: unknown): string => printable(text(value).split("\n", 1)[0] ?? "").slice(0, 160)

type Worker = "agent" | "pipeline" | "checks" | "release" | "platform"
interface Current {
  readonly label: string
  readonly worker: Worker
  readonly since: number
  said: string
}

export interface Times {
  /** Wall time by phase, in order of first visit. */
  readonly phases: ReadonlyMap<string, number>
  readonly agentMillis: number
  readonly pipelineMillis: number
  readonly checkMillis: number
  readonly releaseMillis: number
  readonly agentRuns: number
  readonly totalMillis: number
}

const workerOf = (action: string, actor: string): Worker =>
  actor === "agent"
    ? "agent"
    : action === "run-ci"
      ? "pipeline"
      : action === "verify-task"
        ? "checks"
        : /deploy|release/.test(action)
          ? "release"
          : "platform"

export class Progress {
  released = false
  /** Set when the feature waits for a person. */
  waits: { readonly action: string; readonly reason: string } | null = null
  private phase = ""
  private phaseSince = 0
  private first = 0
  private last = 0
  private current: Current | null = null
  private readonly spent = new Map<string, number>()
  private readonly workTimes: Record<Worker, number> = { agent: 0, pipeline: 0, checks: 0, release: 0, platform: 0 }
  private agentRuns = 0
  private readonly titles = new Map<string, string>()
  private readonly started = new Map<string, number>()
  private readonly screen: Screen

  constructor(screen: Screen) {
    this.screen = screen
  }

  /** The changing line. */
  status(): string {
    if (this.current !== null)
      return `${this.current.label}  ${duration(Date.now() - this.current.since)}${this.current.said === "" ? "" : `  ${this.current.said}`}`
    const [open] = this.started.keys()
    return open === undefined
      ? "working"
      : `${this.titles.get(open) ?? open}  ${duration(Date.now() - (this.started.get(open) ?? 0))}`
  }

  times(): Times {
    const phases = new Map(this.spent)
    if (this.phase !== "" && this.phase !== "released")
      phases.set(this.phase, (phases.get(this.phase) ?? 0) + (this.last - this.phaseSince))
    return {
      phases,
      agentMillis: this.workTimes.agent,
      pipelineMillis: this.workTimes.pipeline,
      checkMillis: this.workTimes.checks,
      releaseMillis: this.workTimes.release,
      agentRuns: this.agentRuns,
      totalMillis: this.last - this.first
    }
  }

  take(event: Event): void {
    const at = Date.parse(event.time)
    if (!Number.isNaN(at)) {
      if (this.first === 0) this.first = at
      this.last = at
    }
    if (event.type.startsWith("step.") || event.type.startsWith("operation.")) this.operation(event, at)
    else if (event.type.startsWith("feature.")) this.feature(event, at)
    else this.work(event, at)
  }

  private mark(ok: boolean | null, label: string, detail: string): void {
    const { style } = this.screen
    const sign = ok === null ? style.dim("–") : ok ? style.green("✓") : style.red("✗")
    this.screen.line(`    ${sign} ${label.padEnd(34)} ${style.dim(detail)}`.trimEnd())
  }
  private say(line: string): void {
    if (line !== "") this.screen.line(`        ${this.screen.style.dim(`│ ${line}`)}`)
    if (this.current !== null) this.current.said = line
  }

  private operation(event: Event, at: number): void {
    const key = text(event["key"])
    switch (event.type) {
      case "operation.planned":
        for (const step of event["steps"] as ReadonlyArray<{ readonly key: string; readonly title: string }>)
          this.titles.set(step.key, step.title)
        return
      case "step.started":
        this.started.set(key, at)
        return
      case "step.completed":
      case "step.skipped":
      case "step.failed": {
        const took = number(event["duration_ms"]) || at - (this.started.get(key) ?? at)
        this.started.delete(key)
        const title = this.titles.get(key) ?? key
        if (event.type === "step.completed") this.mark(true, title, duration(took))
        else if (event.type === "step.skipped") this.mark(null, title, firstLine(event["reason"] ?? event["detail"]))
        else
          this.mark(
            false,
            title,
            firstLine((event["error"] as { readonly message?: unknown } | undefined)?.message ?? event["error"])
          )
        return
      }
    }
  }

  private enter(phase: string, at: number): void {
    if (phase === "" || phase === this.phase) return
    this.finish(null, at)
    if (this.phase !== "") this.spent.set(this.phase, (this.spent.get(this.phase) ?? 0) + (at - this.phaseSince))
    const back =
      this.phase !== "" &&
      phases.indexOf(phase as (typeof phases)[number]) < phases.indexOf(this.phase as (typeof phases)[number])
    this.phase = phase
    this.phaseSince = at
    this.screen.line(`  ${this.screen.style.bold(phase)}${back ? this.screen.style.yellow("  (back)") : ""}`)
  }

  private finish(ok: boolean | null, at: number, detail = ""): void {
    const { current } = this
    if (current === null) return
    this.current = null
    const took = at - current.since
    this.workTimes[current.worker] += took
    this.mark(ok ?? true, current.label, `${duration(took)}${detail === "" ? "" : `  ${detail}`}`)
  }

  private feature(event: Event, at: number): void {
    switch (event.type) {
      case "feature.moved": {
        this.enter(text(event["to"]), at)
        if (event["to"] === "released") this.released = true
        return
      }
      case "feature.decided": {
        this.enter(text(event["phase"]), at)
        const action = text(event["action"])
        const kind = text(event["kind"])
        this.waits =
          kind === "hold" || (kind === "approve" && text(event["actor"]) !== "policy")
            ? { action, reason: text(event["reason"]) }
            : null
        if (kind === "done") this.released = this.phase === "released"
        if (kind === "wait" || kind === "done") return
        if (kind === "move") return this.finish(null, at)
        this.finish(null, at)
        const planTask = text(event["plan_task"])
        const label = `${action}${planTask === "" ? "" : ` ${planTask}`}`
        if (this.waits !== null) return this.mark(null, label, firstLine(event["reason"]))
        this.current = { label, worker: workerOf(action, text(event["actor"])), since: at, said: "" }
        return
      }
      case "feature.action_failed":
        return this.finish(false, at, firstLine(event["message"]))
      case "feature.refused":
        for (const problem of event["problems"] as ReadonlyArray<string>) this.say(`refused: ${printable(problem)}`)
        return
    }
  }

  private work(event: Event, at: number): void {
    switch (event.type) {
      case "agent.started":
        this.agentRuns += 1
        return
      case "agent.message":
        return this.say(firstLine(event["text"]))
      case "agent.file_changed":
        return this.say(`wrote ${firstLine(event["path"])}`)
      case "agent.tool_call":
        if (this.current !== null) this.current.said = `${text(event["name"])} ${firstLine(event["input"])}`
        return
      case "output":
        if (this.current !== null) this.current.said = firstLine(event["line"])
        return
      case "agent.ended":
        return this.finish(event["ok"] === true, at, event["ok"] === true ? "" : firstLine(event["summary"]))
      case "ci.step_ended":
        return this.say(`${text(event["step"])}: ${text(event["status"])}, ${duration(number(event["duration_ms"]))}`)
      case "ci.ended":
        return this.finish(
          event["status"] === "green",
          at,
          event["status"] === "green" ? "green" : firstLine(event["reason"] ?? event["status"])
        )
      case "deploy.released":
        return this.say(`${text(event["environment"])}: ${text(event["url"])}`)
      case "task.retrying":
        return this.say(
          `again: ${firstLine((event["error"] as { readonly message?: unknown } | undefined)?.message ?? event["reason"])}`
        )
      case "task.failed":
        return this.finish(
          false,
          at,
          firstLine((event["error"] as { readonly message?: unknown } | undefined)?.message ?? "")
        )
    }
  }
}
