/**
 * Operations and their ledgers. Each verb is one statement whose WHERE carries the fence, so it is atomic by itself and joins a
 * surrounding transaction. Leases are measured by the database's clock, one for all replicas.
 */
import type { OperationId } from "@rdev/core/domain/Ids"
import { Operation, type OperationStatus, type OperationStep } from "@rdev/core/domain/Operation"
import {
  type Held,
  type LedgerChange,
  type OperationQuery,
  OperationStore,
  type Reopening
} from "@rdev/core/ports/stores/OperationStore"
import type { StoreError, StoreReason } from "@rdev/core/ports/stores/StoreError"
import { Effect, Layer, Option, type Schema } from "effect"
import { Database } from "../engine/Database.ts"
import * as OperationRows from "./OperationRows.ts"
import { fail, operation } from "./StoreOperation.ts"

const { columnList, now } = OperationRows
const ended = `('completed', 'failed', 'cancelled', 'compensation_failed')`

const insertSql = `
  WITH o AS (
    INSERT INTO rdev.operation (${columnList}) VALUES (${columnList
      .split(", ")
      .map((_, i) => `$${i + 1}`)
      .join(", ")})
    ON CONFLICT (idempotency_key) DO NOTHING RETURNING ${columnList}
  ), s AS (${OperationRows.upsertSteps(columnList.split(", ").length + 1)})
  SELECT * FROM o`
const byKeySql = `SELECT ${columnList} FROM rdev.operation WHERE idempotency_key = $1`
const getSql = `SELECT ${columnList} FROM rdev.operation WHERE id = $1`
const stepsSql = `SELECT data FROM rdev.operation_step WHERE operation_id = $1 ORDER BY number`
const resourcesSql = `SELECT data FROM rdev.operation_resource WHERE operation_id = $1 ORDER BY number`
const listSql = `
  SELECT ${columnList} FROM rdev.operation
  WHERE ($1::text IS NULL OR project_id = $1) AND ($2::text[] IS NULL OR status = ANY ($2)) AND ($3::text IS NULL OR kind = $3) AND ($4::text IS NULL OR id < $4)
  ORDER BY id DESC LIMIT $5`
const claimSql = `
  WITH due AS (
    SELECT id AS due_id, coalesce(wake_at_millis, created_at_millis) AS due_at FROM rdev.operation
    WHERE status IN ('planned', 'running', 'waiting', 'compensating')
      AND (lease_until_millis IS NULL OR lease_until_millis <= ${now}) AND (wake_at_millis IS NULL OR wake_at_millis <= ${now})
    ORDER BY coalesce(wake_at_millis, created_at_millis) LIMIT $2 FOR UPDATE SKIP LOCKED
  ), o AS (
    UPDATE rdev.operation SET lease_owner = $1, lease_epoch = lease_epoch + 1, lease_until_millis = ${now} + $3::bigint, wake_at_millis = NULL, poked = false
    FROM due WHERE id = due_id RETURNING ${columnList}, due_at
  )
  SELECT * FROM o ORDER BY due_at`
const renewSql = `
  UPDATE rdev.operation SET lease_until_millis = ${now} + $4::bigint
  FROM unnest($2::text[], $3::bigint[]) AS held (held_id, epoch)
  WHERE id = held_id AND lease_epoch = epoch AND lease_owner = $1 RETURNING ${columnList}`
const poke = `poked = true, wake_at_millis = least(wake_at_millis, CASE WHEN wake_at_millis IS NOT NULL THEN ${now} END)`
const cancelSql = `UPDATE rdev.operation SET cancel_requested = true, ${poke} WHERE id = $1 AND status NOT IN ${ended} RETURNING ${columnList}`
const answerSql = `
  WITH o AS (UPDATE rdev.operation SET ${poke} WHERE id = $1 AND status NOT IN ${ended} RETURNING id),
  a AS (INSERT INTO rdev.operation_answer (operation_id, key, value) SELECT id, $2, $3 FROM o ON CONFLICT DO NOTHING)
  SELECT id FROM o`
const answersSql = `SELECT key, value FROM rdev.operation_answer WHERE operation_id = $1`
const purgeSql = `
  WITH gone AS (
    DELETE FROM rdev.operation WHERE id IN (
      SELECT id FROM rdev.operation WHERE status IN ('completed', 'failed', 'cancelled') AND ended_at_millis < $1 ORDER BY ended_at_millis LIMIT $2 FOR UPDATE SKIP LOCKED
    ) RETURNING 1
  )
  SELECT count(*) AS n FROM gone`

export const layer: Layer.Layer<OperationStore, never, Database> = Layer.effect(
  OperationStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const rows = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.flatMap(query<OperationRows.OperationRow>(sql, params, { prepare: true }), OperationRows.decode)
    const each = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.flatMap(query<OperationRows.OperationRow>(sql, params, { prepare: true }), OperationRows.decodeEach)
    const one = (sql: string, params: ReadonlyArray<unknown>) =>
      Effect.map(rows(sql, params), (found) => Option.fromNullishOr(found[0]))
    const present = (verb: string, id: OperationId): Effect.Effect<Operation, StoreError> =>
      Effect.flatMap(
        one(getSql, [id]),
        Option.match({
          onNone: () => fail(`OperationStore.${verb}`, { _tag: "NotFound", entity: "operation", id }),
          onSome: (found) => Effect.succeed(found)
        })
      )
    /** The row changed, or NotFound, or what the row that is there makes of it. */
    const orElse = (
      verb: string,
      id: OperationId,
      changed: Effect.Effect<Option.Option<Operation>, StoreError>,
      refuse: (found: Operation) => StoreReason
    ) =>
      Effect.flatMap(
        changed,
        Option.match({
          onSome: (found) => Effect.succeed(found),
          onNone: () => Effect.flatMap(present(verb, id), (found) => fail(`OperationStore.${verb}`, refuse(found)))
        })
      )

    const insert = (made: Operation, steps: ReadonlyArray<OperationStep>) =>
      Effect.gen(function* () {
        const { data, keys, phases } = OperationRows.steps(steps)
        for (;;) {
          const inserted = yield* one(insertSql, [...OperationRows.parameters(made), keys, phases, data])
          if (Option.isSome(inserted)) return { operation: inserted.value, inserted: true }
          const first = yield* one(byKeySql, [made.idempotencyKey])
          // Purged between the two statements: the key is free again.
          if (Option.isSome(first)) return { operation: first.value, inserted: false }
        }
      })
    const change = (
      id: OperationId,
      compared: unknown,
      condition: string,
      by: LedgerChange,
      reopen: boolean,
      replaced: Operation | null = null
    ) => {
      const { params, sql } = OperationRows.changeStatement(id, compared, condition, by, reopen, replaced)
      return one(sql, params)
    }
    const record = (held: Held, by: LedgerChange) =>
      orElse(
        "record",
        held.id,
        change(held.id, held.epoch, "lease_epoch = $2::bigint AND lease_owner IS NOT NULL", by, false),
        (found) => ({
          _tag: "Conflict",
          message: `operation ${held.id} is at lease epoch ${found.leaseEpoch}, not ${held.epoch}: somebody else runs it`
        })
      )
    const reopen = Effect.fnUntraced(function* (id: OperationId, from: ReadonlyArray<OperationStatus>, by: Reopening) {
      const replaced =
        by.actor === undefined ? null : Operation.make({ ...(yield* present("reopen", id)), actor: by.actor })
      return yield* orElse(
        "reopen",
        id,
        change(id, from, "status = ANY ($2::text[])", by, true, replaced),
        (found) => ({
          _tag: "Conflict",
          message: `operation ${id} is ${found.status}, not ${from.join(" or ")}`
        })
      )
    })
    const requestCancel = (id: OperationId) =>
      Effect.flatMap(
        one(cancelSql, [id]),
        Option.match({
          onSome: (found) => Effect.succeed(found),
          onNone: () => present("requestCancel", id)
        })
      )
    const answer = (id: OperationId, key: string, value: Schema.Json) =>
      Effect.gen(function* () {
        const answered = yield* query(answerSql, [id, key, JSON.stringify(value)], { prepare: true })
        if (answered.length === 1) return
        const found = yield* present("answer", id)
        return yield* fail("OperationStore.answer", {
          _tag: "Conflict",
          message: `operation ${id} has ended as ${found.status}`
        })
      })
    const list = ({ after, kind, limit, projectId, status }: OperationQuery) =>
      each(listSql, [projectId, status, kind, after, limit])

    return OperationStore.of({
      insert: (made, steps) => operation("OperationStore.insert")(insert(made, steps)),
      get: (id) => operation("OperationStore.get")(one(getSql, [id])),
      steps: (id) =>
        operation("OperationStore.steps")(
          Effect.flatMap(
            query<{ readonly data: unknown }>(stepsSql, [id], { prepare: true }),
            OperationRows.decodeSteps
          )
        ),
      resources: (id) =>
        operation("OperationStore.resources")(
          Effect.flatMap(
            query<{ readonly data: unknown }>(resourcesSql, [id], { prepare: true }),
            OperationRows.decodeResources
          )
        ),
      list: (by) => operation("OperationStore.list")(list(by)),
      claim: ({ leaseMillis, limit, owner }) =>
        operation("OperationStore.claim")(each(claimSql, [owner, limit, leaseMillis])),
      renew: (owner, held, leaseMillis) =>
        operation("OperationStore.renew")(
          held.length === 0
            ? Effect.succeed([])
            : each(renewSql, [owner, held.map((h) => h.id), held.map((h) => h.epoch), leaseMillis])
        ),
      record: (held, by) => operation("OperationStore.record")(record(held, by)),
      requestCancel: (id) => operation("OperationStore.requestCancel")(requestCancel(id)),
      answer: (id, key, value) => operation("OperationStore.answer")(answer(id, key, value)),
      answers: (id) =>
        operation("OperationStore.answers")(
          Effect.map(
            query<{ readonly key: string; readonly value: Schema.Json }>(answersSql, [id], { prepare: true }),
            (found) => new Map(found.map((row) => [row.key, row.value]))
          )
        ),
      reopen: (id, from, by) => operation("OperationStore.reopen")(reopen(id, from, by)),
      purge: (beforeMillis, limit) =>
        operation("OperationStore.purge")(
          Effect.map(query<{ readonly n: number }>(purgeSql, [beforeMillis, limit]), (found) => found[0]?.n ?? 0)
        )
    })
  })
)
