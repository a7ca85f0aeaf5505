/** `catalogue`: templates, agents and adapters. */
import { Api } from "@rdev/api/Api"
import { AgentHarness } from "@rdev/core/ports/agents/AgentHarness"
import { Templates } from "@rdev/core/ports/infra/Templates"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import { everything } from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { SlotHealth } from "../installation/SlotHealth.ts"
import * as Views from "../Views.ts"

export const layer = HttpApiBuilder.group(
  Api,
  "catalogue",
  Effect.fn(function* (handlers) {
    const templates = yield* Templates
    const agents = yield* AgentHarness
    const inspect = (name: string) =>
      Effect.gen(function* () {
        const harness = yield* agents.get(name)
        return Views.agent(harness.info, yield* harness.check)
      })
    const slots = yield* SlotHealth
    return handlers.handleAll({
      adapters: () =>
        answer(
          Effect.andThen(
            everything("adapters are of the whole installation"),
            Effect.map(slots.look, (all) => ({ file: slots.file, adapters: all.map(Views.adapter) }))
          )
        ),
      templates: () => answer(Effect.map(templates.list, (list) => ({ templates: list.map(Views.template) }))),
      agents: () =>
        answer(
          Effect.map(
            Effect.forEach(agents.list, (info) => inspect(info.name), { concurrency: 4 }),
            (list) => ({ agents: list })
          )
        )
    })
  })
)
