/**
 * Follows one issue: looks at what the forge says of it now, makes its feature when somebody asks for one, does what people say, and tells
 * how far it is. What was posted is only the reason to look, so that nothing depends on order, repetition or loss. The task kind `issue`.
 */
import { Effect, Option, Schema } from "effect"
import { asProject } from "../../domain/Owner.ts"
import type { Project } from "../../domain/Project.ts"
import { ForgeHooks } from "../../ports/forge/ForgeHooks.ts"
import { ForgeIssues } from "../../ports/forge/ForgeIssues.ts"
import { IssueStore } from "../../ports/stores/IssueStore.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import * as TaskHandlers from "../../queue/TaskHandlers.ts"
import { toTaskFailure } from "../features/drive/Failures.ts"
import * as Asking from "./Asking.ts"
import * as Desk from "./Desk.ts"
import * as IssueTask from "./IssueTask.ts"
import * as Making from "./Making.ts"
import * as Obeying from "./Obeying.ts"
import * as Telling from "./Telling.ts"

/** The link as it stands after this look; null: nobody asks for a feature. */
const look = Effect.fn("Follow.look")(function* (desk: Desk.Desk) {
  const store = yield* IssueStore
  const there = Option.getOrNull(yield* store.get(desk.project.id, desk.issue.number))
  if (there?.status === "refused") {
    const again = yield* Asking.byCommand(desk, there.readTo)
    if (again === null) return there
    const { agent, by, preset, readTo } = again
    return yield* Making.make(desk, { ...there, agent, preset, askedBy: by, readTo })
  }
  if (there?.status === "made") return yield* Obeying.obey(desk, there)
  const asked = there === null ? yield* Asking.find(desk) : null
  const link = there ?? (asked === null ? null : yield* Making.claim(desk, asked))
  if (link === null) return null
  const made = link.status === "claimed" ? yield* Making.make(desk, link) : link
  return made.status === "made" ? yield* Obeying.obey(desk, made) : made
})

export const follow = Effect.fn("Follow.follow")(function* (project: Project, number: number, progressOnly: boolean) {
  const issues = yield* ForgeIssues
  const hooks = yield* ForgeHooks
  if (issues === null || hooks === null) return "the forge of this installation has no issues"
  if (progressOnly) {
    const link = yield* (yield* IssueStore).get(project.id, number)
    if (Option.isSome(link)) yield* Telling.tell(project, link.value)
    return "told"
  }
  const desk = yield* Desk.open(project, number, hooks.adapter, issues).pipe(
    Effect.catchIf(
      ({ reason }) => reason._tag === "NotFound",
      () => Effect.succeed(null)
    )
  )
  if (desk === null) return "it is gone"
  const link = yield* look(desk)
  if (link === null) return "nobody asks for a feature"
  yield* Telling.tell(project, link)
  return link.status
})

const Payload = Schema.Struct({ number: Schema.Int, progress: Schema.optionalKey(Schema.Boolean) })
const handle = Effect.fn("Follow.handle")(function* ({ task }: TaskHandlers.TaskContext) {
  const { number, progress = false } = yield* Schema.decodeUnknownEffect(Payload)(task.payload).pipe(
    Effect.mapError(
      ({ message }) => new TaskHandlers.TaskFailure({ reason: { _tag: "Invalid", message, field: "payload" } })
    )
  )
  const projectId = asProject(task.owner)
  const project = projectId === null ? Option.none() : yield* (yield* ProjectStore).byId(projectId)
  if (Option.isNone(project) || project.value.status !== "ready") return { rest: "the project is not ready" }
  return { rest: yield* follow(project.value, number, progress) }
}, Effect.mapError(toTaskFailure))

/** To be merged with other modules' handlers. */
export const make = TaskHandlers.make<Effect.Services<ReturnType<typeof handle>>>({ [IssueTask.kind]: handle })
