/** Drives one feature through real events: whatever `decide` asks for is done successfully, by the right principal, and recorded. */
import type { Artifact, Artifacts, DocumentKind } from "../../src/model/Artifact.ts"
import type { FeatureDecision } from "../../src/model/Decision.ts"
import type { EventData, EventType, FeatureEvent, LoadedEvent } from "../../src/model/FeatureEvent.ts"
import type { FeatureState } from "../../src/model/FeatureState.ts"
import type { Observed } from "../../src/model/Observed.ts"
import type { Policy } from "../../src/model/Policy.ts"
import type { Principal } from "../../src/model/Principal.ts"
import type { TaskSpec } from "../../src/model/Task.ts"
import type { VerdictGate } from "../../src/model/Verdict.ts"
import { decide } from "../../src/derive/Decide.ts"
import { fold } from "../../src/derive/Fold.ts"
import { samePrincipal, subjectOf } from "../../src/derive/Verdicts.ts"

export const human: Principal = { id: "ada", type: "human" }
export const secondHuman: Principal = { id: "grace", type: "human" }
export const author: Principal = { id: "coder", type: "agent", session: "s1" }
export const reviewer: Principal = { id: "coder", type: "agent", session: "s2" }
export const platform: Principal = { id: "platform", type: "platform" }
export const ci: Principal = { id: "ci", type: "ci" }

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
export const ulid = (n: number): string => {
  let text = ""
  for (let rest = n; text.length < 10; rest = Math.floor(rest / 32)) text = (alphabet[rest % 32] as string) + text
  return `01HZZZZZZZ000000${text}`
}

export const task = (
  n: number,
  deps: ReadonlyArray<number> = [],
  writes: ReadonlyArray<string> = [`src/${n}/**`]
): TaskSpec => ({
  id: `task-${String(n).padStart(3, "0")}`,
  title: `Task ${n}`,
  deps: deps.map((dep) => `task-${String(dep).padStart(3, "0")}`),
  covers: ["REQ-001"],
  writes,
  verify: ["npm test"]
})

export class Driver {
  readonly events: Array<LoadedEvent> = []
  artifacts: { -readonly [K in keyof Artifacts]: Artifacts[K] } = {}
  observed: Observed = {}
  readonly steps: Array<FeatureDecision> = []
  plan: ReadonlyArray<TaskSpec> = [task(1), task(2), task(3, [1, 2])]
  now = Date.parse("2026-01-01T00:00:00Z")
  tree = 0
  readonly policy: Policy

  constructor(policy: Policy, data: Partial<EventData<"feature-created">> = {}) {
    this.policy = policy
    this.push("feature-created", { slug: "demo", title: "Demo", kind: "feature", ...data }, human)
    this.code()
  }

  copy(): Driver {
    const other = new Driver(this.policy)
    other.events.splice(0, other.events.length, ...this.events)
    return Object.assign(other, {
      artifacts: { ...this.artifacts },
      observed: this.observed,
      now: this.now,
      tree: this.tree
    })
  }

  push<T extends EventType>(type: T, data: EventData<T>, actor: Principal = platform): string {
    const previous = this.events.at(-1)
    this.now += 1000
    const event = {
      v: 1,
      id: ulid(this.events.length + 1),
      parents: previous === undefined ? [] : [previous.id],
      actor,
      type,
      at: new Date(this.now).toISOString(),
      data
    }
    this.events.push(event as unknown as FeatureEvent)
    return event.id
  }

  /** New code: another head, another tree. */
  code(): void {
    this.tree++
    this.observed = { ...this.observed, head: { sha: `sha${this.tree}`, tree: `git:tree${this.tree}` } }
  }

  write(kind: DocumentKind, text: string, more: Partial<Artifact> = {}): void {
    this.artifacts[kind] = {
      kind,
      hash: `md1:${text}`,
      lint: [],
      openQuestions: 0,
      ...(kind === "qa-plan" ? { checks: ["SC-001"] } : {}),
      ...more
    }
  }

  get state(): FeatureState {
    return fold(this.events, this.artifacts, this.observed)
  }

  next(): FeatureDecision {
    return decide(this.state, this.policy, this.now)
  }

  submit(kind: DocumentKind): void {
    const { subject, upstream } = subjectOf(this.state, kind)
    if (subject !== null) this.push("artifact-submitted", { kind, hash: subject, upstream }, author)
  }

  verdict(
    gate: VerdictGate,
    verdict: "approve" | "reject" | "waive" = "approve",
    by: Principal = human,
    reason?: string
  ): void {
    const { subject, upstream } = subjectOf(this.state, gate)
    this.push("verdict", { gate, subject, upstream, verdict, ...(reason === undefined ? {} : { reason }) }, by)
  }

  /** Somebody of this type who neither wrote code nor submitted a document. */
  other(type: "human" | "agent"): Principal {
    const { coders, submissions } = this.state
    const busy = [...coders, ...submissions.map((submission) => submission.by)]
    const free = Array.from({ length: 9 }, (_, i): Principal =>
      type === "human" ? { id: `person${i}`, type } : { id: "reviewer", type, session: `r${i}` }
    )
    const all = type === "human" ? [human, secondHuman, ...free] : [reviewer, ...free]
    return all.find((candidate) => !busy.some((one) => samePrincipal(one, candidate))) ?? human
  }

  /** Carries out the next step as if everything went well. */
  step(): FeatureDecision {
    const decision = this.next()
    this.steps.push(decision)
    this.perform(decision)
    return decision
  }

  /** Steps until `action` is what comes next; fails after `most` steps. */
  until(action: string, most = 80): FeatureDecision {
    for (let i = 0; i < most; i++) {
      const decision = this.next()
      if (decision.action === action) return decision
      this.step()
    }
    throw new Error(
      `no ${action} within ${most} steps: ${this.steps
        .slice(-8)
        .map((step) => step.rule)
        .join(" ")}`
    )
  }

  perform(decision: FeatureDecision): void {
    const { state } = this
    const { action } = decision
    const tree = state.observed.head?.tree ?? ""
    const sha = state.observed.head?.sha ?? ""
    const document = /^(create|fix|clarify|revise|reconcile|submit|approve)-(spec|design|tasks|qa-plan)$/.exec(action)
    if (document !== null) {
      const kind = document[2] as DocumentKind
      if (document[1] === "approve") return this.verdict(kind, "approve", this.other(decision.approver ?? "human"))
      if (document[1] !== "submit") this.write(kind, `${kind}${this.events.length}`)
      return this.submit(kind)
    }
    const chosen = { task: decision.taskId ?? "" }
    const deploy = state.release.deploy ?? `deploy${this.events.length}`
    switch (action) {
      case "advance":
      case "regress":
        return void this.push("phase-moved", {
          from: state.phase,
          to: decision.to as typeof state.phase,
          rule: decision.rule,
          reason: decision.reason
        })
      case "approve-start":
        return this.verdict("start")
      case "claim-slot":
        return void this.push("claim-taken", {})
      case "provision-workspace":
        return void this.push("branch-provisioned", { branch: "feature/demo" })
      case "materialise-tasks":
        return void this.push("tasks-materialised", { planHash: state.documents.tasks.hash, tasks: this.plan })
      case "implement-task":
      case "retry-task":
        this.push("task-started", chosen, author)
        this.code()
        return void this.push("task-claimed", chosen, author)
      case "verify-task":
        return void this.push("task-verified", { ...chosen, evidence: "sha256:aa" }, ci)
      case "unblock-task":
        return void this.push("task-unblocked", chosen, human)
      case "open-pr":
        return void this.push("pr-opened", { number: this.events.length })
      case "reopen-pr":
        return void this.push("pr-reopened", { number: state.pr?.number ?? 1 }, human)
      case "fix-ci":
      case "resolve-conflicts":
        this.code()
        this.observed = { ...this.observed, branch: { relation: "ok" } }
        return
      case "update-branch":
        this.observed = { ...this.observed, branch: { relation: "ok" } }
        return this.code()
      case "run-ci":
        return void this.push("ci-recorded", { tree, sha, run: `run${this.events.length}`, status: "passed" }, ci)
      case "review-code":
        return void this.push("review-recorded", { tree, verdict: "approve", findings: [] }, this.other("agent"))
      case "approve-review":
        return this.verdict("human-review", "approve", this.other("human"))
      case "resolve-threads":
        return state.threads.forEach((thread) => this.push("thread-resolved", { thread: thread.id }, author))
      case "plan-fixes":
        return void this.push("fix-tasks-added", { origin: "review", tasks: [task(100 + this.events.length)] }, author)
      case "audit":
      case "fix-audit":
        return void this.push("audit-recorded", { tree, findings: [], valid: true }, reviewer)
      case "triage-findings":
        return state.audits
          .at(-1)
          ?.result?.findings.forEach((finding) =>
            this.push("finding-disposed", { finding: finding.id, disposition: "track", reason: "later" }, author)
          )
      case "accept-risk":
        return this.verdict("risk")
      case "run-qa":
      case "complete-qa":
      case "attach-evidence":
        return void this.push(
          "qa-recorded",
          { tree, checks: [{ id: "SC-001", status: "passed", evidence: "sha256:bb" }] },
          reviewer
        )
      case "approve-qa":
        return this.verdict("uat", "approve", this.other("human"))
      case "approve-merge":
        return this.verdict("merge", "approve", this.other("human"))
      case "merge":
      case "requeue-merge":
        return void this.push("merge-queued", { sha })
      case "wait-merge":
        return void this.push("merged", { sha, outOfBand: false })
      case "deploy":
      case "retry-deploy":
        return void this.push("deploy-started", {
          deploy: `deploy${this.events.length}`,
          sha,
          environment: "production"
        })
      case "wait-deploy":
        return void this.push("deploy-recorded", { deploy, status: "succeeded" })
      case "verify-release":
        return void this.push("release-verified", { deploy, version: "1.0.0" })
      case "rollback":
        return void this.push("rollback-started", { deploy })
      case "wait-rollback":
        return void this.push("rollback-recorded", { deploy, status: "succeeded" })
      case "reopen":
        this.push("fix-tasks-added", { origin: "rollback", tasks: [task(100 + this.events.length)] })
        return void this.push("phase-moved", {
          from: state.phase,
          to: "implementation",
          rule: "M10",
          reason: decision.reason
        })
      case "sync-specs":
        return void this.push("sync-recorded", { specs: ["demo"] }, author)
      case "cleanup-workspace":
        return void this.push("cleanup-recorded", { resources: ["feature/demo"] })
      case "archive":
        return void this.push("archived", {})
      case "dequeue-merge":
        return void this.push("merge-dequeued", { reason: decision.reason })
      case "await-escalation":
        return state.escalations.forEach((open) =>
          this.push("escalation-answered", { escalation: open.id, answer: "go on" }, human)
        )
      case "escalate-rework":
      case "escalate-retries":
      case "escalate-budget":
        return void this.push("escalation-opened", {
          escalation: `esc${this.events.length}`,
          question: decision.reason,
          rule: decision.rule
        })
      case "none":
        return
      case "resolve-blocker":
        return state.blockers.forEach((open) =>
          this.push("blocker-cleared", { blocker: open.id }, open.needs === "agent" ? author : human)
        )
      case "await-resume":
        return void this.push("resumed", {}, human)
      case "replan":
        this.write("spec", `replanned${this.events.length}`)
        return this.submit("spec")
      case "escalate-release":
        return void this.push("rollback-recorded", { deploy, status: "succeeded" })
      case "wait-tasks":
        return void this.push(
          "task-claimed",
          { task: state.tasks.find((one) => one.status === "running")?.id ?? "" },
          author
        )
      case "wait-ci":
        return void this.push("ci-recorded", { tree, sha, run: `run${this.events.length}`, status: "passed" }, ci)
      case "wait-review":
        return void this.push("review-recorded", { tree, verdict: "approve", findings: [] }, this.other("agent"))
      case "confirm-action":
        return void this.push(
          "verdict",
          { gate: "action", subject: decision.confirms ?? null, verdict: "approve" },
          human
        )
      default:
        throw new Error(`the driver does not know how to ${action}`)
    }
  }
}
