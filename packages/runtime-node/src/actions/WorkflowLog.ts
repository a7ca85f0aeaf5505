/**
 * Reads the log of a job that `Workflow` rendered: which step began, what it printed, how it ended. A reader takes the log in pieces, as
 * it grows, and tells the same events wherever it was divided, so that a log that is read again tells them again. Pure.
 */
import * as LineText from "@rdev/core/domain/LineText"
import type { CiEvent } from "@rdev/core/ports/infra/Ci"
import { maxLineChars } from "../Lines.ts"

export interface StepState {
  readonly status: "pending" | "running" | "success" | "failure" | "skipped"
  /** null when it has none: it runs, was skipped, or took too long. */
  readonly exitCode: number | null
  readonly durationMillis: number | null
  readonly slow: boolean
}
export interface Summary {
  /** `none`: no step of ours has said anything. */
  readonly start: "none" | "ready" | "late" | "broken"
  readonly broken: string | null
  readonly steps: ReadonlyMap<number, StepState>
  /** What was printed outside of any step, the last lines of it: a runner's own words when it cannot begin. */
  readonly aside: ReadonlyArray<string>
}

/** A step that prints more is cut: what it prints is for people. */
const maxOutput = 16 * 1024 * 1024
const maxAside = 20
const stamp = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) ?/
// eslint-disable-next-line no-control-regex -- they are what is taken away
const controls =
  /\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b[@-_]|[\u0000-\u0008\u000b-\u001f\u007f]/g

/** What a terminal would show of a line: the last that was written over, without colours. */
const shown = (line: string): string => (line.replace(/\r+$/, "").split("\r").at(-1) ?? "").replace(controls, "")

export class WorkflowLog {
  readonly #names: ReadonlyArray<string>
  readonly #mark: RegExp
  readonly #mask: (text: string) => string
  readonly #decoder = new TextDecoder("utf-8")
  readonly #steps = new Map<number, StepState>()
  readonly #began = new Map<number, number>()
  #rest = ""
  #at = 0
  #running: number | null = null
  #told = false
  #printed = 0
  #start: Summary["start"] = "none"
  #broken: string | null = null
  #aside: Array<string> = []
  #events: Array<CiEvent> = []

  /** `names`: of the steps, in the pipeline's order. `mask`: takes secrets out of a line before it is cut. */
  constructor(names: ReadonlyArray<string>, nonce: string, mask: (text: string) => string = (text) => text) {
    this.#names = names
    this.#mark = new RegExp(`^(.*)##rdev ${nonce} (ready|late|broken|begin|end|skip)(?: (\\S+))?(?: (\\S+))?$`, "s")
    this.#mask = mask
  }

  /** Events of all lines that are whole by now. */
  push(bytes: Uint8Array): ReadonlyArray<CiEvent> {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n")
    this.#rest = lines.pop() ?? ""
    for (const line of lines) this.#line(line)
    return this.#take()
  }
  /** When nothing more comes. */
  end(): ReadonlyArray<CiEvent> {
    const last = this.#rest + this.#decoder.decode()
    this.#rest = ""
    if (last !== "") this.#line(last)
    return this.#take()
  }
  /** The server said that the first step runs, before there was a log: told now, and not again. */
  firstRuns(): ReadonlyArray<CiEvent> {
    const step = this.#names[0]
    if (step === undefined || this.#told || this.#steps.size > 0) return []
    this.#told = true
    return [{ _tag: "StepStarted", step }]
  }
  get summary(): Summary {
    return { start: this.#start, broken: this.#broken, steps: this.#steps, aside: this.#aside }
  }

  #take(): ReadonlyArray<CiEvent> {
    const events = this.#events
    this.#events = []
    return events
  }
  #line(raw: string): void {
    const [whole = "", time] = stamp.exec(raw) ?? []
    if (time !== undefined) this.#at = Date.parse(time)
    const text = raw.slice(whole.length).replace(/\r$/, "")
    const found = this.#mark.exec(text)
    if (found === null) return this.#output(text)
    const [, before = "", verb, first, second] = found
    if (before !== "") this.#output(before)
    this.#marked(verb ?? "", first, second)
  }
  #output(text: string): void {
    const line = shown(this.#mask(text))
    const step = this.#running === null ? undefined : this.#names[this.#running]
    if (step === undefined) {
      this.#aside = [...this.#aside, line.slice(0, 500)].slice(-maxAside)
      return
    }
    if (this.#printed > maxOutput) return
    this.#printed += line.length + 60
    const cut = this.#printed > maxOutput
    const lines = cut
      ? [`[the log is longer than ${maxOutput} bytes; the rest is not kept]`]
      : LineText.pieces(line, maxLineChars)
    for (const one of lines) this.#events.push({ _tag: "Output", step, stream: "stdout", line: one })
  }
  #marked(verb: string, first: string | undefined, second: string | undefined): void {
    if (verb === "ready" || verb === "late" || verb === "broken") {
      // Before the first step alone: a step could only say it of itself.
      if (this.#start !== "none" || this.#steps.size > 0) return
      this.#start = verb
      this.#broken = verb === "broken" ? Buffer.from(first ?? "", "base64").toString("utf8") : null
      return
    }
    const index = Number(first)
    const step = this.#names[index]
    if (step === undefined) return
    if (verb === "begin" && !this.#steps.has(index)) this.#begin(index, step)
    if (verb === "skip" && !this.#steps.has(index))
      this.#ended(index, step, { status: "skipped", exitCode: null, durationMillis: null, slow: false })
    if (verb === "end" && this.#running === index) {
      const slow = second === "slow"
      this.#ended(index, step, {
        status: second === "0" ? "success" : "failure",
        exitCode: slow ? null : Number(second),
        durationMillis: Math.max(0, this.#at - (this.#began.get(index) ?? this.#at)),
        slow
      })
    }
  }
  #begin(index: number, step: string): void {
    this.#running = index
    this.#began.set(index, this.#at)
    this.#steps.set(index, { status: "running", exitCode: null, durationMillis: null, slow: false })
    if (index > 0 || !this.#told) this.#events.push({ _tag: "StepStarted", step })
  }
  #ended(index: number, step: string, state: StepState & { readonly status: "success" | "failure" | "skipped" }): void {
    if (this.#running === index) this.#running = null
    this.#steps.set(index, state)
    const { durationMillis, exitCode, status } = state
    this.#events.push({ _tag: "StepEnded", step, status, exitCode, durationMillis: durationMillis ?? 0 })
  }
}
