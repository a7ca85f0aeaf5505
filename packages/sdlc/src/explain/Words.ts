/**
 * Facts in sentences: what a person would say about a feature instead of `agentReview=stale`.
 *
 * Promises sentences whose subject is a document, a person or a piece of work, never a digest. Says nothing about facts that hold nobody up.
 */
import type { DocumentKind } from "../model/Artifact.ts"
import type { FactName, FactValue } from "../model/Facts.ts"
import type { FeatureState, Open, Recorded, Run } from "../model/FeatureState.ts"
import { own } from "../model/Own.ts"
import type { VerdictGate } from "../model/Verdict.ts"
import { blockedTasks, readyTasks, tasksWith } from "../derive/Work.ts"

/** What happened to the code since a result was recorded; found by whoever has the repository. */
export interface Since {
  readonly files: ReadonlyArray<string>
  readonly commits: number
  readonly by: ReadonlyArray<string>
}

/** What changed since the code had this tree, at this commit, or `null` when that cannot be told. */
export type ChangedSince = (tree: string, sha?: string) => Since | null

export const listed = (items: ReadonlyArray<string>, most = 3): string =>
  items.length > most
    ? `${items.slice(0, most).join(", ")} and ${items.length - most} more`
    : items.length < 2
      ? (items[0] ?? "")
      : `${items.slice(0, -1).join(", ")} and ${items.at(-1) ?? ""}`

const many = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`

const day = (at: string): string => at.slice(0, 10)

const titles: Readonly<Record<DocumentKind, string>> = {
  spec: "spec",
  design: "design",
  tasks: "task plan",
  "qa-plan": "QA plan"
}

const because = (text: string | undefined): string =>
  text === undefined || text === "" ? "" : `: ${text.replace(/\.$/, "")}`

const document = (state: FeatureState, kind: DocumentKind, value: FactValue): string | null => {
  const name = titles[kind]
  const artifact = state.documents[kind]
  const submitted = state.submissions.findLast((one) => one.kind === kind)
  const verdict = state.verdicts.findLast((one) => one.gate === kind)
  const approval = state.verdicts.findLast((one) => one.gate === kind && one.verdict === "approve")
  const errors = artifact.lint.filter((finding) => finding.severity === "error")
  switch (value) {
    case "absent":
      return `There is no ${name} yet.`
    case "invalid":
      return `The ${name} has ${many(errors.length, "lint error")}${errors[0] === undefined ? "." : `, the first in line ${errors[0].line ?? 1}: ${errors[0].message}`}`
    case "unclear":
      return `The ${name} has ${many(artifact.openQuestions, "open question")} that somebody has to answer.`
    case "draft":
      return submitted === undefined
        ? `The ${name} is written and was never submitted.`
        : `The ${name} was changed since ${submitted.by.id} submitted it.`
    case "submitted":
      return `The ${name} was submitted${submitted === undefined ? "" : ` by ${submitted.by.id} on ${day(submitted.at)}`}, and nobody has decided about it.`
    case "rejected":
      return `${verdict?.by.id ?? "Somebody"} rejected the ${name}${because(verdict?.reason)}.`
    case "stale":
      return approval !== undefined && approval.subject === artifact.hash
        ? `${approval.by.id} approved the ${name}, but what it was written against has changed since.`
        : `${approval?.by.id ?? "Somebody"} approved an older version of the ${name}${approval === undefined ? "" : ` on ${day(approval.at)}`}; it was changed since.`
    case "approved":
      return `The ${name} is approved${approval === undefined ? "" : ` by ${approval.by.id}`}.`
    case "waived":
      return `The ${name} is waived${verdict === undefined ? "" : ` by ${verdict.by.id}${because(verdict.reason)}`}.`
    default:
      return null
  }
}

const moved = (since: Since | null): string =>
  since === null
    ? "the code was changed since"
    : `${since.files.length === 0 ? "the code was" : `${listed(since.files)} ${since.files.length === 1 ? "was" : "were"}`} changed since${since.commits === 0 ? "" : ` (${many(since.commits, "commit")} by ${listed(since.by)})`}`

type Dated = Run<unknown> & Partial<Recorded>

const result = (name: string, runs: ReadonlyArray<Dated>, value: FactValue, changed: ChangedSince): string | null => {
  const last = runs.findLast((run) => run.result !== undefined)
  const by = last?.by === undefined ? "" : ` by ${last.by.id}`
  switch (value) {
    case "none":
    case "absent":
      return `There is no ${name} of this feature yet.`
    case "stale":
      return `The ${name}${by} is of an older version: ${moved(last === undefined ? null : changed(last.tree, last.sha))}.`
    case "running":
      return `The ${name} is running.`
    case "changes":
      return `The ${name}${by} asks for changes.`
    case "invalid":
      return `The ${name}${by} does not have the form of a report.`
    case "failed":
      return `The ${name}${by} failed.`
    case "incomplete":
      return `The ${name}${by} left checks out.`
    case "approved":
      return `The ${name}${by} approves the present code.`
    case "passed":
      return `The ${name}${by} passed on the present code.`
    case "present":
      return `The ${name}${by} is of the present code.`
    default:
      return null
  }
}

const decided = (
  state: FeatureState,
  gate: VerdictGate,
  what: string,
  value: FactValue,
  changed: ChangedSince
): string | null => {
  const verdict = state.verdicts.findLast((one) => one.gate === gate)
  if (value === "pending") return `Nobody has approved ${what}.`
  if (value === "rejected" || value === "changes")
    return `${verdict?.by.id ?? "Somebody"} refused ${what}${because(verdict?.reason)}.`
  if (value === "stale")
    return `${verdict?.by.id ?? "Somebody"} approved an older version of ${what}: ${moved(typeof verdict?.subject === "string" ? changed(verdict.subject) : null)}.`
  return value === "ok" || value === "approved"
    ? verdict === undefined
      ? null
      : `${verdict.by.id} approved ${what}.`
    : null
}

const branch = (state: FeatureState, value: FactValue): string | null => {
  const { behind, conflicts } = state.observed.branch ?? {}
  const base = state.branch?.base ?? "its base"
  if (value === "none") return "The feature has no branch yet."
  if (value === "behind")
    return `The branch lacks ${behind === undefined ? "commits" : many(behind, "commit")} of ${base}.`
  return value === "conflict"
    ? `The branch conflicts with ${base}${conflicts === undefined ? "" : ` in ${listed(conflicts)}`}.`
    : null
}

const opened = (what: string, found: ReadonlyArray<Open>): string =>
  found[0] === undefined
    ? `${/^[AEIO]/.test(what) ? "An" : "A"} ${what.toLowerCase()} is open.`
    : `${what} ${found[0].id} is open${because(found[0].text)}.`

const tasks = (
  found: ReadonlyArray<{ readonly id: string; readonly title: string; readonly reason?: string }>,
  text: string
): string =>
  found[0] === undefined
    ? `A task ${text}.`
    : `${found[0].id} (${found[0].title}) ${text}${because(found[0].reason)}${found.length > 1 ? `, and ${many(found.length - 1, "other task")}` : ""}.`

const code = (state: FeatureState, fact: FactName, value: FactValue, changed: ChangedSince): string | null => {
  switch (fact) {
    case "agentReview":
      return result("review", state.reviews, value, changed)
    case "audit":
      return result("audit", state.audits, value, changed)
    case "qa":
      return result("QA run", state.qa, value, changed)
    case "ci":
      return value === "none"
        ? "CI has not judged the present code."
        : value === "red"
          ? "CI failed on the present code."
          : value === "infra"
            ? "The last CI run broke down, which says nothing about the code."
            : value === "running"
              ? "CI is running."
              : "CI passed on the present code."
    case "humanReview":
      return decided(state, "human-review", "the code", value, changed)
    case "uat":
      return decided(state, "uat", "what QA showed", value, changed)
    case "mergeGate":
      return decided(state, "merge", "the merge", value, changed)
    case "risk":
      return decided(state, "risk", "the accepted findings", value, changed)
    case "go":
      return decided(state, "start", "the start", value, changed)
    case "pr":
      return value === "none" ? "There is no pull request." : value === "closed" ? "The pull request was closed." : null
    case "threads":
      return value === true
        ? `${many(state.threads.length, "review thread")} ${state.threads.length === 1 ? "is" : "are"} open.`
        : null
    case "findBlock":
      return value === true ? "The audit has findings that block the release." : null
    case "findOpen":
      return value === true ? "The audit has findings that nobody has decided about." : null
    case "evidence":
      return value === false ? "QA checks lack their evidence." : null
    default:
      return null
  }
}

const work = (state: FeatureState, fact: FactName, value: FactValue): string | null => {
  switch (fact) {
    case "tNone":
      return value === true ? "The approved plan has not been turned into tasks." : null
    case "tVerify":
      return value === true ? tasks(tasksWith(state, "claimed"), "is claimed to be done and has to be verified") : null
    case "tFailed":
      return value === true ? tasks(tasksWith(state, "failed"), "failed") : null
    case "tReady":
      return value === true ? tasks(readyTasks(state), "can be worked on: everything it depends on is done") : null
    case "tRunning":
      return value === true ? tasks(tasksWith(state, "running"), "is being worked on") : null
    case "tBlocked":
      return value === true ? tasks(blockedTasks(state), "is blocked") : null
    case "wip":
      return value === "full" ? "Every slot is taken by other features." : "A slot is free."
    case "claim":
      return value === "none" ? "The feature holds no slot." : null
    case "branch":
      return branch(state, value)
    default:
      return null
  }
}

const life = (state: FeatureState, fact: FactName, value: FactValue): string | null => {
  switch (fact) {
    case "integrity":
      return state.integrity[0] === undefined
        ? null
        : `${state.integrity[0].file} cannot be used: ${state.integrity[0].problem}.`
    case "lifecycle":
      return value === "active"
        ? null
        : `The feature is ${String(value)}${state.lifecycleReason === undefined ? "" : `, by ${state.lifecycleReason.by.id}${because(state.lifecycleReason.text)}`}.`
    case "escalation":
      return value === "open" ? opened("Escalation", state.escalations) : null
    case "blocker":
      return value === "none" ? null : opened("Blocker", state.blockers)
    case "dep":
      return value === "met"
        ? null
        : `It depends on ${listed(state.feature.deps.filter((dep) => own(state.observed.deps, dep) !== "met"))}, which ${value === "dead" ? "will never be released" : value === "cycle" ? "depends on this feature in turn" : "is not released"}.`
    case "merge":
      return value === "merged"
        ? "The code is merged."
        : value === "queued"
          ? "The merge is queued."
          : value === "ejected"
            ? `The merge queue refused it${because(state.merge.reason)}.`
            : "The code is not merged."
    case "release":
      return value === "none"
        ? "Nothing is deployed."
        : `The release is ${String(value)}${because(state.release.detail)}.`
    case "incident":
      return value === true ? opened("Incident", state.incidents) : null
    case "sync":
      return value === "pending" ? "The living specs do not have its changes yet." : null
    case "cleanup":
      return value === "pending" ? "Its branch and slot are not given back yet." : null
    case "freeze":
      return value === true ? "A freeze is on." : null
    case "lease":
      return value === "live" ? `${state.observed.lease?.holder ?? "Somebody"} is at work on it.` : null
    case "attempts":
      return value === "exhausted" ? "It failed as often as the policy allows." : null
    case "rework":
      return value === "exhausted" ? "It went through as many rounds of rework as the policy allows." : null
    case "budget":
      return value === "exhausted" ? "The budget is spent." : null
    case "autonomy":
      return value === "confirm" ? "The policy wants a person to confirm every step." : null
    default:
      return null
  }
}

const kinds: { readonly [K in FactName]?: DocumentKind } = {
  spec: "spec",
  design: "design",
  tasksDoc: "tasks",
  qaPlan: "qa-plan"
}

/** One fact as a sentence, or `null` when it holds nobody up. */
export const sentence = (
  state: FeatureState,
  fact: FactName,
  value: FactValue,
  changed: ChangedSince = () => null
): string | null => {
  const kind = kinds[fact]
  return kind !== undefined
    ? document(state, kind, value)
    : (code(state, fact, value, changed) ?? work(state, fact, value) ?? life(state, fact, value))
}

/** The sentences for facts, in their order, each once, at most `most` of them. */
export const sentences = (
  state: FeatureState,
  reads: ReadonlyArray<{ readonly fact: FactName; readonly value: FactValue }>,
  changed: ChangedSince,
  most = 3
): ReadonlyArray<string> => {
  const said: Array<string> = []
  for (const read of reads) {
    if (said.length >= most) break
    const text = sentence(state, read.fact, read.value, changed)
    if (text !== null && !said.includes(text)) said.push(text)
  }
  return said
}
