/** Domain values as the API shows them. Pure. */
import type { AgentView, TemplateView } from "@rdev/api/groups/Catalogue"
import type { EnvironmentView } from "@rdev/api/groups/Environments"
import type { AuditEntryView, AuditLineView } from "@rdev/api/groups/Audit"
import type { DecisionView, Explanation, FeatureView } from "@rdev/api/groups/Features"
import type { KeyView } from "@rdev/api/groups/Keys"
import type { OperationView, StepView } from "@rdev/api/groups/Operations"
import type { PolicyProposalView } from "@rdev/api/groups/Policy"
import type { Accepted, PlanView, ProjectView } from "@rdev/api/groups/Projects"
import type { TaskView } from "@rdev/api/groups/Tasks"
import type { TreeStepView, TreeView } from "@rdev/api/groups/Trees"
import type { DeliveryView, WebhookView } from "@rdev/api/groups/Webhooks"
import type { ApiKey } from "@rdev/core/domain/ApiKey"
import type { AuditEntry } from "@rdev/core/domain/Audit"
import type { Condition } from "@rdev/core/domain/Condition"
import { type Environment, statusOf as environmentStatus } from "@rdev/core/domain/Environment"
import type { ErrorClass } from "@rdev/core/domain/ErrorClass"
import type { FeatureIndex } from "@rdev/core/domain/FeatureIndex"
import type { Operation, OperationStep } from "@rdev/core/domain/Operation"
import { asProject } from "@rdev/core/domain/Owner"
import type { Project } from "@rdev/core/domain/Project"
import type { Webhook } from "@rdev/core/domain/Webhook"
import type { WaitingFor } from "@rdev/core/domain/WaitingFor"
import type { WorkTask } from "@rdev/core/domain/WorkTask"
import type { Damage } from "@rdev/core/ports/stores/Quarantine"
import type { HarnessInfo } from "@rdev/core/ports/agents/AgentHarness"
import type { OperationPlan } from "@rdev/core/operations/Plan"
import type { Tree, TreeStep } from "@rdev/core/services/trees/TreeSchema"
import * as Conditions from "@rdev/core/services/sync/Conditions"
import type { Proposal } from "@rdev/core/services/policy/Proposal"
import type { Delivery } from "@rdev/core/services/Webhooks"
import * as Message from "@rdev/core/services/webhooks/Message"
import type { TemplateInfo } from "@rdev/core/ports/infra/Templates"
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import * as DateTime from "effect/DateTime"
import type { SlotState } from "./installation/SlotHealth.ts"

const time = (millis: number) => DateTime.makeUnsafe(millis)
const optionalTime = (millis: number | null) => (millis === null ? null : time(millis))

const condition = ({ message, reason, status, timeMillis, type }: Condition) => ({
  type,
  status,
  reason,
  message,
  since: time(timeMillis)
})

/** What a view of a project shows beside its record. */
export interface Beside {
  readonly environments: ReadonlyArray<Environment>
  /** What was found damaged of it. */
  readonly damages: ReadonlyArray<Damage>
}

export const project = (one: Project, { damages, environments }: Beside): ProjectView => ({
  id: one.id,
  name: one.name,
  template: one.template,
  source: one.source === undefined ? null : { url: one.source.url, branch: one.source.branch },
  setup: one.setup ?? null,
  status: one.status,
  description: one.description,
  agent: one.agent,
  defaultBranch: one.defaultBranch,
  workDir: one.workDir,
  cloneUrl: one.cloneUrl,
  resources: [
    ...one.resources.map((resource) => ({ ...resource, environment: null })),
    ...environments.flatMap(({ bindings, name }) => bindings.map((resource) => ({ ...resource, environment: name })))
  ],
  environments: environments.map(({ name, release, url }) => ({
    name,
    url,
    sha: release?.sha ?? null,
    releaseId: release?.id ?? null
  })),
  generation: one.generation ?? 1,
  observedGeneration: one.observedGeneration ?? 0,
  conditions: Conditions.shown(one, DateTime.toEpochMillis(one.updatedAt)).map(condition),
  damages: damages.map(({ message, part, repair }) => ({ part, message, repair })),
  operationId: one.operationId,
  createdAt: one.createdAt,
  updatedAt: one.updatedAt,
  revision: one.revision
})

export const environment = (one: Environment, variables: ReadonlyArray<string>): EnvironmentView => ({
  id: one.id,
  projectId: one.projectId,
  name: one.name,
  kind: one.kind,
  status: environmentStatus(one),
  hosts: one.hosts,
  url: one.url,
  variables,
  bindings: one.bindings,
  release:
    one.release === null
      ? null
      : { id: one.release.id, sha: one.release.sha, url: one.release.url, releasedAt: time(one.release.atMillis) },
  generation: one.generation ?? 1,
  observedGeneration: one.observedGeneration ?? 0,
  conditions: one.conditions.map(condition),
  createdAt: time(one.createdAtMillis),
  updatedAt: time(one.updatedAtMillis)
})

export const feature = (one: FeatureIndex): FeatureView => ({
  id: one.id,
  projectId: one.projectId,
  slug: one.slug,
  title: one.title,
  kind: one.kind,
  phase: one.phase,
  lifecycle: one.lifecycle,
  branch: one.branch,
  pullRequest: one.pullRequest,
  deps: one.deps,
  live: one.live,
  taskId: one.taskId,
  decision: one.decision,
  createdAt: time(one.createdAtMillis),
  updatedAt: time(one.updatedAtMillis)
})

/** `null`: it goes on. */
export const waiting = (one: WaitingFor | null) =>
  one === null
    ? null
    : { reason: one.reason, since: time(one.sinceMillis), until: optionalTime(one.untilMillis), detail: one.detail }

export const proposal = (
  { digest, problem, rejected, strengthens, weakens }: Proposal,
  sha: string
): PolicyProposalView => ({ digest, problem, weakens, strengthens, rejected, sha })

/** The policy that a decision was made under, and where its proposal stands. */
export interface Under {
  readonly standing: { readonly proposal: Proposal | null }
  readonly mainSha: string
}

export const decision = (
  one: FeatureDecision,
  { mainSha, standing }: Under,
  waitingFor: WaitingFor | null = null
): DecisionView => ({
  action: one.action,
  taskId: one.taskId ?? null,
  reason: one.reason,
  feature: one.feature,
  phase: one.phase,
  rule: one.rule,
  via: one.via ?? null,
  actor: one.actor,
  kind: one.kind,
  to: one.to ?? null,
  batch: one.batch ?? [],
  approver: one.approver ?? null,
  idempotencyKey: one.idempotencyKey,
  waitingFor: waiting(waitingFor),
  policyProposal: standing.proposal === null ? null : proposal(standing.proposal, mainSha)
})

export const explanation = (
  one: FeatureDecision,
  under: Under,
  waitingFor: WaitingFor | null = null
): typeof Explanation.Type => ({
  ...decision(one, under, waitingFor),
  facts: one.facts,
  skipped: one.skipped,
  subjects: one.subjects,
  policyRev: one.policyRev,
  tableRev: one.tableRev
})

const taskError = (error: ErrorClass | null) => (error === null ? null : { class: error._tag, message: error.message })

const attempt = (one: WorkTask["attempts"][number]) => ({
  number: one.number,
  workerId: one.workerId,
  startedAt: time(one.startedAtMillis),
  endedAt: optionalTime(one.endedAtMillis),
  counted: one.counted,
  error: taskError(one.error)
})

export const task = (one: WorkTask, waitingFor: WaitingFor | null = null): TaskView => ({
  id: one.id,
  owner: one.owner,
  projectId: asProject(one.owner),
  kind: one.kind,
  status: one.status,
  payload: one.payload,
  result: one.result,
  priority: one.priority,
  workerId: one.workerId,
  progress: one.progress,
  error: taskError(one.error),
  parked: one.parked,
  deliveries: one.deliveries,
  attemptsCounted: one.attemptsCounted,
  maxAttempts: one.maxAttempts,
  timeoutMs: one.timeoutMillis,
  dependsOn: one.dependsOn,
  cancelRequested: one.cancelRequested,
  waitingFor: waiting(waitingFor),
  attempts: one.attempts.map(attempt),
  createdAt: time(one.createdAtMillis),
  startedAt: optionalTime(one.startedAtMillis),
  endedAt: optionalTime(one.endedAtMillis)
})

export const operation = (one: Operation, waitingFor: WaitingFor | null = null): OperationView => ({
  id: one.id,
  kind: one.kind,
  version: one.version,
  projectId: one.projectId,
  status: one.status,
  output: one.output,
  error: one.error,
  cancelRequested: one.cancelRequested,
  waitingFor: waiting(waitingFor),
  actor: one.actor,
  requestId: one.requestId,
  createdAt: time(one.createdAtMillis),
  startedAt: optionalTime(one.startedAtMillis),
  endedAt: optionalTime(one.endedAtMillis)
})

/** Work that goes on in the background, and where to follow it. */
export const accepted = ({ id }: Operation): typeof Accepted.Type => ({
  operationId: id,
  eventsUrl: `/operations/${id}/events`
})

export const plan = (one: OperationPlan): typeof PlanView.Type => ({
  kind: one.kind,
  digest: one.digest,
  steps: one.steps.map(({ change, dependsOn, externalId, key, provider, reason, title }) => ({
    key,
    title,
    change,
    reason,
    dependsOn,
    provider,
    externalId
  }))
})

const treeStep = (one: TreeStep): typeof TreeStepView.Type => ({
  id: one.id,
  title: one.title ?? null,
  action: one.action,
  dependsOn: one.depends_on ?? []
})
export const tree = (one: Tree): TreeView => ({
  name: one.name,
  description: one.description ?? null,
  vars: Object.entries(one.vars ?? {}).map(([name, variable]) => ({
    name,
    description: variable.description ?? null,
    required: variable.default === undefined,
    default: variable.default ?? null
  })),
  steps: one.steps.map(treeStep),
  teardown: (one.teardown ?? []).map(treeStep)
})

export const step = (one: OperationStep): typeof StepView.Type => ({
  key: one.key,
  phase: one.phase,
  title: one.title,
  change: one.change,
  changeReason: one.changeReason,
  dependsOn: one.dependsOn,
  status: one.status,
  attempt: one.attempt,
  error: one.error,
  wait:
    one.wait === null
      ? null
      : {
          kind: one.wait.kind,
          until: optionalTime(one.wait.untilMillis),
          reason: one.wait.reason,
          question: one.wait.question
        },
  startedAt: optionalTime(one.startedAtMillis),
  endedAt: optionalTime(one.endedAtMillis),
  durationMs:
    one.startedAtMillis === null || one.endedAtMillis === null ? null : one.endedAtMillis - one.startedAtMillis
})

/** One line of a trail. */
export const auditLine = (one: AuditEntry): typeof AuditLineView.Type => ({
  operationId: one.operationId,
  type: one.type,
  outcome: one.outcome,
  steps: one.steps.map(({ durationMillis, name, status }) => ({ name, status, durationMs: durationMillis })),
  actor: one.actor,
  requestId: one.requestId,
  sourceAddress: one.sourceAddress,
  time: time(one.timeMillis),
  data: one.data
})

export const audit = (one: AuditEntry): typeof AuditEntryView.Type => ({
  id: one.id,
  number: one.number,
  time: time(one.timeMillis),
  operationId: one.operationId,
  projectId: one.projectId,
  type: one.type,
  actor: one.actor,
  requestId: one.requestId,
  sourceAddress: one.sourceAddress,
  outcome: one.outcome,
  steps: one.steps.map(({ durationMillis, name, status }) => ({ name, status, durationMs: durationMillis })),
  data: one.data,
  previousHash: one.previousHash,
  hash: one.hash
})

export const key = (one: ApiKey): typeof KeyView.Type => ({
  id: one.id,
  name: one.name,
  hint: one.hint,
  type: one.type ?? "human",
  scopes: one.scopes,
  projects: one.projects,
  cidrs: one.cidrs,
  expiresAt: optionalTime(one.expiresAtMillis),
  revokedAt: optionalTime(one.revokedAtMillis),
  lastUsedAt: optionalTime(one.lastUsedAtMillis),
  createdAt: time(one.createdAtMillis)
})

export const template = (one: TemplateInfo): typeof TemplateView.Type => ({
  name: one.name,
  title: one.title,
  kind: one.kind,
  description: one.description
})

export const adapter = ({ by, health, ...view }: SlotState) => ({
  ...view,
  chosenBy: by,
  health: { ...health, checks: health.checks ?? [] }
})
export const agent = (
  one: HarnessInfo,
  check: { readonly ready: boolean; readonly message: string }
): typeof AgentView.Type => ({
  name: one.name,
  title: one.title,
  kind: one.kind,
  capabilities: one.capabilities,
  network: one.network,
  ready: check.ready,
  message: check.message
})

export const webhook = (one: Webhook): typeof WebhookView.Type => ({
  id: one.id,
  projectId: one.projectId,
  url: one.url,
  events: one.events,
  enabled: one.disabled === null,
  disabledAt: optionalTime(one.disabled?.atMillis ?? null),
  disabledReason: one.disabled?.reason ?? null,
  previousSecretUntil: optionalTime(one.previousSecretUntilMillis),
  createdAt: time(one.createdAtMillis)
})

const statusOf = (result: WorkTask["result"]) =>
  typeof result === "object" && result !== null && "status" in result && typeof result.status === "number"
    ? result.status
    : null

export const delivery = ({ event, task: one }: Delivery): typeof DeliveryView.Type => ({
  id: one.id,
  messageId: Message.idOf(event),
  type: event.type,
  status: one.status,
  responseStatus: statusOf(one.result),
  error: taskError(one.error),
  attempts: one.attempts.map(attempt),
  createdAt: time(one.createdAtMillis),
  endedAt: optionalTime(one.endedAtMillis)
})
