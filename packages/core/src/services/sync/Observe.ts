/**
 * How each resource of a project is: the steps of a sync, each looked at and none done. One that cannot be looked at now, because its
 * vendor is away, says so and keeps no other from being seen.
 */
import { Clock, Effect, Option, Result, type Schema } from "effect"
import type { Environment } from "../../domain/Environment.ts"
import type { Project } from "../../domain/Project.ts"
import * as NewId from "../../ids/NewId.ts"
import { OperationDefinitions } from "../../operations/Definition.ts"
import * as Plan from "../../operations/Plan.ts"
import type { Step, StepContext } from "../../operations/Step.ts"
import { syncKind } from "../projects/ProjectOperations.ts"
import type { ProvisionInput } from "../projects/ProvisionInput.ts"
import * as Cells from "../resources/Cells.ts"
import * as Providers from "../resources/Providers.ts"
import type { Seen } from "./Conditions.ts"

/** Vendors are asked one after the other. */
const patienceMillis = 20_000

type Look = Pick<Seen, "change" | "reason">
const look = (step: Step, context: StepContext): Effect.Effect<Look> =>
  step.observe === null
    ? Effect.succeed({ change: "unseen", reason: "its provider cannot look at what it made" })
    : step.observe(context).pipe(
        Effect.map((seen): Look => Plan.decide(step, seen)),
        Effect.timeoutOrElse({
          duration: patienceMillis,
          orElse: () =>
            Effect.succeed<Look>({ change: "unobservable", reason: `no answer within ${patienceMillis / 1000} s` })
        }),
        Effect.catch((error) =>
          Effect.succeed<Look>(
            error.code === "Unsupported"
              ? { change: "unavailable", reason: `not available here: ${error.message}` }
              : { change: "unobservable", reason: error.message }
          )
        )
      )

/** A resource whose record says that it was made. */
const wasThere = (
  project: Project,
  environments: ReadonlyArray<Environment>,
  { environment, resource }: Cells.Cell
) => {
  const bound =
    environment === null
      ? project.resources
      : (environments.find(({ name }) => name === environment.name)?.bindings ?? [])
  return bound.some(({ kind, status }) => kind === resource.kind && status === "ready")
}

export const all = Effect.fn("Sync.observe")(function* (
  project: Project,
  environments: ReadonlyArray<Environment>,
  input: ProvisionInput,
  encoded: Schema.Json
) {
  const definition = (yield* OperationDefinitions).latest(syncKind)
  if (definition === undefined) return yield* Effect.die(new Error(`there is no operation ${syncKind}`))
  const operationId = yield* NewId.make("op")
  const identity = { operationId, projectId: project.id, actor: "platform" }
  const steps = definition.steps(encoded, identity)
  if (Result.isFailure(steps))
    return yield* Effect.die(new Error(`a sync of ${project.name} has no steps: ${steps.failure}`))
  const nowMillis = yield* Clock.currentTimeMillis
  const holding = new Set((yield* Providers.all).flatMap(({ holdsData, kind }) => (holdsData === true ? [kind] : [])))
  const byKey = new Map(steps.success.map((step) => [step.key, step]))
  return yield* Effect.forEach(Cells.of(input), (cell) =>
    Effect.gen(function* () {
      const step = byKey.get(cell.key)
      const context: StepContext = {
        operationId,
        projectId: project.id,
        idempotencyKey: `${operationId}/${cell.key}`,
        attempt: 0,
        epoch: 0,
        output: () => Option.none(),
        answer: Option.none(),
        startedAtMillis: nowMillis,
        progress: () => Effect.void
      }
      const seen: Look =
        step === undefined ? { change: "unseen", reason: "it is no step of this version" } : yield* look(step, context)
      return {
        ...seen,
        key: cell.key,
        kind: cell.resource.kind,
        environment: cell.environment?.name ?? null,
        dependsOn: cell.dependsOn,
        precious: holding.has(cell.resource.kind) && wasThere(project, environments, cell)
      } satisfies Seen
    })
  )
})
