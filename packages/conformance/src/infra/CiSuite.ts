/** What every CI must do. `prepare` makes commits whose pipelines come out as named. */
import { assert, layer as withLayer } from "@effect/vitest"
import { Ci, type CiError, type CiEvent } from "@rdev/core/ports/infra/Ci"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { Effect, Layer, Stream, Option } from "effect"

/**
 * green: steps `build` (prints `building`) and `test`, both 0. red: `build` 0, `test` prints `1 failed` and exits 3, then `deploy` is
 * skipped. slow: a step that runs for minutes. broken: a pipeline that cannot be run.
 */
export type Kind = "green" | "red" | "slow" | "broken"
export interface Capabilities<R> {
  readonly prepare: (kind: Kind) => Effect.Effect<{ readonly target: RepositoryTarget; readonly sha: Sha }, unknown, R>
  /** false: what is behind the port has no way to end a run; then it says so and leaves the run. */
  readonly cancels?: false
}

const reasonOf = <A, R>(effect: Effect.Effect<A, CiError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

export const suite = <R>(name: string, layer: Layer.Layer<Ci | R, unknown>, capabilities: Capabilities<R>): void => {
  let keys = 0
  const started = Effect.fnUntraced(function* (kind: Kind) {
    const ci = yield* Ci
    const { target, sha } = yield* Effect.orDie(capabilities.prepare(kind))
    yield* ci.ensure(target)
    keys += 1
    const request = { key: `key-${keys}`, sha, branch: "main", event: "push" as const }
    return { ci, target, sha, request, run: yield* ci.start(target, request) }
  })
  const finished = Effect.fnUntraced(function* (kind: Kind) {
    const begun = yield* started(kind)
    const events = yield* Stream.runCollect(begun.ci.follow(begun.target, begun.run.id))
    return { ...begun, events, run: yield* begun.ci.get(begun.target, begun.run.id) }
  })
  const lines = (events: ReadonlyArray<CiEvent>, step: string) =>
    events.flatMap((e) => (e._tag === "Output" && e.step === step ? [e.line] : []))

  withLayer(Layer.orDie(layer), { excludeTestServices: true })(`Ci: ${name}`, (it) => {
    it.effect("activates once", () =>
      Effect.gen(function* () {
        const ci = yield* Ci
        const { target } = yield* Effect.orDie(capabilities.prepare("green"))
        assert.isTrue(Option.isNone(yield* ci.observe(target)))
        const first = yield* ci.ensure(target)
        assert.deepStrictEqual(yield* ci.observe(target), Option.some({ externalId: first.externalId }))
        assert.strictEqual(first.created, true)
        assert.deepStrictEqual(yield* ci.ensure(target), { externalId: first.externalId, created: false })
      })
    )

    it.effect("reports a green run step by step", () =>
      Effect.gen(function* () {
        const { run, events, sha } = yield* finished("green")
        assert.deepInclude(run, { status: "green", sha, reason: null })
        assert.match(run.id, /^run_/)
        assert.deepStrictEqual(
          run.steps.map((s) => [s.name, s.status, s.exitCode]),
          [
            ["build", "success", 0],
            ["test", "success", 0]
          ]
        )
        assert.isNumber(run.durationMillis)
        assert.include(lines(events, "build"), "building")
        assert.deepStrictEqual(
          events.filter((e) => e._tag !== "Output").map((e) => e._tag),
          ["StepStarted", "StepEnded", "StepStarted", "StepEnded", "Ended"]
        )
        const last = events.at(-1)
        assert.deepStrictEqual(last?._tag === "Ended" ? last.run : null, run)
      })
    )

    it.effect("names the failing step and its exit code", () =>
      Effect.gen(function* () {
        const { run, events } = yield* finished("red")
        assert.strictEqual(run.status, "red")
        assert.include(run.reason ?? "", "test")
        assert.include(run.reason ?? "", "3")
        assert.deepStrictEqual(
          run.steps.map((s) => [s.name, s.status, s.exitCode]),
          [
            ["build", "success", 0],
            ["test", "failure", 3],
            ["deploy", "skipped", null]
          ]
        )
        assert.include(lines(events, "test"), "1 failed")
      })
    )

    it.effect("says infra, with a reason, when the pipeline cannot be run", () =>
      Effect.gen(function* () {
        const { run } = yield* finished("broken")
        assert.strictEqual(run.status, "infra")
        assert.isAbove((run.reason ?? "").length, 10)
      })
    )

    it.effect("starts once per key and replays from the beginning", () =>
      Effect.gen(function* () {
        const { ci, target, request, run, events } = yield* finished("green")
        assert.strictEqual((yield* ci.start(target, request)).id, run.id)
        const parallel = yield* Effect.all(
          Array.from({ length: 5 }, () => ci.start(target, { ...request, key: "together" })),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(parallel.map((r) => r.id)).size, 1)
        assert.notStrictEqual(parallel[0]?.id, run.id)
        assert.deepStrictEqual(yield* Stream.runCollect(ci.follow(target, run.id)), events)
      })
    )

    if (capabilities.cancels === false)
      it.effect("says that it cannot cancel, and cancels nothing", () =>
        Effect.gen(function* () {
          const { ci, target, run } = yield* started("slow")
          yield* Stream.runHead(Stream.filter(ci.follow(target, run.id), (e) => e._tag === "StepStarted"))
          assert.strictEqual((yield* reasonOf(ci.cancel(target, run.id)))._tag, "Unsupported")
          assert.strictEqual((yield* ci.get(target, run.id)).status, "running")
          const ended = yield* finished("green")
          yield* ended.ci.cancel(ended.target, ended.run.id)
          assert.strictEqual((yield* ended.ci.get(ended.target, ended.run.id)).status, "green")
        })
      )
    else
      it.effect("cancels a run, and again", () =>
        Effect.gen(function* () {
          const { ci, target, run } = yield* started("slow")
          yield* Stream.runHead(Stream.filter(ci.follow(target, run.id), (e) => e._tag === "StepStarted"))
          assert.strictEqual((yield* ci.get(target, run.id)).status, "running")
          yield* ci.cancel(target, run.id)
          assert.strictEqual((yield* ci.get(target, run.id)).status, "cancelled")
          const events = yield* Stream.runCollect(ci.follow(target, run.id))
          assert.strictEqual(events.at(-1)?._tag, "Ended")
          yield* ci.cancel(target, run.id)
          assert.strictEqual((yield* ci.get(target, run.id)).status, "cancelled")
        })
      )

    it.effect("does not know other runs, nor those of other projects", () =>
      Effect.gen(function* () {
        const { ci, target, run } = yield* finished("green")
        const other = yield* started("green")
        assert.strictEqual((yield* reasonOf(ci.get(other.target, run.id)))._tag, "NotFound")
        const unknown = "run_01ARZ3NDEKTSV4RRFFQ69G5FAV" as typeof run.id
        assert.strictEqual((yield* reasonOf(ci.get(target, unknown)))._tag, "NotFound")
        assert.strictEqual((yield* reasonOf(Stream.runDrain(ci.follow(target, unknown))))._tag, "NotFound")
        assert.strictEqual((yield* reasonOf(ci.cancel(target, unknown)))._tag, "NotFound")
      })
    )

    it.effect("removes a project's runs, and what runs", () =>
      Effect.gen(function* () {
        const { ci, target, run, request } = yield* started("slow")
        yield* ci.remove(target)
        yield* ci.remove(target)
        assert.strictEqual((yield* reasonOf(ci.get(target, run.id)))._tag, "NotFound")
        assert.strictEqual((yield* reasonOf(ci.start(target, request)))._tag, "NotFound")
      })
    )
  })
}
