/**
 * A coding agent that can be given one job in a workspace. Events are normalised: whatever the agent's own format, a reader
 * sees the same ten shapes, and the last one is always `Ended`.
 */
import { Context, type Effect, Schema, type Stream } from "effect"
import { ErrorClass } from "../domain/ErrorClass.ts"
import type { Workspace } from "./WorkspaceHost.ts"

/** A failure already classified (see domain/ErrorClass): a provider's limit, a refused key, a crash. */
export class AgentError extends Schema.TaggedError<AgentError>()("AgentError", {
  operation: Schema.String,
  reason: ErrorClass,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string { return `${this.operation}: ${this.reason.message}` }
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
  Truncated: { droppedBytes: Schema.Int },
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
export interface HarnessInfo { readonly name: string; readonly title: string; readonly kind: "scripted" | "command" | "agent"; readonly capabilities: ReadonlyArray<string> }

/** One harness. */
export interface Harness {
  readonly info: HarnessInfo
  /** Whether it could run here; the message says what is missing and how to get it. */
  readonly check: Effect.Effect<{ readonly ready: boolean; readonly message: string }>
  /** Interrupting the stream ends the agent and its children. */
  run(job: AgentJob): Stream.Stream<AgentEvent, AgentError>
}

/** The registry of harnesses that this installation has, by name. */
export class AgentHarness extends Context.Service<AgentHarness, {
  readonly list: ReadonlyArray<HarnessInfo>
  get(name: string): Effect.Effect<Harness, AgentError>
}>()("rdev/ports/AgentHarness") {}
