/** `tasks`: the work queue and its workers. */
import { Api } from "@rdev/api/Api"
import type { TaskId } from "@rdev/core/domain/Ids"
import type { TaskStatus, WorkTask } from "@rdev/core/domain/WorkTask"
import { WorkerPool } from "@rdev/core/queue/WorkerPool"
import { WorkQueue } from "@rdev/core/queue/WorkQueue"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Owners from "@rdev/core/services/Owners"
import * as Access from "../Access.ts"
import { answer } from "../http/Failures.ts"
import { Paging, type Query } from "../http/Paging.ts"
import * as Views from "../Views.ts"
import * as WaitingFacts from "../WaitingFacts.ts"

interface Filter extends Query {
  readonly status?: TaskStatus
  readonly kind?: string
}

/** A key for some projects has to name one: it may not look at the queue as a whole. */
export const projectOrAll = (findProject: Access.FindProject) =>
  Effect.fn("Tasks.projectOrAll")(function* (idOrName: string | undefined) {
    if (idOrName !== undefined) return (yield* findProject(idOrName)).id
    yield* Access.everything("name one with ?project=")
    return null
  })

export const layer = HttpApiBuilder.group(
  Api,
  "tasks",
  Effect.fn(function* (handlers) {
    const findProject = yield* Access.findProject
    const scopeOf = projectOrAll(findProject)
    const queue = yield* WorkQueue
    const projectOf = yield* Owners.makeOfAll
    const pool = yield* WorkerPool
    const paging = yield* Paging
    const waiting = yield* WaitingFacts.make
    const view = (task: WorkTask) => Effect.map(waiting.task(task), (waitingFor) => Views.task(task, waitingFor))

    const list = Effect.fnUntraced(function* (project: string | undefined, query: Filter) {
      const projectId = yield* scopeOf(project)
      const status = query.status ?? null
      const kind = query.kind ?? null
      const names = ["tasks", projectId, status, kind]
      const { after, limit } = yield* paging.read(names, query)
      const rows = yield* queue.list({ owner: projectId, status, kind, after: after as TaskId | null, limit })
      return {
        tasks: (yield* waiting.tasks(rows)).map(([task, waitingFor]) => Views.task(task, waitingFor)),
        nextCursor: paging.next(names, limit, rows, rows.at(-1)?.id)
      }
    })
    /** Looked at before anything is done to it, so that a key for other projects cannot even learn that it is there. */
    const seen = Effect.fnUntraced(function* (id: TaskId) {
      const task = yield* queue.get(id)
      yield* Access.visible(yield* projectOf(task.owner), `task ${id}`)
      return task
    })
    return handlers.handleAll({
      list: ({ query }) => answer(list(query.project, query)),
      listOfProject: ({ params, query }) => answer(list(params.project, query)),
      get: ({ params }) => answer(Effect.flatMap(seen(params.task), view)),
      cancel: ({ params }) =>
        answer(Effect.flatMap(Effect.andThen(seen(params.task), queue.cancel(params.task)), view)),
      retry: ({ params }) => answer(Effect.flatMap(Effect.andThen(seen(params.task), queue.retry(params.task)), view)),
      pool: () => answer(Effect.andThen(scopeOf(undefined), pool.pool))
    })
  })
)
