/**
 * A coding agent that can be given one job in a workspace. Events are normalised: whatever the agent's own format, a reader
 * sees the same ten shapes, the first is always `Started` and the last always `Ended`. An encoded event has at most 16 KiB.
 * A run that is not ok ends with `Ended { ok: false }` and then fails the stream with the classified reason.
 */
import { Context, Effect, Schema, Stream } from "effect"
import { ErrorClass } from "../../domain/ErrorClass.ts"
import type { Workspace } from "../infra/WorkspaceHost.ts"

/** A failure already classified (see domain/ErrorClass): a provider's limit, a refused key, a crash. */
export class AgentError extends Schema.TaggedError<AgentError>()("AgentError", {
  operation: Schema.String,
  reason: ErrorClass,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    return `${this.operation}: ${this.reason.message}`
  }
}

export const AgentEvent = Schema.TaggedUnion({
  Started: { agent: Schema.String, model: Schema.NullOr(Schema.String), sessionId: Schema.NullOr(Schema.String) },
  Message: { text: Schema.String },
  Thinking: { text: Schema.String },
  ToolCall: { id: Schema.String, name: Schema.String, input: Schema.Json },
  ToolResult: { id: Schema.String, ok: Schema.Boolean, output: Schema.String },
  FileChanged: { path: Schema.String },
  /** A raw line that no normaliser recognised. */
  Output: { stream: Schema.Literals(["stdout", "stderr"]), line: Schema.String },
  /** Stands before `Ended` when the agent printed more than is kept. */
  Truncated: { droppedBytes: Schema.Int },
  /** What was spent since the last `Usage`; a run's events add up. */
  Usage: { inputTokens: Schema.Int, outputTokens: Schema.Int, costUsd: Schema.NullOr(Schema.Finite) },
  Ended: { ok: Schema.Boolean, summary: Schema.String, exitCode: Schema.NullOr(Schema.Int) }
})
export type AgentEvent = typeof AgentEvent.Type

export interface AgentJob {
  readonly workspace: Workspace
  /** The agent command of the life cycle, e.g. `implement`, and the action that asked for it, e.g. `retry-task`. */
  readonly command: string
  readonly action: string
  readonly feature: string
  readonly taskId: string | null
  /** The full instruction text. */
  readonly prompt: string
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMillis: number
  /** USD; null = no cap. */
  readonly budgetUsd: number | null
}
export interface HarnessInfo {
  readonly name: string
  readonly title: string
  readonly kind: "scripted" | "command" | "agent"
  /** e.g. `stream`, `usage`, `session`, `budget`, `tools`. */
  readonly capabilities: ReadonlyArray<string>
  /** The network its workspace must have: see WorkspaceSpec. */
  readonly network: "none" | "loopback" | "internet"
}

/** One harness. */
export interface Harness {
  readonly info: HarnessInfo
  /** Whether it could run here; the message says what is missing and how to get it. */
  readonly check: Effect.Effect<{ readonly ready: boolean; readonly message: string }>
  /** Every run is a new process; interrupting the stream ends the agent and its children. */
  run(job: AgentJob): Stream.Stream<AgentEvent, AgentError>
}

/** The registry of harnesses that this installation has, by name. */
export class AgentHarness extends Context.Service<
  AgentHarness,
  {
    readonly list: ReadonlyArray<HarnessInfo>
    get(name: string): Effect.Effect<Harness, AgentError>
  }
>()("rdev/ports/AgentHarness") {}

/** The error for a name that no harness has. */
export const unknownHarness = (name: string, available: ReadonlyArray<string>): AgentError =>
  new AgentError({
    operation: "AgentHarness.get",
    reason: {
      _tag: "Invalid",
      field: "agent",
      message: `there is no agent "${name}"; this installation has ${available.length === 0 ? "none" : available.join(", ")}`
    }
  })

/** A registry of the given harnesses; the first of two with one name wins. */
export const fromHarnesses = (harnesses: ReadonlyArray<Harness>): typeof AgentHarness.Service => {
  const byName = new Map([...harnesses].reverse().map((harness) => [harness.info.name, harness]))
  const list = [...new Set(harnesses.map((harness) => harness.info.name))].flatMap(
    (name) => byName.get(name)?.info ?? []
  )
  return {
    list,
    get: (name) => {
      const found = byName.get(name)
      return found === undefined
        ? Effect.fail(
            unknownHarness(
              name,
              list.map((info) => info.name)
            )
          )
        : Effect.succeed(found)
    }
  }
}
