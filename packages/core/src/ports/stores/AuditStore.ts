/** The audit trail's rows: append-only, one hash chain per project, written with the head row locked. */
import { Context, Effect } from "effect"
import type { AuditEntry, NewAuditEntry } from "../../domain/Audit.ts"
import type { StoreError } from "./StoreError.ts"

export class AuditStore extends Context.Service<
  AuditStore,
  {
    /** Numbers, dates and seals it (see audit/AuditChain); joins a surrounding transaction. */
    append(entry: NewAuditEntry): Effect.Effect<AuditEntry, StoreError>
    /** Newest first; `before` is the smallest number of the page before. `projectId` null = the installation's own chain. */
    list(
      projectId: string | null,
      options: { readonly before: number | null; readonly limit: number }
    ): Effect.Effect<ReadonlyArray<AuditEntry>, StoreError>
  }
>()("rdev/ports/AuditStore") {}
