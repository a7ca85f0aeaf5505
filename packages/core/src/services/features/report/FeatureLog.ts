/** What people see in the project's stream while a feature is driven. */
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import { Clock, Effect } from "effect"
import * as Event from "../../../domain/Event.ts"
import * as OutputLines from "../../../domain/OutputLines.ts"
import type { AgentEvent } from "../../../ports/agents/AgentHarness.ts"
import type { CiEvent } from "../../../ports/infra/Ci.ts"
import type { Release } from "../../../ports/infra/Deployer.ts"
import { EventLog, maxDataBytes } from "../../../ports/stores/EventLog.ts"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"

type About = { readonly index: FeatureIndex }

const append = Effect.fn("FeatureLog.append")(function* (
  about: About,
  type: string,
  data: Event.NewEvent["data"],
  subject: Event.Subject = {}
) {
  const log = yield* EventLog
  yield* log.append(Event.ofProject(about.index.projectId), [
    { type, subject: { feature: about.index.slug, ...subject }, data }
  ])
})

const clip = (text: string, bytes = maxDataBytes / 2) =>
  text.length <= bytes ? text : `${text.slice(0, bytes)}… (${text.length - bytes} more)`

export const decided = (about: About, decision: FeatureDecision) =>
  append(about, "feature.decided", {
    phase: decision.phase,
    rule: decision.rule,
    via: decision.via ?? null,
    action: decision.action,
    actor: decision.actor,
    kind: decision.kind,
    reason: clip(decision.reason),
    plan_task: decision.taskId ?? null
  })

export const moved = (about: About, from: string, to: string, rule: string, reason: string) =>
  append(about, "feature.moved", { from, to, rule, reason: clip(reason) })

export const recorded = (about: About, types: ReadonlyArray<string>, sha: string) =>
  append(about, "feature.recorded", { events: [...types], sha })

export const refused = (about: About, taskId: string, problems: ReadonlyArray<string>) =>
  append(about, "feature.refused", { problems: problems.slice(0, 20).map((problem) => clip(problem, 500)) }, { taskId })

export const failed = (about: About, action: string, message: string) =>
  append(about, "feature.action_failed", { action, message: clip(message) })

export const output = (about: About, line: string) => append(about, "output", { line: clip(line), stream: "stdout" })

const entry = (type: string, data: Event.NewEvent["data"]) => ({ type, data })

const ciEntry = (event: Exclude<CiEvent, { readonly _tag: "Output" }>): Pick<Event.NewEvent, "type" | "data"> => {
  switch (event._tag) {
    case "StepStarted":
      return entry("ci.step_started", { step: event.step })
    case "StepEnded":
      return entry("ci.step_ended", {
        step: event.step,
        status: event.status,
        exit_code: event.exitCode,
        duration_ms: event.durationMillis
      })
    case "Ended":
      return entry("ci.ended", {
        status: event.run.status,
        reason: event.run.reason,
        duration_ms: event.run.durationMillis
      })
  }
}

/** Appends what a run did in one write; lines that a step printed after each other go together. */
export const ci = Effect.fn("FeatureLog.ci")(function* (about: About, runId: string, events: ReadonlyArray<CiEvent>) {
  const entries: Array<Pick<Event.NewEvent, "type" | "data">> = []
  let [step, lines]: [string, Array<OutputLines.OutputLine>] = ["", []]
  const close = () => {
    for (const { data, type } of OutputLines.toEvents(lines)) entries.push({ type, data: { ...data, step } })
    lines = []
  }
  for (const event of events) {
    if (event._tag !== "Output" || event.step !== step) close()
    if (event._tag === "Output") {
      step = event.step
      lines.push({ stream: event.stream, line: clip(event.line) })
    } else entries.push(ciEntry(event))
  }
  close()
  if (entries.length === 0) return
  const log = yield* EventLog
  const subject = { feature: about.index.slug, runId }
  yield* log.append(
    Event.ofProject(about.index.projectId),
    entries.map((one) => ({ ...one, subject }))
  )
})

export const deployed = Effect.fn("FeatureLog.deployed")(function* (
  about: About,
  release: Release,
  startedMillis: number
) {
  const now = yield* Clock.currentTimeMillis
  yield* append(about, "deploy.released", {
    release: release.id,
    environment: release.environment,
    url: release.url,
    sha: release.sha,
    duration_ms: now - startedMillis
  })
})

/** Appends what an agent did in one write. */
export const agent = Effect.fn("FeatureLog.agent")(function* (
  about: About,
  taskId: string,
  events: ReadonlyArray<AgentEvent>
) {
  if (events.length === 0) return
  const log = yield* EventLog
  const subject = { feature: about.index.slug, taskId }
  yield* log.append(
    Event.ofProject(about.index.projectId),
    agentEntries(events).map((event) => ({ ...event, subject }))
  )
})

/** Lines that follow each other go together. */
const agentEntries = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<Pick<Event.NewEvent, "type" | "data">> => {
  const entries: Array<Pick<Event.NewEvent, "type" | "data">> = []
  let lines: Array<OutputLines.OutputLine> = []
  for (const event of events) {
    if (event._tag === "Output") lines.push({ stream: event.stream, line: clip(event.line) })
    else {
      entries.push(...OutputLines.toEvents(lines), agentEntry(event))
      lines = []
    }
  }
  return [...entries, ...OutputLines.toEvents(lines)]
}

/** How an agent's event stands in the stream. */
const agentEntry = (event: AgentEvent): Pick<Event.NewEvent, "type" | "data"> => {
  switch (event._tag) {
    case "Started":
      return entry("agent.started", { agent: event.agent, model: event.model, session: event.sessionId })
    case "Message":
      return entry("agent.message", { text: clip(event.text) })
    case "Thinking":
      return entry("agent.thinking", { text: clip(event.text) })
    case "ToolCall":
      return entry("agent.tool_call", { id: event.id, name: event.name, input: clip(JSON.stringify(event.input)) })
    case "ToolResult":
      return entry("agent.tool_result", { id: event.id, ok: event.ok, output: clip(event.output) })
    case "FileChanged":
      return entry("agent.file_changed", { path: clip(event.path) })
    case "Output":
      return entry("output", { line: clip(event.line), stream: event.stream })
    case "Truncated":
      return entry("agent.truncated", { dropped_bytes: event.droppedBytes })
    case "Usage":
      return entry("agent.usage", {
        input_tokens: event.inputTokens,
        output_tokens: event.outputTokens,
        cost_usd: event.costUsd
      })
    case "Ended":
      return entry("agent.ended", { ok: event.ok, summary: clip(event.summary), exit_code: event.exitCode })
  }
}
