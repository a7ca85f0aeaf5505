/** The queue's handlers for features: `feature` (a pass of the controller), `agent` (one decision given to a harness), `action` (a long platform action). */
import { decide } from "@rdev/sdlc/derive/Decide"
import { Clock, Effect, Option, Schema } from "effect"
import { asProject } from "../../../domain/Owner.ts"
import { FeatureStore } from "../../../ports/stores/FeatureStore.ts"
import { ProjectStore } from "../../../ports/stores/ProjectStore.ts"
import * as TaskHandlers from "../../../queue/TaskHandlers.ts"
import { TaskFailure, type TaskContext } from "../../../queue/TaskHandlers.ts"
import * as AgentTask from "./AgentTask.ts"
import * as Controller from "./Controller.ts"
import { toTaskFailure } from "./Failures.ts"
import * as FeatureFiles from "../read/FeatureFiles.ts"

const Pass = Schema.Struct({ slug: Schema.String })
const Work = Schema.Struct({ slug: Schema.String, key: Schema.String, action: Schema.String, rule: Schema.String })

const decode = <A, I>(schema: Schema.Codec<A, I>, context: TaskContext) =>
  Schema.decodeUnknownEffect(schema)(context.task.payload).pipe(
    Effect.mapError(
      (error) => new TaskFailure({ reason: { _tag: "Invalid", message: String(error.message), field: "payload" } })
    )
  )

const project = Effect.fn("FeatureHandlers.project")(function* (context: TaskContext) {
  const id = asProject(context.task.owner)
  if (id === null)
    return yield* new TaskFailure({
      reason: {
        _tag: "Invalid",
        field: "owner",
        message: `${context.task.owner} is no project: features belong to projects`
      }
    })
  const found = yield* (yield* ProjectStore).byId(id)
  return Option.filter(found, (one) => one.status === "ready")
})

/** The result names the decision at which the pass came to rest. */
const pass = Effect.fn("FeatureHandlers.pass")(function* (context: TaskContext) {
  const { slug } = yield* decode(Pass, context)
  const found = yield* project(context)
  if (Option.isNone(found)) return { rest: "the project is not ready" }
  const decision = yield* Controller.drive(found.value, slug)
  return Option.isNone(decision)
    ? { rest: "the feature is gone" }
    : { rest: decision.value.action, rule: decision.value.rule, kind: decision.value.kind }
}, Effect.mapError(toTaskFailure))

/** The state may have moved between enqueueing and now: work is done only if it is still what the classifier asks for. */
const current = Effect.fn("FeatureHandlers.current")(function* (context: TaskContext, work: typeof Work.Type) {
  const found = yield* project(context)
  if (Option.isNone(found)) return null
  const index = yield* (yield* FeatureStore).get(found.value.id, work.slug)
  if (Option.isNone(index)) return null
  const loaded = yield* FeatureFiles.load(found.value, index.value)
  if (Option.isNone(loaded)) return null
  const decision = decide(loaded.value.state, loaded.value.loaded.policy, yield* Clock.currentTimeMillis)
  return decision.idempotencyKey === work.key ? { snapshot: loaded.value, decision } : null
})

const overtaken = { overtaken: true }

const agent = Effect.fn("FeatureHandlers.agent")(function* (context: TaskContext) {
  const work = yield* decode(Work, context)
  const now = yield* current(context, work)
  return now === null ? overtaken : yield* AgentTask.run(now.snapshot, now.decision, context.task)
}, Effect.mapError(toTaskFailure))

const action = Effect.fn("FeatureHandlers.action")(function* (context: TaskContext) {
  const work = yield* decode(Work, context)
  const now = yield* current(context, work)
  if (now !== null) yield* Controller.perform(now.snapshot, now.decision)
  return now === null ? overtaken : { action: work.action }
}, Effect.mapError(toTaskFailure))

/** To be merged with other modules' handlers. */
type Needs =
  | Effect.Services<ReturnType<typeof pass>>
  | Effect.Services<ReturnType<typeof agent>>
  | Effect.Services<ReturnType<typeof action>>
export const make = TaskHandlers.make<Needs>({ feature: pass, agent, action })
