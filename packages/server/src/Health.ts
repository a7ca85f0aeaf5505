/** Whether this server can do its work: each part looked at in turn, with a bound on the time. Looked at most twice a second. */
import type { Check, Health as HealthView } from "@rdev/api/groups/System"
import { Machine, StoresAnswer } from "@rdev/core/adapter/Host"
import { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { WorkQueueStore } from "@rdev/core/ports/stores/WorkQueueStore"
import { SlotHealth } from "./installation/SlotHealth.ts"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const patienceMillis = 3_000

export class Health extends Context.Service<
  Health,
  {
    /** Whether this server can do its work. */
    readonly look: Effect.Effect<typeof HealthView.Type>
    /** The same, and what it works with outside of itself: `degraded` while something of that is away. */
    readonly whole: Effect.Effect<typeof HealthView.Type>
    /** One slot of the installation, by where it stands in platform.yaml; null = there is none. */
    part(name: string): Effect.Effect<typeof Check.Type | null>
    /** From now on `stopping`: load balancers send nothing more. */
    readonly stop: Effect.Effect<void>
    readonly isStopping: () => boolean
  }
>()("rdev/server/Health") {}

export interface Options {
  readonly version: string
  readonly mode: "embedded" | "scaled"
}

export const layer = (options: Options): Layer.Layer<Health, never, ProjectStore | SlotHealth | WorkQueueStore> =>
  Layer.effect(
    Health,
    Effect.gen(function* () {
      const projects = yield* ProjectStore
      const queue = yield* WorkQueueStore
      const databaseAnswers = yield* StoresAnswer
      const machine = yield* Machine
      const { parts } = yield* SlotHealth
      const startedMillis = performance.now()
      let stopping = false

      const check = <E>(name: string, answers: string, effect: Effect.Effect<unknown, E>) =>
        Effect.suspend(() => {
          const began = performance.now()
          const done = (ok: boolean, detail: string) => ({
            name,
            ok,
            detail,
            durationMs: Math.round((performance.now() - began) * 10) / 10
          })
          return effect.pipe(
            Effect.match({
              onSuccess: () => done(true, answers),
              // The message may hold addresses and names of the inside; it is for the log.
              onFailure: () => done(false, "it cannot be reached")
            }),
            Effect.timeoutOrElse({
              duration: patienceMillis,
              orElse: () => Effect.sync(() => done(false, `no answer within ${patienceMillis} ms`))
            })
          )
        })
      /** At its reserve the disk still takes what the platform writes, so that requests are answered; only when that ends the server cannot work. */
      const disk =
        machine === null
          ? Effect.succeed(null)
          : Effect.suspend(() => {
              const began = performance.now()
              return machine.room.pipe(
                Effect.match({
                  onSuccess: (room) => ({ name: "disk", ...room }),
                  onFailure: () => ({
                    name: "disk",
                    ok: false,
                    detail: "the data folder cannot be looked at",
                    state: "full" as const
                  })
                }),
                Effect.map((found) => ({ ...found, durationMs: Math.round((performance.now() - began) * 10) / 10 }))
              )
            })
      /** Which wall is missing is for operators alone: `rdev doctor` says it on the machine. */
      const walls =
        machine === null
          ? []
          : [
              {
                name: "walls",
                ok: true,
                durationMs: 0,
                detail:
                  machine.missing.length === 0
                    ? "all stand"
                    : `${machine.missing.length} of those around commands cannot stand on this machine; rdev doctor says which, and how they can`
              }
            ]
      const look = Effect.gen(function* () {
        const found = yield* disk
        const answers = yield* Effect.all(
          [
            check("database", databaseAnswers, projects.list({ after: null, limit: 1, only: null })),
            check("queue", "answers", queue.stats)
          ],
          { concurrency: 2 }
        )
        const checks = [...answers, ...(found === null ? [] : [found]), ...walls]
        const works = answers.every((one) => one.ok) && found?.state !== "full"
        const status = stopping ? ("stopping" as const) : works ? ("ok" as const) : ("failing" as const)
        return {
          status,
          version: options.version,
          mode: options.mode,
          uptimeSeconds: Math.round((performance.now() - startedMillis) / 1000),
          checks
        }
      })
      const part = (name: string) =>
        Effect.map(parts.get(name)?.look ?? Effect.succeed(null), (found) => found && { name, ...found })
      const outside = Effect.forEach(
        [...parts].filter(([, { outside }]) => outside),
        ([name, { look }]) => Effect.map(look, (found) => ({ name, ...found })),
        { concurrency: "unbounded" }
      )
      const looked = Effect.map(yield* Effect.cachedWithTTL(look, 500), (view) =>
        stopping ? { ...view, status: "stopping" as const } : view
      )
      return Health.of({
        look: looked,
        whole: Effect.map(Effect.all([looked, outside], { concurrency: 2 }), ([view, others]) => ({
          ...view,
          status: view.status === "ok" && others.some(({ ok }) => !ok) ? ("degraded" as const) : view.status,
          checks: [...view.checks, ...others]
        })),
        part,
        stop: Effect.sync(() => {
          stopping = true
        }),
        isStopping: () => stopping
      })
    })
  )
