/** `policy`: each handler makes one call of the service and shows what stands then. */
import { Api } from "@rdev/api/Api"
import type { PolicyView } from "@rdev/api/groups/Policy"
import type { PolicyEntry } from "@rdev/core/domain/PolicyEntry"
import { Policies } from "@rdev/core/services/Policies"
import type { PolicyInForce } from "@rdev/core/services/policy/PolicyAuthority"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import type * as Schema from "effect/Schema"
import { answer } from "../http/Failures.ts"
import * as Views from "../Views.ts"

const entry = ({ atMillis, by, digest, number, reason, word }: PolicyEntry) => ({
  number,
  word,
  digest,
  by: by.name,
  byType: by.type,
  reason,
  time: DateTime.makeUnsafe(atMillis)
})

const view = ({
  history,
  sha,
  standing
}: {
  readonly history: ReadonlyArray<PolicyEntry>
  readonly sha: string
  readonly standing: PolicyInForce
}): PolicyView => ({
  digest: standing.rev,
  // As it was decoded: plain data.
  policy: standing.policy as unknown as Schema.Json,
  accepted: standing.accepted === null ? null : entry(standing.accepted),
  acceptedText: standing.accepted?.text ?? null,
  proposal: standing.proposal === null ? null : Views.proposal(standing.proposal, sha),
  proposedText: standing.proposal === null ? null : standing.written.text,
  history: history.map(entry)
})

export const layer = HttpApiBuilder.group(
  Api,
  "policy",
  Effect.fn(function* (handlers) {
    const policies = yield* Policies
    const shown = (project: string) => Effect.map(policies.get(project), view)
    return handlers.handleAll({
      get: ({ params }) => answer(shown(params.project)),
      accept: ({ params, payload }) =>
        answer(
          Effect.andThen(policies.accept(params.project, payload.digest, payload.reason ?? null), shown(params.project))
        ),
      reject: ({ params, payload }) =>
        answer(Effect.andThen(policies.reject(params.project, payload.digest, payload.reason), shown(params.project)))
    })
  })
)
