/** `sdlc record`, `thread`, `findings`, `dispose`, `evidence` and `qa`: results of reviews, audits and QA, and what follows from them. */
import { readFileSync } from "node:fs"
import { basename, resolve } from "node:path"
import {
  blockingFindings,
  currentAudit,
  currentQa,
  currentReview,
  openFindings,
  qaChecks
} from "../../derive/Checks.ts"
import { samePrincipal } from "../../derive/Verdicts.ts"
import type { EventType } from "../../model/FeatureEvent.ts"
import { eventData } from "../../model/JsonSchemas.ts"
import type { Finding, QaCheck } from "../../model/Finding.ts"
import { own } from "../../model/Own.ts"
import { policyFor } from "../../model/Presets.ts"
import * as Decode from "../../repo/Decode.ts"
import type { Draft } from "../../repo/Repo.ts"
import { type Args, oneOf } from "../Args.ts"
import { Failure } from "../Failure.ts"
import * as Git from "../Git.ts"
import * as Identity from "../Identity.ts"
import { done, type Result, table } from "../Result.ts"
import * as Session from "../Session.ts"
import * as Specs from "../Specs.ts"
import * as Evidence from "./Evidence.ts"
import { jsonOf, line } from "./Next.ts"

const bytesOf = (session: Session.Session, path: string): Buffer => {
  try {
    return readFileSync(path === "-" ? 0 : resolve(session.cwd, path))
  } catch (cause) {
    throw new Failure(
      `--file: ${path}: ${cause instanceof Error ? cause.message : String(cause)}.`,
      "name an existing file, or - for the standard input."
    )
  }
}

const dataOf = (session: Session.Session, args: Args, fallback?: object): Readonly<Record<string, unknown>> => {
  const inline = args.value("data")
  const file = args.value("file")
  if (inline !== undefined && file !== undefined)
    throw new Failure("--data and --file: both are given.", "give one of them.")
  if (inline === undefined && file === undefined && fallback !== undefined)
    return fallback as Readonly<Record<string, unknown>>
  if (inline === undefined && file === undefined)
    throw new Failure("--file: it is missing.", "write --file <json file> or --data '<json>'.")
  const text = inline ?? bytesOf(session, file ?? "").toString("utf8")
  const parsed = Decode.json(text)
  if (parsed._tag === "Bad")
    throw new Failure(`--${inline === undefined ? "file" : "data"}: ${parsed.problem}.`, "write one JSON object.")
  if (typeof parsed.value !== "object" || parsed.value === null || Array.isArray(parsed.value))
    throw new Failure(`--${inline === undefined ? "file" : "data"}: it is not a JSON object.`, "write one JSON object.")
  return parsed.value as Readonly<Record<string, unknown>>
}

/** Code tree of the feature's head, which every result has to name. */
const treeOf = (
  session: Session.Session,
  seen: Session.View
): { readonly tree: string; readonly sha: string; readonly patch?: string } => {
  const head = Session.observeGit(session.root, seen.state).head
  if (head === undefined) throw new Failure("There is no commit the result could hold for.", "commit the code first.")
  return { tree: head.tree, sha: head.sha, ...(head.patch === undefined ? {} : { patch: head.patch }) }
}

const needsTree: ReadonlySet<string> = new Set([
  "review-started",
  "review-recorded",
  "audit-started",
  "audit-recorded",
  "qa-started",
  "qa-recorded",
  "evidence-attached",
  "ci-started",
  "ci-recorded"
])
export const short: Readonly<Record<string, EventType>> = {
  review: "review-recorded",
  audit: "audit-recorded",
  qa: "qa-recorded",
  ci: "ci-recorded",
  pr: "pr-opened",
  merge: "merged"
}
/** Events with a command of their own, or that follow from a decision; `record` does not make them. */
export const reserved: ReadonlySet<EventType> = new Set<EventType>([
  "feature-created",
  "verdict",
  "artifact-submitted",
  "phase-moved",
  "tasks-materialised",
  "task-verified"
])

export const recordSpec = { positionals: ["event", "feature?"], flags: { file: "value", data: "value" } } as const

export const record = (session: Session.Session, args: Args): Result => {
  const word = args.positionals[0] ?? ""
  const type = own(short, word) ?? (oneOf("event", word, Object.keys(eventData)) as EventType)
  if (reserved.has(type))
    throw new Failure(`event: ${type} is not recorded by hand.`, "use submit, approve, reject, waive, task or apply.")
  const slug = Session.featureArg(session, args, 1)
  const seen = Session.writable(session, slug)
  const data: Record<string, unknown> = { ...dataOf(session, args, type.endsWith("-started") ? {} : undefined) }
  if (needsTree.has(type) && data["tree"] === undefined) {
    const head = treeOf(session, seen)
    data["tree"] = head.tree
    if (data["sha"] === undefined) data["sha"] = head.sha
    // What somebody saw of the code is about the feature's own changes; that CI began is about the tree alone.
    if (head.patch !== undefined && type !== "ci-started") data["patch"] = head.patch
  }
  if (type === "audit-recorded" && data["valid"] === undefined) data["valid"] = Array.isArray(data["findings"])
  const actor = Identity.current(session.env, session.root)
  const policy = policyFor(seen.loaded.policy, seen.state.feature)
  if (
    type === "review-recorded" &&
    data["verdict"] === "approve" &&
    policy.separationOfDuties &&
    seen.state.coders.some((coder) => samePrincipal(coder, actor))
  ) {
    throw new Failure(
      `review: ${actor.type} ${actor.id} wrote code for this feature, so the approval would not count.`,
      "let somebody else review it, or the same agent in a session of its own (SDLC_SESSION).",
      20
    )
  }
  if (type === "sync-recorded") Specs.requireFolded(session, seen.loaded)
  const [event] = Session.record(session, seen.loaded, [{ type, data } as unknown as Draft], actor)
  const { decision } = Session.view(session, slug)
  return done(`recorded ${type}\n${line(decision)}`, { event: event?.path, type, next: jsonOf(decision) })
}

export const threadSpec = {
  positionals: ["verb", "thread?", "feature?"],
  flags: { message: "value", url: "value" }
} as const

export const thread = (session: Session.Session, args: Args): Result => {
  const verb = oneOf("thread", args.positionals[0] ?? "", ["list", "open", "resolve"])
  const slug = Session.featureArg(session, args, verb === "list" ? 1 : 2)
  const seen = verb === "list" ? Session.intact(session, slug) : Session.writable(session, slug)
  const open = seen.state.threads
  if (verb === "list")
    return done(
      open.length === 0
        ? "No open threads."
        : table(open.map((one) => [one.id, `${one.by.type} ${one.by.id}`, one.text])),
      { threads: open }
    )
  const id = args.positionals[1]
  if (id === undefined) throw new Failure("<thread> is missing.", "name it, such as t-1.")
  if (verb === "resolve" && !open.some((one) => one.id === id))
    throw new Failure(`thread: there is no open thread "${id}".`, "sdlc thread list shows them.")
  if (verb === "open" && open.some((one) => one.id === id))
    throw new Failure(`thread: "${id}" is open already.`, "choose another id.")
  const message = args.value("message")
  const url = args.value("url")
  const draft: Draft =
    verb === "open"
      ? {
          type: "thread-opened",
          data: { thread: id, ...(message === undefined ? {} : { message }), ...(url === undefined ? {} : { url }) }
        }
      : { type: "thread-resolved", data: { thread: id } }
  Session.record(session, seen.loaded, [draft], Identity.current(session.env, session.root))
  const { decision } = Session.view(session, slug)
  return done(`${id}: ${verb === "open" ? "opened" : "resolved"}\n${line(decision)}`, {
    thread: id,
    verb,
    next: jsonOf(decision)
  })
}

export const findingsSpec = { positionals: ["feature?"], flags: {} } as const

export const findings = (session: Session.Session, args: Args): Result => {
  const { state, loaded } = Session.intact(session, Session.featureArg(session, args, 0), { whole: true })
  const policy = policyFor(loaded.policy, state.feature)
  const blocking = new Set(blockingFindings(state, policy).map((finding) => finding.id))
  const open = new Set(openFindings(state, policy).map((finding) => finding.id))
  const audit = (currentAudit(state)?.result?.findings ?? []).map((finding) => ({
    ...finding,
    origin: "audit",
    status: blocking.has(finding.id)
      ? "blocking"
      : open.has(finding.id)
        ? "open"
        : (own(state.dispositions, finding.id)?.disposition ?? "open")
  }))
  const review = (currentReview(state, policy)?.result?.findings ?? []).map((finding) => ({
    ...finding,
    origin: "review",
    status: own(state.dispositions, finding.id)?.disposition ?? "open"
  }))
  const qa = qaChecks(state, policy)
    .filter((check) => check.status === "failed")
    .map((check) => ({
      id: check.id,
      severity: "high" as const,
      title: check.detail ?? "check failed",
      origin: "qa",
      status: "failed"
    }))
  const all: ReadonlyArray<Finding & { readonly origin: string; readonly status: string }> = [
    ...review,
    ...audit,
    ...qa
  ]
  return done(
    all.length === 0
      ? "No findings on the present code."
      : table(
          all.map((one) => [
            one.id,
            one.severity,
            one.status,
            one.origin,
            one.file !== undefined ? `${one.title} (${one.file}:${one.line ?? 1})` : one.title
          ])
        ),
    { findings: all }
  )
}

export const disposeSpec = {
  positionals: ["finding", "disposition", "feature?"],
  flags: { reason: "value", reference: "value" }
} as const

export const dispose = (session: Session.Session, args: Args): Result => {
  const [finding = ""] = args.positionals
  const disposition = oneOf("disposition", args.positionals[1] ?? "", ["fix", "track", "accept", "false-positive"])
  const slug = Session.featureArg(session, args, 2)
  const seen = Session.writable(session, slug, { whole: true })
  const known = [...seen.state.audits, ...seen.state.reviews].flatMap((run) => run.result?.findings ?? [])
  if (!known.some((one) => one.id === finding))
    throw new Failure(`finding: there is no "${finding}".`, "sdlc findings lists them.")
  const reason = args.value("reason")
  if (reason === undefined || reason.trim() === "")
    throw new Failure("--reason: a disposition needs one.", 'write --reason "…".')
  const reference = args.value("reference")
  Session.record(
    session,
    seen.loaded,
    [
      {
        type: "finding-disposed",
        data: { finding, disposition, reason, ...(reference === undefined ? {} : { reference }) }
      }
    ],
    Identity.current(session.env, session.root)
  )
  const { decision } = Session.view(session, slug)
  return done(`${finding}: ${disposition}\n${line(decision)}`, { finding, disposition, next: jsonOf(decision) })
}

export const evidenceSpec = {
  positionals: ["verb", "check?", "feature?"],
  flags: { file: "value", note: "value", status: "value", run: "value" }
} as const

/** Results of the run on the present code, with one check replaced. */
const withCheck = (seen: Session.View, check: QaCheck): ReadonlyArray<QaCheck> => {
  const policy = policyFor(seen.loaded.policy, seen.state.feature)
  const current = qaChecks(seen.state, policy)
  return current.some((one) => one.id === check.id)
    ? current.map((one) => (one.id === check.id ? { ...one, ...check } : one))
    : [...current, check]
}

export const evidence = (session: Session.Session, args: Args): Result => {
  const verb = oneOf("evidence", args.positionals[0] ?? "", ["list", "attach"])
  const slug = Session.featureArg(session, args, verb === "list" ? 1 : 2)
  const seen =
    verb === "list" ? Session.intact(session, slug, { whole: true }) : Session.writable(session, slug, { whole: true })
  if (verb === "list")
    return done(seen.loaded.evidence.join("\n") || "No evidence yet.", { evidence: seen.loaded.evidence })
  const check = args.positionals[1]
  if (check === undefined) throw new Failure("<check> is missing.", "name the check, such as QA-001.")
  const demanded = qaChecks(seen.state, policyFor(seen.loaded.policy, seen.state.feature))
  if (!demanded.some((one) => one.id === check))
    throw new Failure(
      `check: the QA plan has no "${check}".`,
      `use one of ${demanded.map((one) => one.id).join(", ") || "(none yet)"}.`
    )
  const at = treeOf(session, seen)
  const { tree } = at
  const by = Identity.current(session.env, session.root)
  const command = args.value("run")
  const file = args.value("file")
  const note = args.value("note") ?? ""
  if (command === undefined && file === undefined && note === "")
    throw new Failure(
      "--file: nothing is attached.",
      'give --file <what you saw>, --run "<command>" or --note "<what you saw>".'
    )
  const ran = command === undefined ? undefined : Evidence.run(session.root, command, session.env)
  const status =
    ran !== undefined
      ? ran.exitCode === 0
        ? "passed"
        : "failed"
      : args.value("status") === undefined
        ? undefined
        : oneOf("--status", args.value("status") ?? "", ["passed", "failed"])
  const statement =
    ran !== undefined
      ? Evidence.testResult(seen.state, tree, check, by, [ran])
      : Evidence.observation(
          seen.state,
          tree,
          check,
          by,
          status ?? "passed",
          file === undefined ? null : { name: basename(file), bytes: bytesOf(session, file) },
          note
        )
  const draft: Draft =
    status === undefined && currentQa(seen.state)?.result !== undefined
      ? { type: "evidence-attached", data: { ...at, check, evidence: statement.digest } }
      : {
          type: "qa-recorded",
          data: {
            ...at,
            checks: withCheck(seen, { id: check, status: status ?? "passed", evidence: statement.digest })
          }
        }
  Session.record(session, seen.loaded, [draft], by, [statement])
  const { decision } = Session.view(session, slug)
  return done(`${check}: ${status ?? "evidence"} attached (${statement.digest.slice(0, 19)})\n${line(decision)}`, {
    check,
    status,
    evidence: statement.digest,
    path: statement.path,
    next: jsonOf(decision)
  })
}

export const qaSpec = { positionals: ["verb", "feature?"], flags: {} } as const

/** Runs every check of the plan that has a command, on the committed code. */
export const qa = (session: Session.Session, args: Args): Result => {
  oneOf("qa", args.positionals[0] ?? "", ["run"])
  const slug = Session.featureArg(session, args, 1)
  const seen = Session.writable(session, slug)
  const at = treeOf(session, seen)
  const { tree } = at
  Git.requireClean(session.root)
  const by = Identity.current(session.env, session.root)
  const plan = seen.loaded.documents["qa-plan"]?.linted.checks ?? []
  const own =
    plan.length > 0
      ? plan
      : seen.state.tasks
          .filter((task) => task.verify.length > 0)
          .map((task) => ({ id: `verify-${task.id}`, scenarios: [], run: task.verify }))
  if (own.length === 0)
    throw new Failure(
      "There is nothing to run: neither a QA plan nor tasks with verify commands.",
      "write qa-plan.md, or record results with sdlc record qa --file."
    )
  const statements: Array<ReturnType<typeof Evidence.testResult>> = []
  const checks = own.map((check): QaCheck => {
    const scenario = check.scenarios[0] === undefined ? {} : { scenario: check.scenarios[0] }
    if (check.run.length === 0) return { id: check.id, ...scenario, status: "not-run" }
    const runs = check.run.map((command) => Evidence.run(session.root, command, session.env))
    const failed = runs.find((ran) => ran.exitCode !== 0)
    const statement = Evidence.testResult(seen.state, tree, check.id, by, runs)
    statements.push(statement)
    return {
      id: check.id,
      ...scenario,
      status: failed === undefined ? "passed" : "failed",
      evidence: statement.digest,
      ...(failed === undefined ? {} : { detail: `${failed.command} exited with ${failed.exitCode}` })
    }
  })
  Session.record(session, seen.loaded, [{ type: "qa-recorded", data: { ...at, checks } }], by, statements)
  const { decision } = Session.view(session, slug)
  return done(`${table(checks.map((check) => [check.id, check.status, check.detail ?? ""]))}\n${line(decision)}`, {
    tree,
    checks,
    next: jsonOf(decision)
  })
}
