/**
 * What a forge told as events of the project's stream and entries of its audit trail. Deeds of the platform's own account are events too,
 * so that every process hears of them; the audit trail has them where they were done.
 */
import { Effect, Option, Schema } from "effect"
import { type Event, type NewEvent, ofProject } from "../../domain/Event.ts"
import type { ForgeEvent } from "../../domain/forge/ForgeEvent.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import { AuditStore } from "../../ports/stores/AuditStore.ts"
import { EventLog } from "../../ports/stores/EventLog.ts"
import * as PushFeed from "../pushes/PushFeed.ts"

/** Event types by what was told. */
export const typeOf = {
  Push: PushFeed.type,
  PullRequest: "forge.pull_request",
  Issue: "forge.issue",
  Label: "forge.label",
  Assignment: "forge.assignment",
  Comment: "forge.comment",
  Check: "forge.check"
} as const satisfies Readonly<Record<ForgeEvent["_tag"], string>>
export const types: ReadonlySet<string> = new Set(Object.values(typeOf))

/** Of one delivery. */
export interface Told {
  readonly projectId: ProjectId
  /** As in `/hooks/<adapter>/…`. */
  readonly adapter: string
  readonly deliveryId: string
  readonly sourceAddress: string | null
  /** True when nobody told: it was seen. */
  readonly seen: boolean
}

const actorOf = ({ adapter }: Told, { by }: ForgeEvent) => `${adapter}:${by.login}`

const dataOf = (told: Told, event: ForgeEvent): NewEvent["data"] => {
  const about = { delivery: told.deliveryId, by: actorOf(told, event), own: event.by.own }
  switch (event._tag) {
    case "Push":
      return {
        ...PushFeed.dataOf({
          id: told.deliveryId,
          refs: event.refs,
          pusher: { id: actorOf(told, event), name: event.by.login }
        }),
        own: event.by.own,
        seen: told.seen
      }
    case "PullRequest":
      return { ...about, number: event.number, action: event.action, head: event.head, head_sha: event.headSha }
    case "Issue":
      return { ...about, number: event.number, action: event.action }
    case "Label":
      return { ...about, number: event.number, action: event.action, label: event.label }
    case "Assignment":
      return { ...about, number: event.number, action: event.action, assignee: event.assignee }
    case "Comment":
      return { ...about, number: event.number, action: event.action, comment: event.id, on: event.on }
    case "Check":
      return { ...about, sha: event.sha, branch: event.branch, name: event.name, state: event.state }
  }
}

/** Joins the surrounding transaction. */
export const record = Effect.fn("ForgeFeed.record")(function* (told: Told, events: ReadonlyArray<ForgeEvent>) {
  const audit = yield* AuditStore
  const log = yield* EventLog
  const entries = events.map((event) => ({ event, type: typeOf[event._tag], data: dataOf(told, event) }))
  for (const { data, event, type } of entries)
    if (!event.by.own)
      yield* audit.append({
        projectId: told.projectId,
        operationId: null,
        type: event._tag === "Push" ? "repository.push" : type,
        actor: actorOf(told, event),
        requestId: null,
        sourceAddress: told.sourceAddress,
        outcome: "completed",
        steps: [],
        data
      })
  if (entries.length > 0)
    yield* log.append(
      ofProject(told.projectId),
      entries.map(({ data, type }) => ({ type, subject: {}, data }))
    )
})

const Concerned = Schema.Struct({
  number: Schema.optionalKey(Schema.Int),
  head: Schema.optionalKey(Schema.String),
  branch: Schema.optionalKey(Schema.NullOr(Schema.String)),
  sha: Schema.optionalKey(Schema.String),
  own: Schema.optionalKey(Schema.Boolean)
})
const decode = Schema.decodeUnknownOption(Concerned)

/** Which pull request, branch or commit an event of these types is about, and whether it was the platform's own deed. */
export const concerned = (event: Pick<Event, "data">) =>
  Option.getOrElse(decode(event.data), (): typeof Concerned.Type => ({}))
