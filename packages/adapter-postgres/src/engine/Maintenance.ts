/**
 * What PostgreSQL's autovacuum does, for the embedded engine, which has none: without it every update leaves a dead row for ever,
 * and plans are made without statistics. Tables are done one by one, as a statement here stops the whole process while it runs.
 */
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, type Scope } from "effect"
import type { Connections } from "./Driver.ts"
import { escapeIdentifier } from "./Driver.ts"

const every = "1 minute"
/** Rows changed before a table is looked at; the shares are PostgreSQL's defaults (autovacuum_vacuum_scale_factor and …_analyze_…). */
const staleSql = `
  SELECT schemaname, relname, n_dead_tup > 1000 + 0.2 * n_live_tup AS vacuum FROM pg_stat_user_tables
  WHERE n_dead_tup > 1000 + 0.2 * n_live_tup OR n_mod_since_analyze > 1000 + 0.1 * n_live_tup`

/** Looks once; returns the names of the tables it worked on, with their schemas. One that cannot be done, e.g. as it is gone by then, keeps no other from it. */
export const sweep = (database: Connections): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  Effect.gen(function* () {
    // Counts are published once a second; with one session that must be asked for.
    yield* database.query("SELECT pg_stat_force_next_flush()")
    const stale = yield* database.query<{
      readonly schemaname: string
      readonly relname: string
      readonly vacuum: boolean
    }>(staleSql)
    const done: Array<string> = []
    for (const { relname, schemaname, vacuum } of stale) {
      const tidied = database.query(
        `${vacuum ? "VACUUM (ANALYZE)" : "ANALYZE"} ${escapeIdentifier(schemaname)}.${escapeIdentifier(relname)}`
      )
      const name = `${schemaname}.${relname}`
      yield* Effect.matchEffect(tidied, {
        onSuccess: () =>
          Effect.sync(() => {
            done.push(name)
          }),
        onFailure: (error) =>
          Effect.logWarning(
            `table ${name} of the embedded database could not be tidied up; this is tried again: ${error.message}`
          )
      })
    }
    return done
  })

/** Sweeps every minute until the scope ends. */
export const run = (database: Connections): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.forkScoped(
      Effect.sleep(every).pipe(
        Effect.andThen(sweep(database)),
        Effect.catch((error) =>
          Effect.logWarning(
            "the embedded database's tables could not be looked at for tidying up; this is tried again",
            error
          )
        ),
        Effect.forever
      )
    )
  )
