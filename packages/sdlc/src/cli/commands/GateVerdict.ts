/** The verdict on a gate: which gates do not let a feature through, for programs as facts, for people in sentences. Pure. */
import { gates, gateTexts, type Passage } from "../../classify/Gates.ts"
import { trace } from "../../classify/Reads.ts"
import { type ChangedSince, sentence } from "../../explain/Words.ts"
import type { Read } from "../../model/Decision.ts"
import type { Facts } from "../../model/Facts.ts"
import type { FeatureState } from "../../model/FeatureState.ts"
import { phases } from "../../model/Phase.ts"

interface Missing {
  readonly gate: string
  readonly passage: Passage
  /** The facts it read, as the classifier knows them. */
  readonly facts: ReadonlyArray<string>
  /** The same for people: what stands in the way, in sentences. */
  readonly says: ReadonlyArray<string>
}

export interface Verdict {
  readonly feature: string
  readonly passage: Passage | "corrupt"
  readonly warnings?: ReadonlyArray<string>
  /** The gates that do not pass. */
  readonly missing: ReadonlyArray<Missing>
}

/** A feature as it is judged: its facts, and what is needed to speak of them. */
export interface Judged {
  readonly facts: Facts
  readonly state: FeatureState
  readonly changed: ChangedSince
}

const raw = (reads: ReadonlyArray<Read>): ReadonlyArray<string> =>
  reads.map((read) => `${read.fact}=${String(read.value)}`)

/** The fact that a gate stopped at is the last that it read; changing any one of the others would not help. */
const missing = ({ changed, facts, state }: Judged, gate: keyof typeof gates, passage: Passage): Missing => {
  const reads = trace(facts, (traced) => gates[gate](traced))
  const last = reads.at(-1)
  const said = last === undefined ? null : sentence(state, last.fact, last.value, changed)
  return { gate, passage, facts: raw(reads), says: [said ?? `It needs ${gateTexts[gate].pass}.`] }
}

export const judge = (judged: Judged, wanted: ReadonlyArray<keyof typeof gates>, feature: string): Verdict => {
  const found = wanted.flatMap((gate) => {
    const passage = gates[gate](judged.facts)
    return passage === "pass" ? [] : [missing(judged, gate, passage)]
  })
  const passage = found.some((one) => one.passage === "fail") ? "fail" : found.length > 0 ? "pend" : "pass"
  return { feature, passage, missing: found }
}

/** All that has to hold before a commit may land: the eight gates below merge, an approved merge, no freeze, nothing paused or blocked. */
export const mayMerge = (judged: Judged, feature: string): Verdict => {
  const { changed, facts, state } = judged
  const verdict = judge(judged, phases.slice(0, 8) as ReadonlyArray<keyof typeof gates>, feature)
  const also: ReadonlyArray<readonly [boolean, Read["fact"]]> = [
    [facts.mergeGate === "ok", "mergeGate"],
    [!facts.freeze, "freeze"],
    [facts.lifecycle === "active", "lifecycle"],
    [facts.escalation === "none", "escalation"],
    [facts.blocker === "none", "blocker"],
    [facts.dep === "met", "dep"],
    [facts.branch !== "conflict", "branch"]
  ]
  const failing = also.filter(([holds]) => !holds).map(([, fact]): Read => ({ fact, value: facts[fact] }))
  if (failing.length === 0) return verdict
  const says = failing.map((read) => sentence(state, read.fact, read.value, changed) ?? raw([read])[0] ?? "")
  return {
    feature,
    passage: "fail",
    missing: [...verdict.missing, { gate: "merge", passage: "fail", facts: raw(failing), says }]
  }
}

export const show = (verdict: Verdict, facts: boolean): string =>
  [
    `${verdict.feature}: ${verdict.passage}`,
    ...verdict.missing.flatMap((one) => [
      ...one.says.map((said) => `  ${one.gate} ${one.passage}: ${said}`),
      ...(facts ? [`    ${one.facts.join(", ")}`] : [])
    ]),
    ...(verdict.warnings ?? [])
  ].join("\n")
