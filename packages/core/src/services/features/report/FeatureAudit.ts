/** What the audit trail keeps of a feature: every action that was carried out and every word of a human. */
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import { Clock, Effect } from "effect"
import { CurrentRequest } from "../../../domain/Principal.ts"
import { AuditStore } from "../../../ports/stores/AuditStore.ts"
import type { Snapshot } from "../read/FeatureFiles.ts"

const append = Effect.fn("FeatureAudit.append")(function* (
  snapshot: Pick<Snapshot, "project" | "index">,
  type: string,
  steps: ReadonlyArray<{ readonly name: string; readonly status: string; readonly durationMillis: number | null }>,
  data: Readonly<Record<string, string | null>>
) {
  const store = yield* AuditStore
  const request = yield* CurrentRequest
  yield* store.append({
    projectId: snapshot.project.id,
    operationId: null,
    type,
    actor: request.principal.id,
    requestId: request.requestId,
    sourceAddress: request.sourceAddress,
    outcome: "completed",
    steps: [...steps],
    data: { feature: snapshot.index.slug, ...data }
  })
})

export const performed = Effect.fn("FeatureAudit.performed")(function* (
  snapshot: Snapshot,
  decision: FeatureDecision,
  startedMillis: number
) {
  const now = yield* Clock.currentTimeMillis
  yield* append(
    snapshot,
    `feature.${decision.action}`,
    [{ name: decision.action, status: "completed", durationMillis: now - startedMillis }],
    {
      rule: decision.rule,
      reason: decision.reason,
      phase: decision.phase,
      key: decision.idempotencyKey
    }
  )
})

/** `verb`: approve, reject, waive, pause, resume, cancel, answer, create … */
export const said = (
  snapshot: Pick<Snapshot, "project" | "index">,
  verb: string,
  data: Readonly<Record<string, string | null>>
) => append(snapshot, `feature.${verb}`, [], data)
