/** Coding agents as an adapter: what `use: agents` chooses in platform.yaml. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { AgentPrograms, Host } from "@rdev/core/adapter/Host"
import { AgentHarness } from "@rdev/core/ports/agents/AgentHarness"
import { Effect, Layer, Schema } from "effect"
import { AgentConfigs } from "./AgentConfig.ts"
import * as AgentRegistry from "./AgentRegistry.ts"

const AgentsConfig = Schema.Struct({
  list: Schema.optionalKey(
    AgentConfigs.annotate({
      description:
        "The agents; the first one is the default. Left out: those of RDEV_AGENTS, else scripted, claude, opencode and codex."
    })
  ),
  scriptFault: Schema.optionalKey(
    Schema.String.pipe(Adapter.variable("RDEV_SCRIPT_FAULT")).annotate({
      description: "A mistake that the scripted agent makes on purpose, for tests."
    })
  )
})
type AgentsConfig = typeof AgentsConfig.Type

const refused = (cause: AgentRegistry.AgentConfigError) =>
  new Adapter.AdapterError({
    operation: "AgentRegistry.layer",
    reason: { _tag: "Invalid", field: cause.source, message: cause.problem },
    cause
  })

/** The file's, else the variable's, else the default ones. */
const declared = ({ list }: AgentsConfig) =>
  Effect.gen(function* () {
    if (list !== undefined) return { agents: list, source: "agents.list" }
    const value = (yield* Host).variables["RDEV_AGENTS"]?.trim() ?? ""
    return {
      agents: value === "" ? AgentRegistry.defaultAgents : yield* AgentRegistry.parse(value, "RDEV_AGENTS"),
      source: "RDEV_AGENTS"
    }
  }).pipe(Effect.mapError(refused))

export default Adapter.define({
  api: 1,
  name: "agents",
  slots: {
    agents: {
      config: AgentsConfig,
      offers: (config) =>
        Layer.effect(
          AgentPrograms,
          Effect.gen(function* () {
            const { variables } = yield* Host
            return yield* AgentRegistry.programsOf((yield* declared(config)).agents, variables)
          })
        ),
      layer: (config) =>
        Layer.effect(
          AgentHarness,
          Effect.gen(function* () {
            const { variables } = yield* Host
            const { scriptFault } = config
            return yield* Effect.mapError(
              AgentRegistry.make({
                ...(yield* declared(config)),
                hostEnv: variables,
                ...(scriptFault === undefined ? {} : { scriptFault })
              }),
              refused
            )
          })
        ),
      health: () =>
        Effect.gen(function* () {
          const { get, list } = yield* AgentHarness
          const checks = yield* Effect.forEach(
            list,
            ({ name }) =>
              get(name).pipe(
                Effect.flatMap(({ check }) => check),
                Effect.match({
                  onSuccess: ({ message, ready }) => ({ name, ok: ready, detail: message }),
                  onFailure: (error) => ({ name, ok: false, detail: error.message })
                })
              ),
            { concurrency: 4 }
          )
          const ready = checks.filter(({ ok }) => ok).map(({ name }) => name)
          return {
            ok: ready.length > 0,
            detail: ready.length === 0 ? "no agent can run here" : `ready: ${ready.join(", ")}`,
            checks
          }
        })
    }
  }
})
