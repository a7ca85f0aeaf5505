/**
 * Protection by two rulesets of ours per branch: nobody rewrites or deletes it, the platform included; everybody but the platform brings
 * work by pull request with the required statuses. A ruleset knows who may pass it, which a branch protection of old knows of
 * organisations alone.
 */
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Protection } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, type Redacted, Schema } from "effect"
import type { Account } from "./Access.ts"
import type { Over } from "./Ownership.ts"
import type { Place } from "./Repositories.ts"

const RulesetAnswer = Schema.Struct({ id: Schema.Int, name: Schema.String })

const shape = (branch: string) => ({
  target: "branch" as const,
  enforcement: "active" as const,
  conditions: { ref_name: { include: [`refs/heads/${branch}`], exclude: [] } }
})
const rulesetsOf = ({ branch, requiredStatuses }: Protection, { actor }: Account) => [
  {
    ...shape(branch),
    name: `rdev: ${branch} is never rewritten`,
    rules: [{ type: "deletion" as const }, { type: "non_fast_forward" as const }]
  },
  {
    ...shape(branch),
    name: `rdev: ${branch} by pull request`,
    bypass_actors: [{ actor_id: actor.id, actor_type: actor.type, bypass_mode: "always" as const }],
    rules: [
      {
        type: "pull_request" as const,
        parameters: {
          dismiss_stale_reviews_on_push: false,
          require_code_owner_review: false,
          require_last_push_approval: false,
          required_approving_review_count: 0,
          required_review_thread_resolution: false
        }
      },
      ...(requiredStatuses.length === 0
        ? []
        : [
            {
              type: "required_status_checks" as const,
              parameters: {
                required_status_checks: requiredStatuses.map((context) => ({ context })),
                strict_required_status_checks_policy: false
              }
            }
          ])
    ]
  }
]

export const protect =
  ({ access, repositories }: Over) =>
  (target: RepositoryTarget, protection: Protection) =>
    repositories.at(target, (credential: Redacted.Redacted, place: Place) =>
      Effect.gen(function* () {
        const { client } = access
        const wanted = rulesetsOf(protection, yield* access.account())
        const there = yield* client.all(
          credential,
          "GET /repos/{owner}/{repo}/rulesets",
          Schema.Array(RulesetAnswer),
          (page) => page,
          { ...place, includes_parents: false }
        )
        for (const ruleset of wanted) {
          const found = there.find(({ name }) => name === ruleset.name)
          yield* found === undefined
            ? client.ask(credential, "POST /repos/{owner}/{repo}/rulesets", RulesetAnswer, { ...place, ...ruleset })
            : client.ask(credential, "PUT /repos/{owner}/{repo}/rulesets/{ruleset_id}", RulesetAnswer, {
                ...place,
                ...ruleset,
                ruleset_id: found.id
              })
        }
      })
    )
