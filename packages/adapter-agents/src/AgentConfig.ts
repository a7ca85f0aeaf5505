/** How an installation's agents are declared, as data: the scripted agent, a preset of a known CLI, or any command. */
import { Schema } from "effect"
import { formatNames } from "./formats/Formats.ts"

/** Lower-case letters, digits, hyphens: it stands in `SDLC_PRINCIPAL=agent:<name>` and in the author of commits. */
export const AgentName = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{0,38}$/, {
    message: "expected a name of lower-case letters, digits and hyphens, starting with a letter, at most 39 characters"
  })
)

export const presetNames = ["claude", "opencode", "codex"] as const
export type PresetName = (typeof presetNames)[number]

const Variables = Schema.Record(
  Schema.String.check(
    Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/, { message: "expected the name of an environment variable" })
  ),
  Schema.String
)

export const ScriptedAgent = Schema.Struct({
  kind: Schema.Literal("scripted"),
  name: AgentName,
  /** Deliberate mistakes for tests; see `faults` in ScriptedHarness. */
  fault: Schema.optionalKey(Schema.String)
})
export type ScriptedAgent = typeof ScriptedAgent.Type

/**
 * A command-line agent. Every field but `name` and `kind` may come from the preset.
 *
 * In `argv`, `modelArgs`, `budgetArgs` and `env` these stand for values of the run: `{{prompt}}`, `{{promptFile}}` (a file in the
 * workspace that holds the prompt), `{{workDir}}`, `{{feature}}`, `{{action}}`, `{{taskId}}`, `{{model}}`, `{{budgetUsd}}`.
 */
export const CommandAgent = Schema.Struct({
  kind: Schema.Literal("command"),
  name: AgentName,
  title: Schema.optionalKey(Schema.String),
  preset: Schema.optionalKey(Schema.Literals(presetNames)),
  argv: Schema.optionalKey(Schema.NonEmptyArray(Schema.String)),
  /** What the agent reads on standard input. */
  stdin: Schema.optionalKey(Schema.Literals(["prompt", "none"])),
  /** How its output is read. */
  format: Schema.optionalKey(Schema.Literals(formatNames)),
  model: Schema.optionalKey(Schema.NonEmptyString),
  /** Appended when a model is set. */
  modelArgs: Schema.optionalKey(Schema.Array(Schema.String)),
  /** Appended when the run has a budget. */
  budgetArgs: Schema.optionalKey(Schema.Array(Schema.String)),
  env: Schema.optionalKey(Variables),
  /** Variables of the server that the agent may see; their values are removed from its output. */
  passEnv: Schema.optionalKey(Schema.Array(Schema.String)),
  /** At least one of these of `passEnv` must be set for the agent to be ready. */
  credentials: Schema.optionalKey(Schema.Array(Schema.String)),
  network: Schema.optionalKey(Schema.Literals(["none", "loopback", "internet"])),
  /** How to get the program, for the message that says it is missing. */
  install: Schema.optionalKey(Schema.String)
})
export type CommandAgent = typeof CommandAgent.Type

export const AgentConfig = Schema.Union([ScriptedAgent, CommandAgent])
export type AgentConfig = typeof AgentConfig.Type
export const AgentConfigs = Schema.NonEmptyArray(AgentConfig)
