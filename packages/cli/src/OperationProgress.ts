/**
 * Turns the events of one operation into what a person wants to see: each step with its duration when it ends, waits and questions, what
 * is undone; and a changing line with the steps that run now. Pure bookkeeping; writing is the Screen's.
 */
import type { Event } from "./Progress.ts"
import { duration, type Screen } from "./Screen.ts"
import { oneLine } from "./TerminalText.ts"

const text = (value: unknown): string =>
  typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value)
const printable = (line: string): string => oneLine(line).slice(0, 300)
const messageOf = (error: unknown): string =>
  printable(typeof error === "object" && error !== null && "message" in error ? text(error.message) : text(error))

const ended = /^operation\.(completed|failed|cancelled|parked|compensation_failed)$/

export class OperationProgress {
  /** The operation has ended or is parked, as far as the events tell. */
  over = false
  private readonly running = new Map<
    string,
    { readonly title: string; readonly since: number; readonly undo: boolean }
  >()
  private readonly screen: Screen
  private readonly id: string

  constructor(screen: Screen, id: string) {
    this.screen = screen
    this.id = id
  }

  /** The changing line: what runs at this moment and for how long. */
  status(): string {
    const now = Date.now()
    return (
      [...this.running.values()]
        .map(({ since, title, undo }) => `${undo ? "undo: " : ""}${title} ${duration(Math.max(0, now - since))}`)
        .join("  ·  ") || "waiting"
    )
  }

  private mark(sign: string, title: string, took: string, detail = ""): void {
    this.screen.line(
      `  ${sign} ${printable(title).padEnd(36)} ${took.padStart(8)}  ${this.screen.style.dim(printable(detail))}`.trimEnd()
    )
  }

  take(event: Event): void {
    const { style } = this.screen
    const key = text(event["key"])
    const title = text(event["title"]) || key
    const took = typeof event["duration_ms"] === "number" ? duration(event["duration_ms"]) : ""
    if (ended.test(event.type)) {
      this.over = true
      this.running.clear()
      return this.end(event, took)
    }
    switch (event.type) {
      case "operation.retried":
        this.over = false
        return this.screen.line(style.dim("  retried"))
      case "operation.compensating":
        return this.screen.line(style.yellow("  taking back what was made"))
      case "operation.cancel_requested":
        return this.screen.line(style.yellow("  cancel was asked for"))
      case "step.started":
      case "step.compensating":
        this.running.set(key, {
          title,
          since: Date.parse(event.time) || Date.now(),
          undo: event.type === "step.compensating"
        })
        return
      case "step.completed":
        this.running.delete(key)
        return this.mark(style.green("✓"), title, took, text(event["change"]))
      case "step.compensated":
        this.running.delete(key)
        return this.mark(style.yellow("↩"), title, took, "taken back")
      case "step.skipped":
        this.running.delete(key)
        return this.mark(style.dim("–"), title, "", text(event["reason"]))
      case "step.failed":
        this.running.delete(key)
        return this.mark(
          style.red("✗"),
          `${event["phase"] === "undo" ? "undo: " : ""}${title}`,
          took,
          messageOf(event["error"])
        )
      case "step.unknown":
        this.running.delete(key)
        return this.mark(style.red("?"), title, "", "nobody knows how it ended")
      case "step.waiting":
        return this.wait(event, title)
    }
  }

  private wait(event: Event, title: string): void {
    const { style } = this.screen
    if (event["question"] !== null && event["question"] !== undefined) {
      this.running.delete(text(event["key"]))
      this.screen.line(`  ${style.yellow("?")} ${style.bold(printable(text(event["question"])))}`)
      return this.screen.line(style.dim(`    rdev operations answer ${this.id} <answer> --step ${text(event["key"])}`))
    }
    this.mark(style.dim("…"), title, "", `${event["kind"] === "retry" ? "again soon: " : ""}${text(event["reason"])}`)
  }

  private end(event: Event, took: string): void {
    const { style } = this.screen
    const status = event.type.slice("operation.".length)
    const shown = status === "completed" ? style.green(status) : style.red(status)
    this.screen.line(`  ${style.bold(shown)}${took === "" ? "" : ` in ${took}`}`)
  }
}
