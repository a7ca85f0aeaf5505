/** Operations and their ledgers in memory, with the fencing of the port; writes take part in the memory transactions. */
import { Clock, Effect, Layer, Option, type Schema } from "effect"
import type { OperationId } from "../../domain/Ids.ts"
import { Operation, type OperationResource, type OperationStep, runnable, terminal } from "../../domain/Operation.ts"
import { type Held, type LedgerChange, OperationStore } from "../../ports/stores/OperationStore.ts"
import { StoreError, type StoreReason } from "../../ports/stores/StoreError.ts"
import * as MemoryTransaction from "./MemoryTransaction.ts"

interface Entry {
  readonly operation: Operation
  readonly steps: ReadonlyMap<string, OperationStep>
  readonly resources: ReadonlyMap<string, OperationResource>
  readonly answers: ReadonlyMap<string, Schema.Json>
}

const error = (verb: string, reason: StoreReason) => new StoreError({ operation: `OperationStore.${verb}`, reason })
const missing = (verb: string, id: string) => error(verb, { _tag: "NotFound", entity: "operation", id })
const rowKey = (step: OperationStep) => `${step.key}/${step.phase}`

const apply = (entry: Entry, change: LedgerChange, nowMillis: number): Entry => {
  const { release, ...fields } = change.operation ?? {}
  const { operation } = entry
  const lease =
    release === undefined
      ? {}
      : {
          leaseOwner: null,
          leaseUntilMillis: null,
          wakeAtMillis: operation.wakeRequested ? nowMillis : release.wakeAtMillis
        }
  return {
    ...entry,
    operation: Operation.make({ ...operation, ...fields, ...lease }),
    steps: new Map([...entry.steps, ...(change.steps ?? []).map((step) => [rowKey(step), step] as const)]),
    resources: new Map([
      ...entry.resources,
      ...(change.resources ?? []).map((resource) => [resource.key, resource] as const)
    ])
  }
}

const claimable = (operation: Operation, nowMillis: number): boolean =>
  runnable.has(operation.status) &&
  (operation.leaseUntilMillis === null || operation.leaseUntilMillis <= nowMillis) &&
  (operation.wakeAtMillis === null || operation.wakeAtMillis <= nowMillis)

const make = Effect.gen(function* () {
  const { rows, write } = yield* MemoryTransaction.table<Entry>()
  /** One change of one entry; `change` answers with the entry to keep and the result, or with why not. */
  const edit = <A>(
    verb: string,
    id: OperationId,
    change: (entry: Entry, nowMillis: number) => { readonly entry: Entry; readonly result: A } | StoreError
  ) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.flatten(
        write((put): Effect.Effect<A, StoreError> => {
          const entry = rows.get(id)
          if (entry === undefined) return Effect.fail(missing(verb, id))
          const changed = change(entry, now)
          if (changed instanceof StoreError) return Effect.fail(changed)
          put(id, changed.entry)
          return Effect.succeed(changed.result)
        })
      )
    )
  const poke = (entry: Entry, nowMillis: number, fields: Partial<Operation> = {}): Entry => ({
    ...entry,
    operation: Operation.make({
      ...entry.operation,
      ...fields,
      wakeRequested: true,
      wakeAtMillis: entry.operation.wakeAtMillis === null ? null : Math.min(entry.operation.wakeAtMillis, nowMillis)
    })
  })
  const all = () => [...rows.values()].map((entry) => entry.operation)

  return OperationStore.of({
    insert: (operation, steps) =>
      write((put) => {
        const first = all().find((other) => other.idempotencyKey === operation.idempotencyKey)
        if (first !== undefined) return { operation: first, inserted: false }
        put(operation.id, {
          operation,
          steps: new Map(steps.map((step) => [rowKey(step), step])),
          resources: new Map(),
          answers: new Map()
        })
        return { operation, inserted: true }
      }),
    get: (id) => Effect.sync(() => Option.fromNullishOr(rows.get(id)?.operation)),
    steps: (id) => Effect.sync(() => [...(rows.get(id)?.steps.values() ?? [])]),
    resources: (id) => Effect.sync(() => [...(rows.get(id)?.resources.values() ?? [])]),
    list: (query) =>
      Effect.sync(() =>
        all()
          .filter(
            (operation) =>
              (query.projectId === null || operation.projectId === query.projectId) &&
              (query.kind === null || operation.kind === query.kind) &&
              (query.status === null || query.status.includes(operation.status)) &&
              (query.after === null || operation.id < query.after)
          )
          .sort((a, b) => (a.id < b.id ? 1 : -1))
          .slice(0, query.limit)
      ),
    claim: ({ leaseMillis, limit, owner }) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        write((put) => {
          const due = all()
            .filter((operation) => claimable(operation, now))
            .sort((a, b) => (a.wakeAtMillis ?? a.createdAtMillis) - (b.wakeAtMillis ?? b.createdAtMillis))
          return due.slice(0, limit).map((operation) => {
            const claimed = Operation.make({
              ...operation,
              leaseOwner: owner,
              leaseEpoch: operation.leaseEpoch + 1,
              leaseUntilMillis: now + leaseMillis,
              wakeAtMillis: null,
              wakeRequested: false
            })
            const entry = rows.get(operation.id)
            if (entry !== undefined) put(operation.id, { ...entry, operation: claimed })
            return claimed
          })
        })
      ),
    renew: (owner, held, leaseMillis) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        write((put) =>
          held.flatMap(({ epoch, id }) => {
            const entry = rows.get(id)
            if (entry === undefined || entry.operation.leaseOwner !== owner || entry.operation.leaseEpoch !== epoch)
              return []
            const operation = Operation.make({ ...entry.operation, leaseUntilMillis: now + leaseMillis })
            put(id, { ...entry, operation })
            return [operation]
          })
        )
      ),
    record: (held: Held, change) =>
      edit("record", held.id, (before, now) => {
        const { leaseEpoch, leaseOwner } = before.operation
        if (leaseEpoch !== held.epoch || leaseOwner === null) {
          return error("record", {
            _tag: "Conflict",
            message: `operation ${held.id} is at lease epoch ${leaseEpoch}, not ${held.epoch}: somebody else runs it`
          })
        }
        const entry = apply(before, change, now)
        return { entry, result: entry.operation }
      }),
    requestCancel: (id) =>
      edit("requestCancel", id, (before, now) => {
        const entry = terminal.has(before.operation.status) ? before : poke(before, now, { cancelRequested: true })
        return { entry, result: entry.operation }
      }),
    answer: (id, key, value) =>
      edit("answer", id, (entry, now) =>
        terminal.has(entry.operation.status)
          ? error("answer", { _tag: "Conflict", message: `operation ${id} has ended as ${entry.operation.status}` })
          : { entry: { ...poke(entry, now), answers: new Map([[key, value], ...entry.answers]) }, result: undefined }
      ),
    answers: (id) => Effect.sync(() => rows.get(id)?.answers ?? new Map<string, Schema.Json>()),
    reopen: (id, from, change) =>
      edit("reopen", id, (before, now) => {
        if (!from.includes(before.operation.status)) {
          return error("reopen", {
            _tag: "Conflict",
            message: `operation ${id} is ${before.operation.status}, not ${from.join(" or ")}`
          })
        }
        const opened = apply(before, change, now)
        const operation = Operation.make({
          ...opened.operation,
          actor: change.actor ?? opened.operation.actor,
          leaseOwner: null,
          leaseUntilMillis: null,
          leaseEpoch: before.operation.leaseEpoch + 1,
          wakeAtMillis: null,
          wakeRequested: false,
          cancelRequested: false
        })
        return { entry: { ...opened, operation }, result: operation }
      }),
    purge: (beforeMillis, limit) =>
      write((put) => {
        const old = all()
          .filter(
            (operation) =>
              terminal.has(operation.status) &&
              operation.status !== "compensation_failed" &&
              (operation.endedAtMillis ?? Infinity) < beforeMillis
          )
          .slice(0, limit)
        for (const operation of old) put(operation.id, undefined)
        return old.length
      })
  })
})

export const layer: Layer.Layer<OperationStore> = Layer.effect(OperationStore, make)
