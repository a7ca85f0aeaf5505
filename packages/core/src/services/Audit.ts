/**
 * The audit trail of projects and of the installation: who did what, when, from where, with which outcome, in one hash chain each.
 * Operations write their own entries with their ledger (operations/Ledger); everything else that changes something is recorded here,
 * in the caller's transaction if there is one. The trail shows one line per operation.
 */
import { Context, Effect, Layer, Option, Stream } from "effect"
import { AuditEntry, type NewAuditEntry } from "../domain/Audit.ts"
import type { OperationId, ProjectId } from "../domain/Ids.ts"
import { type Operation, terminal } from "../domain/Operation.ts"
import { CurrentRequest } from "../domain/Principal.ts"
import { auditSteps } from "../operations/Ledger.ts"
import { AuditStore } from "../ports/stores/AuditStore.ts"
import { OperationStore } from "../ports/stores/OperationStore.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import * as AuditExport from "./AuditExport.ts"

/** What was done; actor, request and address are those of the current request. */
export interface Deed {
  readonly projectId: ProjectId | null
  /** Dotted lower-case, e.g. `key.create`. */
  readonly type: string
  readonly outcome?: NewAuditEntry["outcome"]
  readonly steps?: NewAuditEntry["steps"]
  /** JSON; never a secret. */
  readonly data?: NewAuditEntry["data"]
}
export interface Page {
  readonly before: number | null
  readonly limit: number
}
export interface Trail {
  readonly entries: ReadonlyArray<AuditEntry>
  /** `before` of the next page, or null at the end. */
  readonly next: number | null
}

/** One line of `GET /projects/{p}/audit`. */
export interface OperationLine {
  readonly operation_id: string | null
  readonly type: string
  readonly steps: ReadonlyArray<{ readonly name: string; readonly status: string; readonly duration_ms: number | null }>
}
export const toOperationsView = (entries: ReadonlyArray<AuditEntry>): ReadonlyArray<OperationLine> =>
  entries.map((entry) => ({
    operation_id: entry.operationId,
    type: entry.type,
    steps: entry.steps.map((step) => ({ name: step.name, status: step.status, duration_ms: step.durationMillis }))
  }))

export class Audit extends Context.Service<
  Audit,
  {
    record(deed: Deed): Effect.Effect<AuditEntry, StoreError>
    /** Every entry of the chain, newest first. */
    entries(projectId: ProjectId | null, page: Page): Effect.Effect<Trail, StoreError>
    /** The same with one entry per operation: its end where it has ended, else how far it is now. */
    operations(projectId: ProjectId | null, page: Page): Effect.Effect<Trail, StoreError>
    /** The file of AuditExport, line by line. */
    export(projectId: ProjectId | null): Stream.Stream<string, StoreError>
    /** Checks the stored chain from its first entry, and that it contains the head noted down earlier. */
    verify(projectId: ProjectId | null, kept?: AuditExport.Kept | null): Effect.Effect<AuditExport.Verdict, StoreError>
  }
>()("rdev/services/Audit") {}

const exportPage = 500

/** The started entry of an operation that goes on still, with its steps as they are; none for one whose end has an entry. */
const live = Effect.fnUntraced(function* (store: OperationStore["Service"], entry: AuditEntry, operationId: string) {
  const found: Option.Option<Operation> = yield* store.get(operationId as OperationId)
  if (Option.isNone(found) || terminal.has(found.value.status)) return []
  const steps = auditSteps(yield* store.steps(found.value.id))
  return [AuditEntry.make({ ...entry, steps, outcome: found.value.status === "parked" ? "parked" : "started" })]
})

export const layer: Layer.Layer<Audit, never, AuditStore | OperationStore> = Layer.effect(
  Audit,
  Effect.gen(function* () {
    const store = yield* AuditStore
    const operationStore = yield* OperationStore

    const entries = Effect.fn("Audit.entries")(function* (projectId: ProjectId | null, { before, limit }: Page) {
      const found = yield* store.list(projectId, { before, limit: limit + 1 })
      const page = found.slice(0, limit)
      return { entries: page, next: found.length > limit ? (page.at(-1)?.number ?? null) : null }
    })

    const operations = Effect.fn("Audit.operations")(function* (projectId: ProjectId | null, { before, limit }: Page) {
      const shown: Array<AuditEntry> = []
      let from = before
      while (true) {
        const batch = yield* store.list(projectId, { before: from, limit: 100 })
        for (const entry of batch) {
          if (shown.length === limit) return { entries: shown, next: from }
          from = entry.number
          const id = entry.operationId
          // An operation that was retried ends more than once: each end stays in the trail. What it began as, or was parked as, does not.
          if (id === null || (entry.outcome !== "started" && entry.outcome !== "parked")) shown.push(entry)
          else if (entry.outcome === "started") shown.push(...(yield* live(operationStore, entry, id)))
        }
        if (batch.length < 100) return { entries: shown, next: null }
      }
    })

    /** Entry numbers are gapless, so a page that ends with number n begins with `before` n + 1. */
    const ascending = (projectId: ProjectId | null) =>
      Stream.unwrap(
        Effect.map(store.list(projectId, { before: null, limit: 1 }), ([last]) => {
          const total = last?.number ?? 0
          return Stream.paginate(0, (done: number) =>
            Effect.map(
              store.list(projectId, {
                before: Math.min(total, done + exportPage) + 1,
                limit: Math.min(exportPage, total - done)
              }),
              (page) => {
                const next = done + exportPage
                return [
                  total === 0 ? [] : [...page].reverse(),
                  next < total ? Option.some(next) : Option.none()
                ] as const
              }
            )
          )
        })
      )

    const exported = (projectId: ProjectId | null) =>
      Stream.suspend(() => {
        let head = AuditExport.genesis
        const lines = Stream.map(ascending(projectId), (entry) => {
          head = { number: entry.number, hash: entry.hash }
          return `${AuditExport.line(entry)}\n`
        })
        return Stream.concat(
          lines,
          Stream.suspend(() => Stream.make(`${AuditExport.headLine(head)}\n`))
        )
      })

    return Audit.of({
      record: Effect.fn("Audit.record")(function* (deed: Deed) {
        const { principal, requestId, sourceAddress } = yield* CurrentRequest
        return yield* store.append({
          projectId: deed.projectId,
          operationId: null,
          type: deed.type,
          actor: principal.id,
          requestId,
          sourceAddress,
          outcome: deed.outcome ?? "completed",
          steps: deed.steps ?? [],
          data: deed.data ?? {}
        })
      }),
      entries,
      operations,
      export: exported,
      verify: (projectId, kept = null) =>
        Effect.map(Stream.mkString(exported(projectId)), (text) => AuditExport.verify(text, kept))
    })
  })
)
