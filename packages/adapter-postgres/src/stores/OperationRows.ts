/** Operations and ledger rows as the database keeps them: what changes in columns, what was fixed at the start in one document. */
import { Operation, OperationResource, OperationStep } from "@rdev/core/domain/Operation"
import type { LedgerChange, OperationPatch } from "@rdev/core/ports/stores/OperationStore"
import { Schema } from "effect"
import { decoder, tolerant } from "./StoreOperation.ts"

/** Database column of each field that is not in `data`. */
const columns = {
  id: "id",
  idempotencyKey: "idempotency_key",
  projectId: "project_id",
  kind: "kind",
  status: "status",
  direction: "direction",
  error: "error",
  output: "output",
  cancelRequested: "cancel_requested",
  leaseOwner: "lease_owner",
  leaseEpoch: "lease_epoch",
  leaseUntilMillis: "lease_until_millis",
  wakeAtMillis: "wake_at_millis",
  wakeRequested: "poked",
  createdAtMillis: "created_at_millis",
  startedAtMillis: "started_at_millis",
  endedAtMillis: "ended_at_millis"
} as const satisfies Partial<Record<keyof Operation, string>>
const fields = Object.entries(columns)

export const columnList = `${Object.values(columns).join(", ")}, data`
export type OperationRow = Readonly<Record<(typeof columns)[keyof typeof columns], unknown>> & { readonly data: object }

const decodeOperations = decoder("OperationStore", Operation)
const encodeOperation = Schema.encodeSync(Schema.Struct(Operation.fields))
export const decodeSteps = decoder("OperationStore", OperationStep)
export const decodeResources = decoder("OperationStore", OperationResource)
const encodeStep = Schema.encodeSync(Schema.Struct(OperationStep.fields))
const encodeResource = Schema.encodeSync(Schema.Struct(OperationResource.fields))

const assembled = (row: OperationRow) => ({
  data: { ...row.data, ...Object.fromEntries(fields.map(([field, column]) => [field, row[column]])) }
})
export const decode = (rows: ReadonlyArray<OperationRow>) => decodeOperations(rows.map(assembled))
const tolerantly = tolerant(Operation, ({ data }: ReturnType<typeof assembled>) => {
  const { id, projectId } = data as { readonly id?: unknown; readonly projectId?: unknown }
  return {
    owner: typeof projectId === "string" ? projectId : null,
    part: `operation ${String(id)}`,
    repair:
      "Restore the rows of tables operation and operation_step from a backup, or delete them and start the operation again (project.sync continues what it left)"
  }
})
/** Of many, those that can be read: a damaged one is nobody's else trouble. */
export const decodeEach = (rows: ReadonlyArray<OperationRow>) => tolerantly(rows.map(assembled))

const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value))

const fixed = (encoded: typeof Operation.Encoded): string =>
  JSON.stringify(Object.fromEntries(Object.entries(encoded).filter(([field]) => !(field in columns))))

/** Parameters in the order of `columnList`. */
export const parameters = (operation: Operation): ReadonlyArray<unknown> => {
  const encoded = encodeOperation(operation)
  return [
    ...fields.map(([field]) =>
      field === "error" || field === "output" ? json(Reflect.get(encoded, field)) : Reflect.get(encoded, field)
    ),
    fixed(encoded)
  ]
}

export const steps = (rows: ReadonlyArray<OperationStep>) => ({
  keys: rows.map((row) => row.key),
  phases: rows.map((row) => row.phase),
  data: rows.map((row) => JSON.stringify(encodeStep(row)))
})
const resources = (rows: ReadonlyArray<OperationResource>) => ({
  keys: rows.map((row) => row.key),
  data: rows.map((row) => JSON.stringify(encodeResource(row)))
})

/** Milliseconds of the database's clock: leases of all replicas are measured by one. */
export const now = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"

/** Steps from parameters $n, $n+1, $n+2 into the operation that the CTE `o` found, in their order. */
export const upsertSteps = (n: number) => `
  INSERT INTO rdev.operation_step (operation_id, key, phase, data)
  SELECT o.id, s.key, s.phase, s.data::json FROM o, unnest($${n}::text[], $${n + 1}::text[], $${n + 2}::text[]) WITH ORDINALITY AS s (key, phase, data, n) ORDER BY s.n
  ON CONFLICT (operation_id, key, phase) DO UPDATE SET data = excluded.data`
const upsertResources = (n: number) => `
  INSERT INTO rdev.operation_resource (operation_id, key, data)
  SELECT o.id, r.key, r.data::json FROM o, unnest($${n}::text[], $${n + 1}::text[]) WITH ORDINALITY AS r (key, data, n) ORDER BY r.n
  ON CONFLICT (operation_id, key) DO UPDATE SET data = excluded.data`

const assignments = (patch: OperationPatch, param: (value: unknown) => string): ReadonlyArray<string> => {
  const set: Array<string> = []
  if (patch.status !== undefined) set.push(`status = ${param(patch.status)}`)
  if (patch.direction !== undefined) set.push(`direction = ${param(patch.direction)}`)
  if (patch.error !== undefined) set.push(`error = ${param(json(patch.error))}`)
  if (patch.output !== undefined) set.push(`output = ${param(json(patch.output))}`)
  if (patch.startedAtMillis !== undefined) set.push(`started_at_millis = ${param(patch.startedAtMillis)}`)
  if (patch.endedAtMillis !== undefined) set.push(`ended_at_millis = ${param(patch.endedAtMillis)}`)
  return set
}
const release = (wakeAt: string): ReadonlyArray<string> => [
  "lease_owner = NULL",
  "lease_until_millis = NULL",
  `wake_at_millis = CASE WHEN poked THEN ${now} ELSE ${wakeAt}::bigint END`
]
const reopening = [
  "lease_owner = NULL",
  "lease_until_millis = NULL",
  "lease_epoch = lease_epoch + 1",
  "wake_at_millis = NULL",
  "poked = false",
  "cancel_requested = false"
]

/**
 * One statement that changes the operation where `condition` ($1 = id, $2 = what the condition compares with) holds, and its rows
 * with it; no row comes back where it does not. The texts are few, as few combinations of fields are written.
 */
export const changeStatement = (
  id: string,
  compared: unknown,
  condition: string,
  change: LedgerChange,
  reopen: boolean,
  replaced: Operation | null = null
) => {
  const params: Array<unknown> = [id, compared]
  const param = (value: unknown) => `$${params.push(value)}`
  const patch = change.operation ?? {}
  const set = [
    ...assignments(patch, param),
    ...(replaced === null ? [] : [`data = ${param(fixed(encodeOperation(replaced)))}`]),
    ...(reopen ? reopening : patch.release === undefined ? [] : release(param(patch.release.wakeAtMillis)))
  ]
  const ctes = [
    `o AS (UPDATE rdev.operation SET ${set.length === 0 ? "lease_epoch = lease_epoch" : set.join(", ")} WHERE id = $1 AND ${condition} RETURNING ${columnList})`
  ]
  if (change.steps !== undefined && change.steps.length > 0) {
    const { data, keys, phases } = steps(change.steps)
    ctes.push(`s AS (${upsertSteps(params.length + 1)})`)
    params.push(keys, phases, data)
  }
  if (change.resources !== undefined && change.resources.length > 0) {
    const { data, keys } = resources(change.resources)
    ctes.push(`r AS (${upsertResources(params.length + 1)})`)
    params.push(keys, data)
  }
  return { sql: `WITH ${ctes.join(", ")} SELECT * FROM o`, params }
}
