/** The AgentHarness port from data: which agents an installation has. The first one is the default. */
import { AgentHarness, fromHarnesses, type Harness } from "@rdev/core/ports/agents/AgentHarness"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Layer, Schema } from "effect"
import { readFile } from "node:fs/promises"
import { type AgentConfig, AgentConfigs } from "./AgentConfig.ts"
import * as CommandHarness from "./CommandHarness.ts"
import * as ScriptedHarness from "./ScriptedHarness.ts"

/** A declaration that cannot be used; the message names the agent, the field and what to write. */
export class AgentConfigError extends Schema.TaggedError<AgentConfigError>()("AgentConfigError", {
  source: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.source}: ${this.problem}`
  }
}

/** The scripted agent and the three presets: what an installation has that declares nothing. */
export const defaultAgents: ReadonlyArray<AgentConfig> = [
  { kind: "scripted", name: "scripted" },
  { kind: "command", name: "claude", preset: "claude" },
  { kind: "command", name: "opencode", preset: "opencode" },
  { kind: "command", name: "codex", preset: "codex" }
]

export interface Options {
  readonly agents?: ReadonlyArray<AgentConfig>
  /** Variables of the server: PATH, and the variables named by `passEnv`. */
  readonly hostEnv?: CommandHarness.Variables
  /** Fault of scripted agents that declare none; see ScriptedHarness. */
  readonly scriptFault?: string
  /** Where the declarations came from, for messages. */
  readonly source?: string
}

export const make = Effect.fn("AgentRegistry.make")(function* (options: Options) {
  const host = yield* WorkspaceHost
  const source = options.source ?? "agents"
  const hostEnv = options.hostEnv ?? {}
  const harnesses: Array<Harness> = []
  for (const agent of options.agents ?? defaultAgents) {
    if (harnesses.some((harness) => harness.info.name === agent.name))
      return yield* new AgentConfigError({ source, problem: `two agents are named "${agent.name}"; rename one` })
    if (agent.kind === "scripted") {
      const fault = agent.fault ?? options.scriptFault
      harnesses.push(ScriptedHarness.make(host, { name: agent.name, ...(fault === undefined ? {} : { fault }) }))
      continue
    }
    const resolved = CommandHarness.resolve(agent)
    if (resolved._tag === "Missing") return yield* new AgentConfigError({ source, problem: resolved.message })
    harnesses.push(CommandHarness.make(host, resolved.agent, hostEnv))
  }
  return fromHarnesses(harnesses)
})

export const layer = (options: Options = {}): Layer.Layer<AgentHarness, AgentConfigError, WorkspaceHost> =>
  Layer.effect(AgentHarness, make(options))

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(AgentConfigs), { onExcessProperty: "error" })

/** Parses declarations: a JSON array, or the path of a file that holds one. */
export const parse = Effect.fn("AgentRegistry.parse")(function* (value: string, source: string) {
  const inline = value.trimStart().startsWith("[")
  const where = inline ? source : `${source} (${value})`
  const text = inline
    ? value
    : yield* Effect.tryPromise({
        try: () => readFile(value, "utf8"),
        catch: (cause) =>
          new AgentConfigError({
            source,
            problem: `cannot read ${value}: ${cause instanceof Error ? cause.message : String(cause)}; give a JSON array of agents or the path of a file with one`
          })
      })
  return yield* decode(text).pipe(
    Effect.mapError((error) => new AgentConfigError({ source: where, problem: error.message }))
  )
})

/**
 * The programs of the declared agents that stand outside the system's folders (`~/.local/bin`, a version manager): a workspace host
 * that hides the machine has to be given them by name. Scripts are left out: they need the files beside them.
 */
export const programsOf = (
  agents: ReadonlyArray<AgentConfig>,
  hostEnv: CommandHarness.Variables
): Effect.Effect<ReadonlyArray<CommandHarness.Program>> =>
  Effect.gen(function* () {
    const programs = new Map<string, CommandHarness.Program>()
    for (const agent of agents) {
      const resolved = agent.kind === "command" ? CommandHarness.resolve(agent) : null
      const program = resolved?._tag === "Ok" ? yield* CommandHarness.programOf(resolved.agent, hostEnv) : null
      if (program !== null) programs.set(program.name, program)
    }
    return [...programs.values()]
  })
