/** A project's policy: what is in force, what is proposed on the default branch, and the yes or no to it. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import * as Wire from "../Wire.ts"

const Digest = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))
const Reason = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(10_000))

export const PolicyChangeView = Wire.struct("PolicyChange", {
  /** e.g. `gates.spec` or `presets.lean.gates.merge`. */
  field: Schema.String,
  /** As JSON; null = it says nothing, and what lies under it holds. */
  from: Schema.NullOr(Schema.String),
  to: Schema.NullOr(Schema.String),
  effect: Schema.Literals(["weaker", "stricter", "mixed"])
})
export const PolicyProposalView = Wire.struct("PolicyProposal", {
  digest: Schema.String,
  /** Why the file cannot be read; nothing of it holds then. */
  problem: Schema.NullOr(Schema.String),
  /** What waits until somebody with `sdlc:approve` accepts it. */
  weakens: Schema.Array(PolicyChangeView),
  /** What holds already. */
  strengthens: Schema.Array(PolicyChangeView),
  /** Somebody said no to it: none of it holds. */
  rejected: Schema.Boolean,
  /** Commit of the default branch that was looked at. */
  sha: Schema.String
})
export type PolicyProposalView = typeof PolicyProposalView.Type
export const PolicyEntryView = Wire.struct("PolicyEntry", {
  number: Schema.Int,
  word: Schema.Literals(["accepted", "proposed", "rejected"]),
  digest: Schema.String,
  /** Name of the key that said it. */
  by: Schema.String,
  byType: Schema.String,
  reason: Schema.NullOr(Schema.String),
  time: Wire.Time
})
export const PolicyView = Wire.struct("Policy", {
  /** Digest of what is in force; it stands in every decision as `policy_rev`. */
  digest: Schema.String,
  /** What is in force, with all defaults. */
  policy: Schema.Json,
  /** The last acceptance; null when none that this installation signed can be found, and the standard policy is the least that holds. */
  accepted: Schema.NullOr(PolicyEntryView),
  /** The accepted file. */
  acceptedText: Schema.NullOr(Schema.String),
  /** What stands on the default branch, when it demands something else. */
  proposal: Schema.NullOr(PolicyProposalView),
  /** The proposed file. */
  proposedText: Schema.NullOr(Schema.String),
  /** The latest words, newest first. */
  history: Schema.Array(PolicyEntryView)
})
export type PolicyView = typeof PolicyView.Type

const Acceptance = Wire.struct("PolicyAcceptance", { digest: Digest, reason: Schema.optionalKey(Reason) })
const Rejection = Wire.struct("PolicyRejection", { digest: Digest, reason: Reason })

const base = "/projects/:project/policy"
const verb = { params: Parameters.project, headers: Parameters.idempotency, success: PolicyView, error: Problem.write }

export class PolicyGroup extends HttpApiGroup.make("policy")
  .add(
    HttpApiEndpoint.get("get", base, {
      params: Parameters.project,
      success: PolicyView,
      error: Problem.read
    }).annotateMerge(requires("sdlc:read", { summary: "The policy in force, and what is proposed" })),
    HttpApiEndpoint.post("accept", `${base}/accept`, { ...verb, payload: Acceptance }).annotateMerge(
      requires("sdlc:approve", { summary: "Accept the policy that stands on the default branch, by its digest" })
    ),
    HttpApiEndpoint.post("reject", `${base}/reject`, { ...verb, payload: Rejection }).annotateMerge(
      requires("sdlc:approve", { summary: "Say no to it, with a reason: none of it holds" })
    )
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
