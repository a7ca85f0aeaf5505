/** Who is alive, by heartbeats in the database. The embedded engine has one process, whose rows of earlier starts are gone. */
import * as NewId from "@rdev/core/ids/NewId"
import { Replicas } from "@rdev/core/ports/stores/Replicas"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Layer } from "effect"
import { Database } from "../engine/Database.ts"
import { operation } from "./StoreOperation.ts"

const beatEvery = "3 seconds"
const beatSql =
  "INSERT INTO rdev.replica (id, expires_at) VALUES ($1, clock_timestamp() + interval '10 seconds') ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at"
const aliveSql = "SELECT 1 FROM rdev.replica WHERE id = $1 AND expires_at > clock_timestamp()"
const leaveSql = "DELETE FROM rdev.replica WHERE id = $1 OR expires_at < clock_timestamp() - interval '1 day'"

export const layer: Layer.Layer<never, StoreError, Database> = Layer.effect(
  Replicas,
  Effect.gen(function* () {
    const database = yield* Database
    const self = `replica_${yield* NewId.ulid}`
    if (database.engine === "embedded") return { self, alive: (id) => Effect.succeed(id === self) }
    const beat = database.query(beatSql, [self], { prepare: true })
    yield* Effect.acquireRelease(beat, () => Effect.ignore(database.query(leaveSql, [self])))
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.sleep(beatEvery),
          Effect.catch(beat, (error) =>
            Effect.logDebug("this process could not say that it is alive; it is said again", error)
          )
        )
      )
    )
    return {
      self,
      alive: (id) =>
        id === self
          ? Effect.succeed(true)
          : operation("Replicas.alive")(
              Effect.map(database.query(aliveSql, [id], { prepare: true }), (rows) => rows.length > 0)
            )
    }
  })
)
