/** `sdlc lint` and `sdlc submit`. */
import { readFileSync, realpathSync } from "node:fs"
import { basename, relative, resolve } from "node:path"
import { upstreamOf } from "../../derive/Verdicts.ts"
import { format, type LintFinding } from "../../lint/Finding.ts"
import { lint as lintText } from "../../lint/Lint.ts"
import { documentKinds } from "../../model/Names.ts"
import type { Policy } from "../../model/Policy.ts"
import * as Disk from "../../repo/Disk.ts"
import * as Layout from "../../repo/Layout.ts"
import * as Repo from "../../repo/Repo.ts"
import { type Args, oneOf } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import * as Identity from "../Identity.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import { jsonOf, line } from "./Next.ts"

export const lintSpec = { positionals: ["feature-or-file..."], flags: { strict: "flag" } } as const

interface Question {
  readonly file: string
  readonly line: number
  readonly question: string
}

interface Checked {
  readonly findings: ReadonlyArray<LintFinding>
  readonly questions: ReadonlyArray<Question>
}

const checkFeature = (root: string, policy: Policy, slug: string): Checked => {
  const documents = Object.values(Repo.loadDocuments(Disk.readDocuments(root, slug), slug, policy))
  return {
    findings: documents.flatMap((document) => document.linted.findings),
    questions: documents.flatMap((document) =>
      document.linted.clarifications.map((open) => ({ file: document.paths[0] ?? "", ...open }))
    )
  }
}

const checkFile = (session: Session.Session, policy: Policy, path: string): Checked => {
  const kind = Layout.kindOf(basename(path))
  if (kind === null)
    throw new Failure(
      `${path}: the linter does not know this file.`,
      "name a feature, or one of spec.md, design.md, tasks.md, qa-plan.md."
    )
  const full = resolve(session.cwd, path)
  let text: string
  let spec: string | null = null
  try {
    text = readFileSync(full, "utf8")
  } catch (cause) {
    throw new Failure(`${path}: ${cause instanceof Error ? cause.message : String(cause)}.`, "name an existing file.")
  }
  try {
    spec = readFileSync(resolve(full, "../spec.md"), "utf8")
  } catch {
    spec = null
  }
  const file = relative(session.root, full)
  const linted = lintText(kind, file, text, spec, {
    language: policy.language,
    requirementForm: policy.lint?.requirementForm
  })
  return { findings: linted.findings, questions: linted.clarifications.map((open) => ({ file, ...open })) }
}

export const lint = (session: Session.Session, args: Args): Result => {
  const named =
    args.positionals.length > 0
      ? args.positionals
      : args.value("feature") !== undefined
        ? [args.value("feature") ?? ""]
        : null
  const policy = Session.policyOf(session)
  const root = realpathSync(session.root)
  // Names that people give are looked up, each in the whole list; the list itself is not.
  const checked =
    named === null
      ? Disk.listFeatures(session.root).map((slug) => checkFeature(root, policy, slug))
      : named.map((word) =>
          /[./]/.test(word)
            ? checkFile(session, policy, word)
            : checkFeature(root, policy, Session.slugOf(session, word))
        )
  const findings = checked.flatMap((one) => one.findings)
  const questions = checked.flatMap((one) => one.questions)
  const errors = findings.filter((finding) => finding.severity === "error").length
  const lines = [
    ...findings.map(format),
    ...questions.map(
      (open) =>
        `${open.file}:${open.line}: question: ${open.question || "(unnamed)"} Fix: answer it in the document and remove the mark.`
    ),
    `${errors} errors, ${findings.length - errors} warnings, ${questions.length} open questions.`
  ]
  const failed = errors > 0 || (args.has("strict") && findings.length + questions.length > 0)
  return done(
    lines.join("\n"),
    { findings, questions, errors, warnings: findings.length - errors },
    failed ? exit.failed : exit.action
  )
}

export const submitSpec = { positionals: ["document", "feature?"], flags: {} } as const

export const submit = (session: Session.Session, args: Args): Result => {
  const kind = oneOf("document", args.positionals[0] ?? "", documentKinds)
  const slug = Session.featureArg(session, args, 1)
  const { loaded, state } = Session.writable(session, slug)
  const document = loaded.documents[kind]
  if (document === undefined)
    throw new Failure(
      `${kind}: ${Layout.documentPath(slug, kind)} does not exist.`,
      `write it first; sdlc-${kind === "spec" ? "specify" : kind} says how.`
    )
  const problems = document.linted.findings.filter((finding) => finding.severity === "error")
  if (problems[0] !== undefined)
    throw new Failure(
      `${kind}: ${problems.length} lint errors. ${format(problems[0])}`,
      `sdlc lint ${slug} lists them all.`,
      exit.failed
    )
  const [question] = document.linted.clarifications
  if (question !== undefined)
    throw new Failure(
      `${kind}: ${document.linted.clarifications.length} open questions. ${document.paths[0] ?? ""}:${question.line}: ${question.question}`,
      "answer them in the document, then submit it.",
      exit.human
    )
  const upstream = upstreamOf(state, kind)
  if (
    state.submissions.some(
      (earlier) =>
        earlier.kind === kind &&
        earlier.hash === document.hash &&
        JSON.stringify(earlier.upstream) === JSON.stringify(upstream)
    )
  ) {
    return done(`The ${kind} is submitted already (${document.hash.slice(0, 14)}).`, {
      submitted: false,
      hash: document.hash
    })
  }
  const [event] = Session.record(
    session,
    loaded,
    [{ type: "artifact-submitted", data: { kind, hash: document.hash, upstream } }],
    Identity.current(session.env, session.root)
  )
  const { decision } = Session.view(session, slug)
  return done(`submitted the ${kind} (${document.hash.slice(0, 14)})\n${line(decision)}`, {
    submitted: true,
    hash: document.hash,
    event: event?.path,
    next: jsonOf(decision)
  })
}
