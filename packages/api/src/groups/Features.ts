/** Features of a project and their way through the life cycle. */
import { FeatureIndex, Phase, Slug, VerdictGate } from "@rdev/core/domain/FeatureIndex"
import { FeatureId, ProjectId } from "@rdev/core/domain/Ids"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import { Authorization, Idempotency, requires } from "../Access.ts"
import * as Parameters from "../Parameters.ts"
import * as Problem from "../Problem.ts"
import { waitingFor } from "../WaitingFor.ts"
import * as Wire from "../Wire.ts"
import { PolicyProposalView } from "./Policy.ts"

const fields = FeatureIndex.fields
const Reason = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(10_000))

export const LastDecision = Wire.struct("LastDecision", {
  rule: Schema.String,
  action: Schema.String,
  actor: Schema.String,
  kind: Schema.String,
  reason: Schema.String
})
export const FeatureView = Wire.struct("Feature", {
  id: FeatureId,
  projectId: ProjectId,
  slug: Slug,
  title: fields.title,
  kind: fields.kind,
  phase: fields.phase,
  lifecycle: fields.lifecycle,
  branch: fields.branch,
  pullRequest: fields.pullRequest,
  deps: fields.deps,
  /** False once nothing is left to do. */
  live: fields.live,
  /** Task of the queue that works or worked on it last. */
  taskId: fields.taskId,
  /** What the platform decided last; `…/next` computes it anew. */
  decision: Schema.NullOr(LastDecision),
  createdAt: Wire.Time,
  updatedAt: Wire.Time
})
export type FeatureView = typeof FeatureView.Type

export const NewFeature = Wire.struct("NewFeature", {
  title: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200)),
  /** Made from the title when absent. */
  slug: Schema.optionalKey(Slug),
  kind: Schema.optionalKey(fields.kind),
  /** What is wanted and why; the first agent reads it. */
  description: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(100_000))),
  /** Slugs of features that must be released first. */
  deps: Schema.optionalKey(Schema.Array(Slug).check(Schema.isMaxLength(50))),
  /** A preset of the project's policy, e.g. `lean`. */
  preset: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(60))),
  /** Drive it at once (default true), or wait for `run`. */
  start: Schema.optionalKey(Schema.Boolean)
})

const decision = {
  action: Schema.String,
  /** Plan task that the action is about. */
  taskId: Schema.NullOr(Schema.String),
  reason: Schema.String,
  feature: Schema.String,
  phase: Phase,
  /** Rule of the table, or the guard that stands before it; then `via` names the rule. */
  rule: Schema.String,
  via: Schema.NullOr(Schema.String),
  actor: Schema.Literals(["agent", "human", "platform", "policy"]),
  kind: Schema.Literals(["do", "approve", "wait", "hold", "move", "done"]),
  to: Schema.NullOr(Schema.String),
  /** Other ready plan tasks with disjoint writes. */
  batch: Schema.Array(Schema.String),
  /** Under kind approve: who may. */
  approver: Schema.NullOr(Schema.Literals(["human", "agent"])),
  idempotencyKey: Schema.String,
  ...waitingFor,
  /** Another policy on the default branch than the one in force; see `GET /projects/{project}/policy`. */
  policyProposal: Schema.NullOr(PolicyProposalView)
}
export const DecisionView = Wire.struct("Decision", decision)
export type DecisionView = typeof DecisionView.Type

export const FactRead = Wire.struct("FactRead", {
  fact: Schema.String,
  value: Schema.Union([Schema.String, Schema.Boolean])
})
export const Skipped = Wire.struct("Skipped", {
  rule: Schema.String,
  action: Schema.String,
  condition: Schema.String,
  fact: Schema.String,
  value: Schema.Union([Schema.String, Schema.Boolean]),
  because: Schema.String
})
export const Explanation = Wire.struct("Explanation", {
  ...decision,
  /** Every other fact could have any value without changing the answer. */
  facts: Schema.Array(FactRead),
  /** Rules that come earlier, and the first fact in the way of each. */
  skipped: Schema.Array(Skipped),
  subjects: Schema.Array(Schema.String),
  policyRev: Schema.String,
  tableRev: Schema.String
})
export const FeatureDetail = Wire.struct("FeatureDetail", { feature: FeatureView, next: DecisionView })
export const FeaturePage = Wire.struct("FeaturePage", { features: Schema.Array(FeatureView), ...Parameters.nextCursor })

const document = {
  /** `idea`, `spec`, `design`, `tasks`, `qa-plan`, `review`, `audit`, `qa-report`, or another Markdown file beside them. */
  name: Schema.String,
  paths: Schema.Array(Schema.String),
  sizeBytes: Schema.Int,
  /** Digest of exactly this content, as a verdict names it; null for what no verdict is about. */
  digest: Schema.NullOr(Schema.String)
}
export const DocumentEntry = Wire.struct("DocumentEntry", document)
export const DocumentView = Wire.struct("Document", {
  ...document,
  /** Commit that it was read at. */
  sha: Schema.String,
  /** At most 256 KiB of it, secrets masked. */
  text: Schema.String,
  truncated: Schema.Boolean
})
/** What a verdict given now is about, and where to look. */
export const DueView = Wire.struct("Due", {
  gate: VerdictGate,
  subject: Schema.NullOr(Schema.String),
  /** Names of documents. */
  documents: Schema.Array(Schema.String),
  /** The change of the code is to be looked at, too. */
  code: Schema.Boolean
})
export const DocumentList = Wire.struct("DocumentList", {
  sha: Schema.String,
  documents: Schema.Array(DocumentEntry),
  /** About the gate that was asked for, or the one that waits; null when nothing waits for a verdict. */
  due: Schema.NullOr(DueView)
})
export const ChangedFile = Wire.struct("ChangedFile", {
  path: Schema.String,
  previousPath: Schema.NullOr(Schema.String),
  status: Schema.Literals(["added", "deleted", "modified", "renamed"]),
  binary: Schema.Boolean,
  /** Lines; null where they were not counted. */
  added: Schema.NullOr(Schema.Int),
  removed: Schema.NullOr(Schema.Int),
  /** In git's form, secrets masked; null when it is left out. */
  patch: Schema.NullOr(Schema.String),
  truncated: Schema.Boolean
})
export const ChangesView = Wire.struct("Changes", {
  base: Schema.NullOr(Schema.String),
  head: Schema.String,
  /** What a verdict about the code names. */
  subject: Schema.NullOr(Schema.String),
  /** At most 1000, with 512 KiB of patches. */
  files: Schema.Array(ChangedFile),
  total: Schema.Int,
  /** Changed files of the feature's events and evidence, which are not listed. */
  records: Schema.Int,
  truncated: Schema.Boolean
})

const about = {
  /** Without one: the gate that the feature waits at. */
  gate: Schema.optionalKey(VerdictGate),
  /** Digest of what was looked at, as `documents` and `diff` name it: a verdict about something else by now is refused. */
  subject: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200)))
}
const Approval = Wire.struct("Approval", { ...about, reason: Schema.optionalKey(Reason) })
const Refusal = Wire.struct("Refusal", { ...about, reason: Reason })
export const VerdictView = Wire.struct("Verdict", {
  gate: VerdictGate,
  verdict: Schema.Literals(["approve", "reject", "waive"]),
  /** Digest of the exact content decided about. */
  subject: Schema.NullOr(Schema.String)
})
const Why = Wire.struct("Why", { reason: Reason })
const Answer = Wire.struct("Answer", { text: Reason })
const Unblock = Wire.struct("Unblock", {
  planTask: Schema.String.check(Schema.isPattern(/^task-\d{1,6}$/u, { message: "expected a plan task like task-003" }))
})

const base = "/projects/:project/sdlc/features"
const one = `${base}/:feature` as const
const params = { ...Parameters.project, feature: Slug.annotate({ description: "The feature's slug" }) }
const headers = Parameters.idempotency
const verb = { params, headers, success: FeatureDetail, error: Problem.write }

export class FeaturesGroup extends HttpApiGroup.make("features")
  .add(
    HttpApiEndpoint.post("create", base, {
      params: Parameters.project,
      headers,
      payload: NewFeature,
      success: FeatureView.pipe(HttpApiSchema.status(201)),
      error: Problem.write
    }).annotateMerge(requires("sdlc:write", { summary: "Create a feature and start driving it" })),
    HttpApiEndpoint.get("list", base, {
      params: Parameters.project,
      query: Parameters.paging,
      success: FeaturePage,
      error: Problem.read
    }).annotateMerge(requires("sdlc:read", { summary: "List features" })),
    HttpApiEndpoint.get("get", one, { params, success: FeatureDetail, error: Problem.read }).annotateMerge(
      requires("sdlc:read", { summary: "Show a feature and its next action" })
    ),
    HttpApiEndpoint.get("next", `${one}/next`, { params, success: DecisionView, error: Problem.read }).annotateMerge(
      requires("sdlc:read", { summary: "The next valid action" })
    ),
    HttpApiEndpoint.get("why", `${one}/why`, { params, success: Explanation, error: Problem.read }).annotateMerge(
      requires("sdlc:read", { summary: "The next action with the facts it rests on and the rules that did not hit" })
    ),
    HttpApiEndpoint.get("documents", `${one}/documents`, {
      params,
      query: { gate: Schema.optionalKey(VerdictGate) },
      success: DocumentList,
      error: Problem.read
    }).annotateMerge(requires("sdlc:read", { summary: "List its documents, and what a verdict now is about" })),
    HttpApiEndpoint.get("document", `${one}/documents/:document`, {
      params: {
        ...params,
        document: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200)).annotate({
          description: "Name of a document, e.g. spec"
        })
      },
      success: DocumentView,
      error: Problem.read
    }).annotateMerge(requires("sdlc:read", { summary: "Show a document as it stands at the feature's branch" })),
    HttpApiEndpoint.get("diff", `${one}/diff`, {
      params,
      query: { path: Schema.optionalKey(Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(4096))) },
      success: ChangesView,
      error: Problem.read
    }).annotateMerge(requires("sdlc:read", { summary: "What its branch changes of the base" })),
    HttpApiEndpoint.post("approve", `${one}/approve`, {
      params,
      headers,
      payload: Approval,
      success: VerdictView,
      error: Problem.write
    }).annotateMerge(requires("sdlc:approve", { summary: "Approve what waits" })),
    HttpApiEndpoint.post("reject", `${one}/reject`, {
      params,
      headers,
      payload: Refusal,
      success: VerdictView,
      error: Problem.write
    }).annotateMerge(requires("sdlc:approve", { summary: "Reject what waits; the agent reads the reason" })),
    HttpApiEndpoint.post("waive", `${one}/waive`, {
      params,
      headers,
      payload: Refusal,
      success: VerdictView,
      error: Problem.write
    }).annotateMerge(requires("sdlc:approve", { summary: "Do without a gate, for a reason" })),
    HttpApiEndpoint.post("run", `${one}/run`, verb).annotateMerge(
      requires("sdlc:write", { summary: "Look at the feature again and go on" })
    ),
    HttpApiEndpoint.post("pause", `${one}/pause`, { ...verb, payload: Why }).annotateMerge(
      requires("sdlc:write", { summary: "Pause" })
    ),
    HttpApiEndpoint.post("resume", `${one}/resume`, verb).annotateMerge(requires("sdlc:write", { summary: "Resume" })),
    HttpApiEndpoint.post("cancel", `${one}/cancel`, { ...verb, payload: Why }).annotateMerge(
      requires("sdlc:write", { summary: "Cancel" })
    ),
    HttpApiEndpoint.post("answer", `${one}/answer`, { ...verb, payload: Answer }).annotateMerge(
      requires("sdlc:approve", { summary: "Answer the open escalation" })
    ),
    HttpApiEndpoint.post("unblock", `${one}/unblock`, { ...verb, payload: Unblock }).annotateMerge(
      requires("sdlc:write", { summary: "Unblock a plan task" })
    )
  )
  .middleware(Idempotency)
  .middleware(Authorization) {}
