/**
 * Which verdicts count, and what they amount to.
 * An approval counts only from a permitted type, not from an author (separation of duties), on exactly this subject and these upstream hashes.
 * A rejection on this subject counts from anybody permitted; a person's word outranks an agent's; among equals the later one holds.
 */
import type { DocumentKind, Upstream } from "../model/Artifact.ts"
import { digestOf } from "../model/Digest.ts"
import type { FeatureState, Run } from "../model/FeatureState.ts"
import { documentKinds, upstreamKinds } from "../model/Names.ts"
import { own } from "../model/Own.ts"
import { sameCode } from "./fold/Builder.ts"
import type { GateMode, Policy } from "../model/Policy.ts"
import type { Principal } from "../model/Principal.ts"
import type { Verdict, VerdictGate } from "../model/Verdict.ts"

/** One and the same principal: people by id, agents by id and session where both have one. */
export const samePrincipal = (a: Principal, b: Principal): boolean =>
  a.id === b.id &&
  (a.type !== "agent" ||
    b.type !== "agent" ||
    a.session === undefined ||
    b.session === undefined ||
    a.session === b.session)

/** Whether a principal of this type may decide a gate of this mode. Under `auto` nobody has to, and both may. */
export const permitted = (mode: GateMode, by: Principal): boolean =>
  by.type === "human" || (by.type === "agent" && mode !== "human")

export const upstreamOf = (state: FeatureState, kind: DocumentKind): Upstream =>
  Object.fromEntries(upstreamKinds[kind].map((above) => [above, state.documents[above].hash]))

/** Whether what was approved rested on the documents as they are now. */
export const sameUpstream = (state: FeatureState, kind: DocumentKind, upstream: Upstream): boolean =>
  upstreamKinds[kind].every((above) => (upstream[above] ?? null) === state.documents[above].hash)

/** Everything the start of the work rests on. */
export const planDigest = (state: FeatureState): string =>
  digestOf(
    "plan",
    documentKinds.map((kind) => [kind, state.documents[kind].hash])
  )

/** What people decide about when they look at code: the feature's own changes where they are known, else the whole tree. */
export const codeSubject = (state: FeatureState): string | null =>
  state.observed.head?.patch ?? state.observed.head?.tree ?? null

/** Whether a verdict was given on the code as it is now: on these changes, or on exactly this tree. */
export const onPresentCode = (state: FeatureState, subject: string | null): boolean => {
  const head = state.observed.head
  return head !== undefined && subject !== null && (subject === head.tree || subject === head.patch)
}

/** What somebody who decides about a gate now has to name as the subject of the verdict. */
export const subjectOf = (
  state: FeatureState,
  gate: VerdictGate
): { readonly subject: string | null; readonly upstream: Upstream } => {
  switch (gate) {
    case "spec":
    case "design":
    case "tasks":
    case "qa-plan":
      return { subject: state.documents[gate].hash, upstream: upstreamOf(state, gate) }
    case "start":
      return { subject: planDigest(state), upstream: {} }
    case "risk":
      return { subject: riskDigest(state), upstream: {} }
    case "human-review":
    case "uat":
    case "merge":
      return { subject: codeSubject(state), upstream: {} }
    case "action":
      return { subject: null, upstream: {} }
  }
}

/** The latest run on the feature's changes as they are now. */
export const latestFor = <R>(runs: ReadonlyArray<Run<R>>, state: FeatureState): Run<R> | undefined => {
  const head = state.observed.head
  return head === undefined ? undefined : runs.findLast((run) => sameCode(run, head))
}

/** The latest run on the whole tree as it is now: what CI has to say. */
export const latestOnTree = <R>(runs: ReadonlyArray<Run<R>>, state: FeatureState): Run<R> | undefined => {
  const tree = state.observed.head?.tree
  return tree === undefined ? undefined : runs.findLast((run) => run.tree === tree)
}

/** Findings of the present audit whose risk somebody proposed to accept. */
export const acceptedFindings = (state: FeatureState): ReadonlyArray<string> => {
  return (latestFor(state.audits, state)?.result?.findings ?? [])
    .filter((finding) => {
      const disposed = own(state.dispositions, finding.id)
      return (
        disposed !== undefined &&
        (disposed.disposition === "accept" || disposed.disposition === "false-positive") &&
        disposed.by.type !== "human"
      )
    })
    .map((finding) => `${finding.id} ${finding.severity}`)
    .sort()
}

export const riskDigest = (state: FeatureState): string => digestOf("risk", acceptedFindings(state))

/** The word that holds among verdicts in order: the last of a person, else the last of anybody. */
export const prevailing = (verdicts: ReadonlyArray<Verdict>): Verdict | undefined =>
  verdicts.findLast((verdict) => verdict.by.type === "human") ?? verdicts.at(-1)

/** Verdict on the start, risk, uat or merge gate; `about` says whether a subject is the present one. `authors` may not approve. */
export const gateVerdict = (
  state: FeatureState,
  policy: Policy,
  gate: "start" | "risk" | "uat" | "merge",
  about: (subject: string | null) => boolean,
  authors: ReadonlyArray<Principal>
): "ok" | "pending" | "rejected" => {
  const mode = policy.gates[gate]
  if (mode === "off") return "ok"
  const counting = state.verdicts.filter(
    (verdict) =>
      verdict.gate === gate &&
      verdict.subject !== null &&
      about(verdict.subject) &&
      verdict.verdict !== "waive" &&
      permitted(mode, verdict.by) &&
      (verdict.verdict === "reject" ||
        !policy.separationOfDuties ||
        !authors.some((author) => samePrincipal(author, verdict.by)))
  )
  const word = prevailing(counting)?.verdict
  return word === "reject" ? "rejected" : word === "approve" || mode === "auto" ? "ok" : "pending"
}
