/**
 * What every harness must do: announce itself once, end every run with exactly one `Ended`, keep events small and clean, fail with a
 * class instead of a defect, and stop at once when it is interrupted. Run it once per harness.
 */
import { assert, layer as withLayer } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import { AgentError, AgentEvent, AgentHarness, type AgentJob } from "@rdev/core/ports/agents/AgentHarness"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Duration, Effect, Fiber, Layer, Option, Queue, Schema, Stream } from "effect"

type Change = Partial<Omit<AgentJob, "workspace">>

export interface Capabilities {
  /** Name of the harness under test. */
  readonly harness: string
  /** A job that it does successfully. */
  readonly succeeds: Change
  /** A job whose run fails, and the class of its failure; null: this harness cannot be made to fail. */
  readonly fails: { readonly job: Change; readonly reason: string } | null
  /** A job that runs for ever once it has started; null: this harness has none. */
  readonly hangs: Change | null
  /** A job that prints more than 8 MiB and then succeeds; null: this harness cannot. */
  readonly floods: Change | null
}

const encode = Schema.encodeUnknownSync(AgentEvent)
const tags = (events: ReadonlyArray<AgentEvent>) => events.map((event) => event._tag)

let counter = 0
/** A job in a workspace of its own. */
const jobOf = Effect.fnUntraced(function* (change: Change) {
  const host = yield* WorkspaceHost
  counter += 1
  const workspace = yield* host.ensure({
    projectId: yield* NewId.make("proj"),
    name: `agent-${counter}`,
    network: "none"
  })
  return {
    workspace,
    command: "implement",
    action: "implement-task",
    feature: "greeting",
    taskId: null,
    prompt: "Say hello.",
    env: {},
    timeoutMillis: 60_000,
    budgetUsd: null,
    ...change
  } satisfies AgentJob
})

/** All events of a run and how it ended. */
const play = Effect.fnUntraced(function* (harness: string, change: Change) {
  const agent = yield* (yield* AgentHarness).get(harness)
  const events: Array<AgentEvent> = []
  const error = yield* agent.run(yield* jobOf(change)).pipe(
    Stream.runForEach((event) => Effect.sync(() => void events.push(event))),
    Effect.match({ onSuccess: () => null, onFailure: (failure) => failure })
  )
  return { events, error }
})

const checkEvents = (harness: string, events: ReadonlyArray<AgentEvent>) => {
  const seen = tags(events)
  assert.strictEqual(seen[0], "Started", `the first event is Started: ${seen.slice(0, 5).join(", ")}`)
  assert.strictEqual(seen.filter((tag) => tag === "Started").length, 1, "Started stands once")
  assert.strictEqual(seen.at(-1), "Ended", "the last event is Ended")
  assert.strictEqual(seen.filter((tag) => tag === "Ended").length, 1, "Ended stands once")
  const [started] = events
  if (started?._tag === "Started") assert.strictEqual(started.agent, harness)
  for (const event of events) {
    const text = JSON.stringify(encode(event))
    assert.isAtMost(Buffer.byteLength(text), 16_384, `an event has at most 16 KiB: ${text.slice(0, 200)}`)
    assert.notMatch(text, /\\u00(?:0[0-8bcef]|1[0-9a-f]|7f|[89][0-9a-f])/i, "no control characters")
  }
}

export const suite = (
  name: string,
  layer: Layer.Layer<AgentHarness | WorkspaceHost, unknown>,
  capabilities: Capabilities
): void => {
  const { fails, floods, hangs, harness } = capabilities
  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`AgentHarness: ${name}`, (it) => {
    it.effect("is listed once under its name, and can say whether it is ready", () =>
      Effect.gen(function* () {
        const registry = yield* AgentHarness
        const names = registry.list.map((info) => info.name)
        assert.strictEqual(new Set(names).size, names.length, `names are unique: ${names.join(", ")}`)
        const agent = yield* registry.get(harness)
        assert.deepStrictEqual(
          registry.list.find((info) => info.name === harness),
          agent.info
        )
        const { message } = yield* agent.check
        assert.isAbove(message.length, 0, "check says something a person can act on")
      })
    )

    it.effect("an unknown name is Invalid and names the agents there are", () =>
      Effect.gen(function* () {
        const registry = yield* AgentHarness
        const error = yield* Effect.flip(registry.get("no-such-agent"))
        assert.strictEqual(error.reason._tag, "Invalid")
        assert.include(error.message, harness)
      })
    )

    it.effect("a run that succeeds begins with Started and ends with Ended", () =>
      Effect.gen(function* () {
        const { error, events } = yield* play(harness, capabilities.succeeds)
        assert.isNull(error, error?.message)
        checkEvents(harness, events)
        const ended = events.at(-1)
        assert.isTrue(ended?._tag === "Ended" && ended.ok)
      })
    )

    it.effect("two runs do not know of each other", () =>
      Effect.gen(function* () {
        const runs = yield* Effect.all([play(harness, capabilities.succeeds), play(harness, capabilities.succeeds)], {
          concurrency: 2
        })
        for (const { error, events } of runs) {
          assert.isNull(error, error?.message)
          checkEvents(harness, events)
        }
      })
    )

    if (fails !== null) {
      it.effect("a run that fails ends with Ended and then fails with its class", () =>
        Effect.gen(function* () {
          const { error, events } = yield* play(harness, fails.job)
          assert.instanceOf(error, AgentError)
          assert.strictEqual(error?.reason._tag, fails.reason, error?.message)
          assert.isAbove(error?.reason.message.length ?? 0, 0)
          checkEvents(harness, events)
          const ended = events.at(-1)
          assert.isTrue(ended?._tag === "Ended" && !ended.ok)
        })
      )
    }

    if (floods !== null) {
      it.effect("a flood is cut, counted and survived", () =>
        Effect.gen(function* () {
          const { error, events } = yield* play(harness, floods)
          assert.isNull(error, error?.message)
          checkEvents(harness, events)
          const bytes = events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0)
          assert.isAtMost(bytes, 9 * 1_048_576)
          const cut = events.find((event) => event._tag === "Truncated")
          assert.isTrue(cut?._tag === "Truncated" && cut.droppedBytes > 1_048_576)
        })
      )
    }

    if (hangs !== null) {
      it.effect("an interrupted run stops", () =>
        Effect.gen(function* () {
          const agent = yield* (yield* AgentHarness).get(harness)
          const started = yield* Queue.unbounded<AgentEvent>()
          const fiber = yield* Effect.forkChild(
            Stream.runForEach(agent.run(yield* jobOf(hangs)), (event) => Queue.offer(started, event))
          )
          assert.strictEqual((yield* Queue.take(started))._tag, "Started")
          const stopped = yield* Fiber.interrupt(fiber).pipe(Effect.timeoutOption(Duration.seconds(20)))
          assert.isTrue(Option.isSome(stopped), "interrupting returns once the agent is gone")
        })
      )

      it.effect("a run beyond its time limit is a Timeout", () =>
        Effect.gen(function* () {
          const { error, events } = yield* play(harness, { ...hangs, timeoutMillis: 1_000 })
          assert.strictEqual(error?.reason._tag, "Timeout", error?.message)
          checkEvents(harness, events)
        })
      )
    }
  })
}
