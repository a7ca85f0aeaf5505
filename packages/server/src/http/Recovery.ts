/**
 * Answers of requests whose first answer was lost. Routes whose whole effect is one operation confirm it in the claim (see
 * IdempotencyStore), so that the answer can be made again from what was committed, and a request that committed nothing can run again.
 */
import { Accepted, ProjectAccepted } from "@rdev/api/groups/Projects"
import type { OperationId } from "@rdev/core/domain/Ids"
import { Operations } from "@rdev/core/operations/Operations"
import { Projects } from "@rdev/core/services/Projects"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as ProjectViews from "../ProjectViews.ts"
import * as Views from "../Views.ts"
import { answer } from "./Failures.ts"
import type * as Problem from "@rdev/api/Problem"

export class Recovery extends Context.Service<
  Recovery,
  {
    /** Whether every effect of the route is an operation that it starts. */
    startsOperation(pathname: string): boolean
    /** The body that the route answers 202 with for this operation. */
    accepted(pathname: string, operationId: string): Effect.Effect<string, Problem.Problem>
  }
>()("rdev/server/Recovery") {}

const ofProject = "/projects"
const others = /^\/(?:projects\/[^/]+\/operations|trees\/runs)$/

const encodeProject = Schema.encodeEffect(Schema.fromJsonString(ProjectAccepted))
const encode = Schema.encodeEffect(Schema.fromJsonString(Accepted))

export const layer: Layer.Layer<Recovery, never, Operations | Projects | ProjectViews.Needs> = Layer.effect(
  Recovery,
  Effect.gen(function* () {
    const operations = yield* Operations
    const projects = yield* Projects
    const views = yield* ProjectViews.make
    return Recovery.of({
      startsOperation: (pathname) => pathname === ofProject || others.test(pathname),
      accepted: (pathname, operationId) =>
        answer(
          Effect.gen(function* () {
            const operation = yield* operations.get(operationId as OperationId)
            const accepted = Views.accepted(operation)
            if (pathname !== ofProject || operation.projectId === null) return yield* encode(accepted)
            const project = yield* projects.get(operation.projectId)
            return yield* encodeProject({ ...accepted, project: yield* views.one(project) })
          })
        )
    })
  })
)
