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
import * as Living from "../../specs/Living.ts"
import * as Overlap from "../../specs/Overlap.ts"
import { type Args, oneOf } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import * as Identity from "../Identity.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import * as Specs from "../Specs.ts"
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
  /** The feature, `null` = a file outside of any. */
  readonly slug: string | null
  readonly spoken: ReturnType<typeof Specs.spokenBy>
}

const checkFeature = (root: string, policy: Policy, slug: string): Checked => {
  const loaded = Repo.loadDocuments(Disk.readDocuments(root, slug), slug, policy)
  const documents = Object.values(loaded)
  return {
    slug,
    spoken: Specs.spokenBy(loaded.spec),
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
  const { changes, plain } = linted.delta
  return {
    findings: linted.findings,
    questions: linted.clarifications.map((open) => ({ file, ...open })),
    slug: /^\.sdlc\/features\/([^/]+)\/spec\.md$/.exec(file.replaceAll("\\", "/"))?.[1] ?? null,
    spoken: { file, changes: changes.map((one) => ({ ...one, file, folder: null })), plain }
  }
}

/** What specs say about the living specs: what is not true of them, and what other open features say too. */
const checkLiving = (
  session: Session.Session,
  root: string,
  checked: ReadonlyArray<Checked>
): ReadonlyArray<LintFinding> => {
  const specs = Specs.living(
    root,
    checked.flatMap((one) => one.spoken.changes)
  )
  const looked = new Map<string, boolean>()
  const openHere = (slug: string): boolean => {
    const seen = looked.get(slug) ?? Specs.isOpenHere(root, slug)
    looked.set(slug, seen)
    return seen
  }
  const speaking = checked.filter(
    ({ slug, spoken }) => Specs.speaks(spoken, specs) && (slug === null || openHere(slug))
  )
  if (speaking.length === 0) return []
  const known = new Map(checked.flatMap(({ slug, spoken }) => (slug === null ? [] : [[slug, spoken] as const])))
  const all = Specs.openTouches(session, specs, known, openHere)
  return [
    ...speaking.flatMap(({ spoken }) => Living.check(specs, spoken.changes)),
    ...Overlap.overlaps(
      all,
      speaking.flatMap(({ slug, spoken }) => (slug === null ? [] : Specs.touchesOf(slug, spoken, specs)))
    ).map(Specs.findingOf)
  ]
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
  const findings = [...checked.flatMap((one) => one.findings), ...checkLiving(session, root, checked)]
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

/** Refuses a spec that changes what no living spec has, or adds what one has already. */
const requireKnown = (session: Session.Session, slug: string, document: Repo.Document): void => {
  const wrong = Specs.problems(session.root, Specs.spokenBy(document))
  if (wrong[0] !== undefined)
    throw new Failure(
      `spec: ${wrong.length} of its changes do${wrong.length === 1 ? "es" : ""} not fit the living specs. ${format(wrong[0])}`,
      `sdlc lint ${slug} lists them all.`,
      exit.failed
    )
}

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
  if (kind === "spec") requireKnown(session, slug, document)
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
  const overlaps = kind === "spec" ? Specs.overlapsOf(session, loaded) : []
  return done(
    [`submitted the ${kind} (${document.hash.slice(0, 14)})`, line(decision), ...Specs.warningsOf(overlaps)].join("\n"),
    {
      submitted: true,
      hash: document.hash,
      event: event?.path,
      next: jsonOf(decision),
      ...Specs.jsonOf(overlaps)
    }
  )
}
