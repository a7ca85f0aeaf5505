/** A fake CI: runs are scripts of steps that take time on the Clock. Nothing is executed; a test decides what comes out. */
import { Clock, Deferred, Effect, Fiber, Layer, Option, PubSub, Ref, Scope, Stream } from "effect"
import * as NewId from "../../ids/NewId.ts"
import type { CiEvent, CiRun, CiStep } from "../../ports/infra/Ci.ts"
import { Ci, CiError } from "../../ports/infra/Ci.ts"
import type { RepositoryTarget, Sha } from "../../ports/infra/Forge.ts"
import type { PortReason } from "../../ports/infra/PortReason.ts"

export interface FakeStep {
  readonly name: string
  readonly exitCode: number
  readonly output?: ReadonlyArray<string>
  readonly durationMillis?: number
}
export interface FakeRequest {
  readonly target: RepositoryTarget
  readonly sha: Sha
  readonly branch: string
  readonly event: string
}
/** The steps of a run, or why it cannot run. */
export type FakePipeline = (request: FakeRequest) => ReadonlyArray<FakeStep> | { readonly infra: string }

const green: FakePipeline = () => [{ name: "test", exitCode: 0, output: ["ok"] }]

interface Entry {
  readonly projectId: string
  readonly run: Ref.Ref<CiRun>
  readonly events: Array<CiEvent>
  readonly changed: PubSub.PubSub<void>
  readonly fiber: Deferred.Deferred<Fiber.Fiber<void>>
}

const error = (operation: string, reason: PortReason) => new CiError({ operation: `Ci.${operation}`, reason })

const make = (pipeline: FakePipeline) =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const active = new Set<string>()
    const runs = new Map<string, Entry>()
    const keys = new Map<string, string>()

    const find = (operation: string, target: RepositoryTarget, id: string) => {
      const entry = runs.get(id)
      return entry === undefined || entry.projectId !== target.projectId
        ? Effect.fail(error(operation, { _tag: "NotFound", message: `run ${id} does not exist` }))
        : Effect.succeed(entry)
    }
    const emit = (entry: Entry, event: CiEvent) =>
      Effect.suspend(() => {
        entry.events.push(event)
        return PubSub.publish(entry.changed, undefined)
      })
    const finish = Effect.fnUntraced(function* (
      entry: Entry,
      status: CiRun["status"],
      reason: string | null,
      startedAt: number
    ) {
      const durationMillis = (yield* Clock.currentTimeMillis) - startedAt
      const run = yield* Ref.updateAndGet(entry.run, (r): CiRun => ({ ...r, status, reason, durationMillis }))
      yield* emit(entry, { _tag: "Ended", run })
    })
    const setStep = (entry: Entry, name: string, change: Partial<CiStep>) =>
      Ref.update(entry.run, (run): CiRun => ({
        ...run,
        steps: run.steps.map((step) => (step.name === name ? { ...step, ...change } : step))
      }))

    const play = Effect.fnUntraced(function* (entry: Entry, plan: ReturnType<FakePipeline>, startedAt: number) {
      if ("infra" in plan) return yield* finish(entry, "infra", plan.infra, startedAt)
      let failed: FakeStep | null = null
      for (const step of plan) {
        if (failed !== null) {
          yield* setStep(entry, step.name, { status: "skipped" })
          yield* emit(entry, {
            _tag: "StepEnded",
            step: step.name,
            status: "skipped",
            exitCode: null,
            durationMillis: 0
          })
          continue
        }
        yield* setStep(entry, step.name, { status: "running" })
        yield* emit(entry, { _tag: "StepStarted", step: step.name })
        for (const line of step.output ?? [])
          yield* emit(entry, { _tag: "Output", step: step.name, stream: "stdout", line })
        const durationMillis = step.durationMillis ?? 0
        if (durationMillis > 0) yield* Effect.sleep(durationMillis)
        const status = step.exitCode === 0 ? "success" : "failure"
        yield* setStep(entry, step.name, { status, exitCode: step.exitCode, durationMillis })
        yield* emit(entry, { _tag: "StepEnded", step: step.name, status, exitCode: step.exitCode, durationMillis })
        if (step.exitCode !== 0) failed = step
      }
      yield* finish(
        entry,
        failed === null ? "green" : "red",
        failed === null ? null : `step "${failed.name}" exited ${failed.exitCode}`,
        startedAt
      )
    })

    return Ci.of({
      ensure: (target) =>
        Effect.sync(() => {
          const created = !active.has(target.projectId)
          active.add(target.projectId)
          return { externalId: target.name, created }
        }),
      observe: (target) =>
        Effect.sync(() => (active.has(target.projectId) ? Option.some({ externalId: target.name }) : Option.none())),
      remove: (target) =>
        Effect.gen(function* () {
          for (const [id, entry] of runs) {
            if (entry.projectId !== target.projectId) continue
            yield* Fiber.interrupt(yield* Deferred.await(entry.fiber))
            runs.delete(id)
          }
          for (const key of keys.keys()) if (key.startsWith(`${target.projectId} `)) keys.delete(key)
          active.delete(target.projectId)
        }),
      start: Effect.fnUntraced(function* (target, request) {
        if (!active.has(target.projectId))
          return yield* error("start", { _tag: "NotFound", message: `the pipeline of ${target.name} is not activated` })
        const key = `${target.projectId} ${request.key}`
        const there = Option.fromNullishOr(runs.get(keys.get(key) ?? ""))
        if (Option.isSome(there)) return yield* Ref.get(there.value.run)
        const plan = pipeline({ target, sha: request.sha, branch: request.branch, event: request.event })
        const id = yield* NewId.make("run")
        const steps =
          "infra" in plan
            ? []
            : plan.map((step): CiStep => ({ name: step.name, status: "pending", exitCode: null, durationMillis: null }))
        const entry: Entry = {
          projectId: target.projectId,
          run: yield* Ref.make<CiRun>({
            id,
            sha: request.sha,
            status: "running",
            steps,
            reason: null,
            durationMillis: null
          }),
          events: [],
          // Only "look again": one waiting hint says as much as many.
          changed: yield* PubSub.sliding<void>(1),
          fiber: yield* Deferred.make<Fiber.Fiber<void>>()
        }
        keys.set(key, id)
        runs.set(id, entry)
        const startedAt = yield* Clock.currentTimeMillis
        const running = play(entry, plan, startedAt).pipe(
          Effect.onInterrupt(() => finish(entry, "cancelled", "it was cancelled", startedAt))
        )
        const fiber = yield* Effect.forkIn(running, scope, { startImmediately: true })
        yield* Deferred.succeed(entry.fiber, fiber)
        return yield* Ref.get(entry.run)
      }),
      get: (target, id) => Effect.flatMap(find("get", target, id), (entry) => Ref.get(entry.run)),
      follow: (target, id) =>
        Stream.unwrap(
          Effect.gen(function* () {
            const entry = yield* find("follow", target, id)
            const own = yield* Scope.make()
            const changes = yield* Scope.provide(PubSub.subscribe(entry.changed), own)
            return Stream.unfold(0, (at: number) =>
              Effect.gen(function* () {
                while (entry.events[at] === undefined) {
                  if (entry.events.at(-1)?._tag === "Ended") return undefined
                  yield* PubSub.take(changes)
                }
                return [entry.events[at], at + 1] as const
              })
            ).pipe(Stream.ensuring(Scope.close(own, yield* Effect.exit(Effect.void))))
          })
        ),
      cancel: (target, id) =>
        Effect.gen(function* () {
          const entry = yield* find("cancel", target, id)
          yield* Fiber.interrupt(yield* Deferred.await(entry.fiber))
        })
    })
  })

/** `pipeline` decides each run. */
export const layerWith = (pipeline: FakePipeline): Layer.Layer<Ci> =>
  Layer.suspend(() => Layer.effect(Ci, make(pipeline)))

/** Every run is green at once. */
export const layer: Layer.Layer<Ci> = layerWith(green)
