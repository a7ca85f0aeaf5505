/**
 * Records pushes: an event `repository.pushed` in the project's stream and an entry in its audit trail, both or neither. The feature
 * driver follows the event, so that work goes on at once.
 */
import { Effect, Layer, Option, Schema } from "effect"
import { type Event, ofProject } from "../../domain/Event.ts"
import { ForgeEvents, type Push } from "../../ports/infra/ForgeEvents.ts"
import { AuditStore } from "../../ports/stores/AuditStore.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import { ProjectStore } from "../../ports/stores/ProjectStore.ts"
import { UnitOfWork } from "../../ports/stores/UnitOfWork.ts"

export const type = "repository.pushed"
/** Refs that one event names: with names of 200 bytes it stays below the 16 KiB of an event. */
export const maxRefs = 30

const Told = Schema.Struct({
  refs: Schema.Array(
    Schema.Struct({ ref: Schema.String, old: Schema.NullOr(Schema.String), new: Schema.NullOr(Schema.String) })
  ),
  more: Schema.Int
})
const decode = Schema.decodeUnknownOption(Told)
const heads = "refs/heads/"

/** The branches that an event of this type tells of; null = more than it names. */
export const branchesOf = (event: Pick<Event, "data">): ReadonlySet<string> | null =>
  Option.match(decode(event.data), {
    onNone: () => null,
    onSome: ({ more, refs }) =>
      more > 0 ? null : new Set(refs.flatMap(({ ref }) => (ref.startsWith(heads) ? [ref.slice(heads.length)] : [])))
  })

/** Where a branch was and is, by an event of this type; null when it does not tell. */
export const moveOf = (
  event: Pick<Event, "data">,
  branch: string
): { readonly old: string | null; readonly new: string } | null => {
  const told = Option.getOrUndefined(decode(event.data))?.refs.find(({ ref }) => ref === `${heads}${branch}`)
  return told === undefined || told.new === null ? null : { old: told.old, new: told.new }
}

export const dataOf = ({ id, pusher, refs }: Pick<Push, "id" | "pusher" | "refs">) => ({
  push_id: id,
  pusher: pusher.id,
  pusher_name: pusher.name,
  refs: refs.slice(0, maxRefs).map(({ next, old, ref }) => ({ ref, old, new: next })),
  more: Math.max(0, refs.length - maxRefs)
})

/** Listens to the forge of the installation. */
export const layer: Layer.Layer<never, never, AuditStore | EventLog | ProjectStore | UnitOfWork> = Layer.effectDiscard(
  Effect.gen(function* () {
    const audit = yield* AuditStore
    const log = yield* EventLog
    const projects = yield* ProjectStore
    const { transact } = yield* UnitOfWork
    const forge = yield* ForgeEvents
    yield* forge.listen({
      pushed: Effect.fn("PushFeed.pushed")(function* (push: Push) {
        // Of a project that was deleted meanwhile there is nothing to tell.
        if (push.refs.length === 0 || Option.isNone(yield* projects.byId(push.projectId))) return
        const data = dataOf(push)
        yield* transact(
          Effect.gen(function* () {
            yield* audit.append({
              projectId: push.projectId,
              operationId: null,
              type: "repository.push",
              actor: push.pusher.id,
              requestId: null,
              sourceAddress: push.sourceAddress,
              outcome: "completed",
              steps: [],
              data
            })
            yield* log.append(ofProject(push.projectId), [{ type, subject: {}, data }])
          })
        )
      })
    })
  })
)
