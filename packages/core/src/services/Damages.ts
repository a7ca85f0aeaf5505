/** Tells of damage that was found: an event `project.damaged` in the stream of the project that it belongs to. */
import { Effect, Layer, Option, Queue } from "effect"
import { ofProject } from "../domain/Event.ts"
import type { OwnerId } from "../domain/Owner.ts"
import type { EnvironmentStore } from "../ports/stores/EnvironmentStore.ts"
import { EventLog } from "../ports/stores/EventLog.ts"
import { ProjectStore } from "../ports/stores/ProjectStore.ts"
import { type Damage, Quarantine } from "../ports/stores/Quarantine.ts"
import * as Owners from "./Owners.ts"

/** Findings that wait to be told; beyond, the oldest are only logged. */
const waiting = 1_000

const tell = Effect.fnUntraced(function* ({ message, owner, part, repair }: Damage) {
  if (owner === null) return
  const projectId = yield* (yield* Owners.make)(owner as OwnerId)
  if (projectId === null) return
  // Damage may be left of a project that is gone, or belong to another installation in this process.
  if (Option.isNone(yield* (yield* ProjectStore).byId(projectId))) return
  yield* (yield* EventLog).append(ofProject(projectId), [
    { type: "project.damaged", subject: {}, data: { part, message: message.slice(0, 2_000), repair } }
  ])
})

export const layer: Layer.Layer<never, never, EventLog | ProjectStore | EnvironmentStore> = Layer.effectDiscard(
  Effect.gen(function* () {
    const quarantine = yield* Quarantine
    const found = yield* Queue.sliding<Damage>(waiting)
    yield* Effect.acquireRelease(
      Effect.sync(() =>
        quarantine.listen((damage) => {
          Queue.offerUnsafe(found, damage)
        })
      ),
      (stop) => Effect.sync(stop)
    )
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.flatMap(Queue.take(found), (damage) =>
          Effect.catch(tell(damage), (error) =>
            Effect.logWarning(`damage of ${damage.part} could not be told as an event`, error)
          )
        )
      )
    )
  })
)
