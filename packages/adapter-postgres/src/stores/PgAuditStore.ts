/** The audit chains: the head row of a chain is locked from reading it until the entry that follows is committed. */
import { AuditEntry, type NewAuditEntry } from "@rdev/core/domain/Audit"
import * as AuditChain from "@rdev/core/audit/AuditChain"
import * as NewId from "@rdev/core/ids/NewId"
import { AuditStore } from "@rdev/core/ports/stores/AuditStore"
import { Clock, Effect, Layer, Schema } from "effect"
import { Database } from "../engine/Database.ts"
import { decoder, operation } from "./StoreOperation.ts"

/** Locks the head row, making it first when the chain is new. */
const headSql = `
  INSERT INTO rdev.audit_chain AS c (chain, last_number, last_hash) VALUES ($1, 0, $2)
  ON CONFLICT (chain) DO UPDATE SET last_number = c.last_number
  RETURNING last_number, last_hash`
const appendSql = `
  WITH head AS (UPDATE rdev.audit_chain SET last_number = $2, last_hash = $3 WHERE chain = $1)
  INSERT INTO rdev.audit_entry (chain, number, id, data) VALUES ($1, $2, $4, $5)`
const listSql = `SELECT data FROM rdev.audit_entry WHERE chain = $1 AND ($2::bigint IS NULL OR number < $2) ORDER BY number DESC LIMIT $3`

const encode = Schema.encodeSync(Schema.Struct(AuditEntry.fields))
const decode = decoder("AuditStore", AuditEntry)
/** The installation's own chain has no project. */
const chainOf = (projectId: string | null) => projectId ?? ""

export const layer: Layer.Layer<AuditStore, never, Database> = Layer.effect(
  AuditStore,
  Effect.gen(function* () {
    const { query, transact } = yield* Database

    const append = (entry: NewAuditEntry) =>
      Effect.gen(function* () {
        const id = yield* NewId.make("aud")
        const chain = chainOf(entry.projectId)
        return yield* transact(
          Effect.gen(function* () {
            const heads = yield* query<{ readonly last_number: number; readonly last_hash: string }>(
              headSql,
              [chain, AuditChain.genesis],
              { prepare: true }
            )
            // Read under the lock: times ascend along the chain.
            const timeMillis = yield* Clock.currentTimeMillis
            const head = heads[0] ?? { last_number: 0, last_hash: AuditChain.genesis }
            const sealed = AuditChain.seal({
              ...entry,
              id,
              timeMillis,
              number: head.last_number + 1,
              previousHash: head.last_hash
            })
            yield* query(appendSql, [chain, sealed.number, sealed.hash, sealed.id, JSON.stringify(encode(sealed))], {
              prepare: true
            })
            return sealed
          })
        )
      })

    return AuditStore.of({
      append: (entry) => operation("AuditStore.append")(append(entry)),
      list: (projectId, { before, limit }) =>
        operation("AuditStore.list")(
          Effect.flatMap(
            query<{ readonly data: unknown }>(listSql, [chainOf(projectId), before, limit], { prepare: true }),
            decode
          )
        )
    })
  })
)
