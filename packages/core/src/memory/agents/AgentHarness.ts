/** Harnesses in memory: what they do is a stream that a test gives. */
import { Effect, Layer, Stream } from "effect"
import {
  AgentError,
  AgentEvent,
  AgentHarness,
  type AgentJob,
  fromHarnesses,
  type Harness
} from "../../ports/agents/AgentHarness.ts"

/** A harness in memory: `play` gives the events between `Started` and `Ended`, or fails with the reason of a failed run. */
export const harness = (name: string, play: (job: AgentJob) => Stream.Stream<AgentEvent, AgentError>): Harness => ({
  info: { name, title: `${name} (in memory)`, kind: "scripted", capabilities: ["stream"], network: "none" },
  check: Effect.succeed({ ready: true, message: "always ready" }),
  run: (job) => {
    const started = AgentEvent.cases.Started.make({ agent: name, model: null, sessionId: null })
    const ended = (ok: boolean, summary: string) => AgentEvent.cases.Ended.make({ ok, summary, exitCode: ok ? 0 : 1 })
    return Stream.make<[AgentEvent]>(started).pipe(
      Stream.concat(play(job)),
      Stream.concat(Stream.make<[AgentEvent]>(ended(true, job.action))),
      Stream.catch((error) =>
        Stream.concat(Stream.make<[AgentEvent]>(ended(false, error.reason.message)), Stream.fail(error))
      )
    )
  }
})

/** One harness, `memory`, that says which action it was given and does nothing. */
export const layer: Layer.Layer<AgentHarness> = Layer.succeed(
  AgentHarness,
  fromHarnesses([
    harness("memory", (job) =>
      Stream.make<[AgentEvent]>(AgentEvent.cases.Message.make({ text: `${job.action} for ${job.feature}` }))
    )
  ])
)
