/** `operations`: durable operations and their ledgers. */
import { Api } from "@rdev/api/Api"
import { waitSeconds } from "@rdev/api/Parameters"
import type { OperationId } from "@rdev/core/domain/Ids"
import type { Operation } from "@rdev/core/domain/Operation"
import { Operations } from "@rdev/core/operations/Operations"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { Paging } from "../http/Paging.ts"
import { Departure } from "../http/ToItsEnd.ts"
import * as StartOperation from "../StartOperation.ts"
import * as Views from "../Views.ts"
import * as WaitingFacts from "../WaitingFacts.ts"
import { projectOrAll } from "./Tasks.ts"

/** The operation when it has ended, or as it is after the wait; nobody's wait ends at once. */
export const waited = (operations: Operations["Service"], operation: Operation, seconds: number) =>
  seconds === 0
    ? Effect.succeed(operation)
    : Effect.gen(function* () {
        const patience = Effect.timeoutOption(yield* Departure, seconds * 1000)
        return yield* Effect.raceFirst(
          operations.await(operation.id),
          Effect.andThen(patience, operations.get(operation.id))
        )
      })

export const layer = HttpApiBuilder.group(
  Api,
  "operations",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const startable = yield* StartOperation.make
    const operations = yield* Operations
    const paging = yield* Paging
    const waiting = yield* WaitingFacts.make
    const view = (operation: Operation) =>
      Effect.map(waiting.operation(operation), (waitingFor) => Views.operation(operation, waitingFor))
    const seen = Effect.fnUntraced(function* (id: OperationId) {
      const operation = yield* operations.get(id)
      yield* Access.visible(operation.projectId, `operation ${id}`)
      return operation
    })
    return handlers.handleAll({
      list: ({ query }) =>
        answer(
          Effect.gen(function* () {
            const projectId = yield* projectOrAll(findProject)(query.project)
            const { kind = null, status } = query
            const names = ["operations", projectId, kind, status]
            const { after, limit } = yield* paging.read(names, query)
            const rows = yield* operations.list({
              projectId,
              kind,
              status: status === undefined ? null : [status],
              after,
              limit
            })
            return {
              operations: yield* Effect.forEach(rows, view, { concurrency: 4 }),
              nextCursor: paging.next(names, limit, rows, rows.at(-1)?.id)
            }
          })
        ),
      start: ({ headers, params, payload, query }) =>
        answer(
          Effect.gen(function* () {
            const wanted = yield* startable(yield* findProject(params.project), payload)
            if (query.dry_run === "true") return Views.plan(yield* wanted.plan)
            const operation = yield* wanted.start
            yield* waited(operations, operation, waitSeconds(headers))
            return Views.accepted(operation)
          })
        ),
      answer: ({ headers, params, payload }) =>
        answer(
          Effect.gen(function* () {
            yield* seen(params.operation)
            yield* operations.answer(params.operation, payload.step, payload.value)
            return yield* view(yield* waited(operations, yield* operations.get(params.operation), waitSeconds(headers)))
          })
        ),
      get: ({ headers, params }) =>
        answer(
          Effect.gen(function* () {
            return yield* view(yield* waited(operations, yield* seen(params.operation), waitSeconds(headers)))
          })
        ),
      steps: ({ params }) =>
        answer(
          Effect.gen(function* () {
            yield* seen(params.operation)
            return { steps: (yield* operations.steps(params.operation)).map(Views.step) }
          })
        ),
      cancel: ({ headers, params }) =>
        answer(
          Effect.gen(function* () {
            yield* seen(params.operation)
            return yield* view(
              yield* waited(operations, yield* operations.cancel(params.operation), waitSeconds(headers))
            )
          })
        ),
      retry: ({ headers, params, query }) =>
        answer(
          Effect.gen(function* () {
            yield* seen(params.operation)
            return yield* view(
              yield* waited(
                operations,
                yield* operations.retry(params.operation, { inOwnName: query.in_own_name === "true" }),
                waitSeconds(headers)
              )
            )
          })
        )
    })
  })
)
