/** All workers and the queue before them, as `GET /workers/pool` shows them. Schemas only. */
import { Schema } from "effect"
import { WorkerId } from "./Ids.ts"
import { OwnerId } from "./Owner.ts"

export const Pool = Schema.Struct({
  workers: Schema.Array(
    Schema.Struct({
      id: WorkerId,
      name: Schema.String,
      version: Schema.String,
      capacity: Schema.Int,
      running: Schema.Int,
      /** ISO 8601. */
      last_heartbeat_at: Schema.String,
      labels: Schema.Array(Schema.String),
      kinds: Schema.Array(Schema.String)
    })
  ),
  capacity: Schema.Int,
  running: Schema.Int,
  queue: Schema.Struct({
    pending: Schema.Int,
    delayed: Schema.Int,
    parked: Schema.Int,
    running: Schema.Int,
    oldest_pending_seconds: Schema.Finite,
    /** The 100 owners (projects, environments, webhooks) with the most unfinished tasks. */
    by_owner: Schema.Array(
      Schema.Struct({
        owner: OwnerId,
        pending: Schema.Int,
        delayed: Schema.Int,
        parked: Schema.Int,
        running: Schema.Int
      })
    )
  })
})
export type Pool = typeof Pool.Type
