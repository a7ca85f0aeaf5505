/** `sdlc approve`, `reject` and `waive`: verdicts on exact content, in somebody's name. */
import { authorsOf } from "../../derive/Documents.ts"
import { permitted, samePrincipal, subjectOf } from "../../derive/Verdicts.ts"
import { documentKinds } from "../../model/Names.ts"
import { own } from "../../model/Own.ts"
import type { GateMode, Policy } from "../../model/Policy.ts"
import { policyFor } from "../../model/Presets.ts"
import type { Principal } from "../../model/Principal.ts"
import type { VerdictGate } from "../../model/Verdict.ts"
import * as Repo from "../../repo/Repo.ts"
import { type Args, nearest } from "../Args.ts"
import { exit, Failure } from "../Failure.ts"
import * as Identity from "../Identity.ts"
import { done, type Result } from "../Result.ts"
import * as Session from "../Session.ts"
import { jsonOf, line } from "./Next.ts"

export const spec = {
  positionals: ["gate", "feature?"],
  flags: { reason: "value", evidence: "value", "as-human": "flag", head: "value", base: "value" }
} as const

const gates = ["spec", "design", "tasks", "qa-plan", "start", "human-review", "risk", "uat", "merge", "action"] as const
const aliases: Readonly<Record<string, VerdictGate>> = {
  review: "human-review",
  go: "start",
  qa: "uat",
  confirm: "action"
}

/** Gates that no verdict opens, and what does. */
const results: Readonly<Record<string, string>> = {
  "agent-review":
    "an agent's review is recorded: sdlc record review; a person's is approved: sdlc approve human-review",
  audit: "an audit is recorded: sdlc record audit; its accepted findings are approved: sdlc approve risk",
  ci: "CI results are recorded: sdlc record ci"
}

/** What people call them, by the name that the policy has for them. */
const synonyms: Readonly<Record<string, VerdictGate>> = {
  requirements: "spec",
  specification: "spec",
  prd: "spec",
  story: "spec",
  draft: "spec",
  architecture: "design",
  specified: "design",
  plan: "tasks",
  task: "tasks",
  planned: "qa-plan",
  "test-plan": "qa-plan",
  qaplan: "qa-plan",
  ready: "start",
  implementation: "human-review",
  "code-review": "human-review",
  code: "human-review",
  pr: "human-review",
  acceptance: "uat",
  "user-acceptance": "uat",
  findings: "risk",
  release: "merge",
  deploy: "merge"
}

/** The gate that a word means, or a refusal that names the right one. */
const gateOf = (word: string): VerdictGate => {
  const hit = own(aliases, word) ?? gates.find((gate) => gate === word)
  if (hit !== undefined) return hit
  const result = own(results, word)
  if (result !== undefined) throw new Failure(`gate: ${word} takes no verdict.`, `${result}.`)
  const plain = word.toLowerCase().replace(/[\s_]+/g, "-")
  const close =
    own(aliases, plain) ??
    own(synonyms, plain) ??
    gates.find((gate) => gate === plain) ??
    nearest(plain, gates) ??
    own(synonyms, nearest(plain, Object.keys(synonyms)) ?? "")
  throw new Failure(
    `gate: "${word.slice(0, 40)}" is none of ${gates.join(", ")}.`,
    close === undefined || close === null ? "use one of these." : `did you mean ${close}?`
  )
}

const isDocument = (gate: VerdictGate): gate is (typeof documentKinds)[number] =>
  documentKinds.some((kind) => kind === gate)

const modeOf = (policy: Policy, gate: VerdictGate): GateMode => (gate === "action" ? "human" : policy.gates[gate])

/** What the verdict is about, or why there is nothing to judge. */
const subject = (seen: Session.View, gate: VerdictGate, waiving: boolean): ReturnType<typeof subjectOf> => {
  const found =
    gate === "action" ? { subject: seen.decision.confirms ?? null, upstream: {} } : subjectOf(seen.state, gate)
  if (found.subject !== null || (waiving && isDocument(gate))) return found
  const why = isDocument(gate)
    ? `the ${gate} does not exist`
    : gate === "action"
      ? "no action waits for a confirmation"
      : "there is no commit to judge"
  throw new Failure(
    `${gate}: ${why}.`,
    isDocument(gate)
      ? "write and submit it first."
      : gate === "action"
        ? "sdlc next says what is due."
        : "commit the code first."
  )
}

const checkAuthor = (
  seen: Session.View,
  gate: VerdictGate,
  policy: Policy,
  by: Principal,
  hash: string | null
): void => {
  if (!policy.separationOfDuties || hash === null) return
  const authors = isDocument(gate)
    ? authorsOf(seen.state, gate, hash)
    : ["human-review", "uat", "merge"].includes(gate)
      ? seen.state.coders
      : []
  if (isDocument(gate) && authors.length === 0)
    throw new Failure(
      `${gate}: it has not been submitted, so nobody knows whose work it is.`,
      `run sdlc submit ${gate} first.`
    )
  if (authors.some((author) => samePrincipal(author, by)))
    throw new Failure(
      `${gate}: ${by.type} ${by.id} is its author, and nobody approves their own work.`,
      "ask somebody else, or set separationOfDuties: false in .sdlc/policy.yaml.",
      exit.human
    )
}

export const run =
  (verdict: "approve" | "reject" | "waive") =>
  (session: Session.Session, args: Args): Result => {
    const word = args.positionals[0] ?? ""
    const gate = gateOf(word)
    const slug = Session.featureArg(session, args, 1)
    const reason = args.value("reason")
    if (verdict !== "approve" && (reason === undefined || reason.trim() === ""))
      throw new Failure(
        `--reason: a ${verdict === "reject" ? "rejection" : "waiver"} needs one.`,
        'write --reason "…".'
      )
    if (verdict === "waive" && !isDocument(gate))
      throw new Failure(
        `gate: ${gate} cannot be waived.`,
        `only documents can (${documentKinds.join(", ")}); switch a gate off in the policy instead.`
      )
    const head = args.value("head")
    const base = args.value("base")
    const seen = Session.writable(session, slug, {
      whole: true,
      ...(head === undefined ? {} : { head }),
      ...(base === undefined ? {} : { base })
    })
    const policy = policyFor(seen.loaded.policy, seen.state.feature)
    const signer = Identity.judge(session.env, policy, session.root, args.has("as-human"))
    const mode = modeOf(policy, gate)
    if (mode === "off") throw new Failure(`gate: the policy does not ask for ${gate}.`, "nothing has to be decided.")
    if (
      verdict === "waive"
        ? policy.waive === "off" || (policy.waive === "human" && signer.actor.type !== "human")
        : !permitted(mode, signer.actor)
    ) {
      throw new Failure(
        `gate: ${gate} is for ${verdict === "waive" && policy.waive === "off" ? "nobody to waive" : "a person to decide"}, and you are ${signer.actor.type} ${signer.actor.id}.`,
        "ask a person.",
        exit.human
      )
    }
    const { subject: hash, upstream } = subject(seen, gate, verdict === "waive")
    if (verdict !== "reject") checkAuthor(seen, gate, policy, signer.actor, hash)
    const evidence = args.value("evidence")
    const data = {
      gate,
      subject: hash,
      verdict,
      ...(isDocument(gate) ? { upstream } : {}),
      ...(reason === undefined ? {} : { reason }),
      ...(evidence === undefined ? {} : { evidence })
    }
    let appended: Repo.Appended
    try {
      appended = Repo.appendEvent(
        seen.loaded,
        { type: "verdict", data },
        { ...signer, timeMillis: session.now, random: Session.randomness() }
      )
    } catch (cause) {
      if (cause instanceof RangeError) throw new Failure(`${cause.message}.`, "correct the field.")
      throw cause
    }
    Session.write(session, Session.homeOf(session, seen.loaded), [appended])
    const { decision } = Session.view(session, slug, {
      ...(head === undefined ? {} : { head }),
      ...(base === undefined ? {} : { base })
    })
    const past = { approve: "approved", reject: "rejected", waive: "waived" }[verdict]
    return done(
      `${past} ${gate}${hash === null ? "" : ` (${hash.slice(0, 14)})`} as ${signer.actor.type} ${signer.actor.id}\n${line(decision)}`,
      { gate, verdict, subject: hash, by: signer.actor, event: appended.path, next: jsonOf(decision) }
    )
  }
