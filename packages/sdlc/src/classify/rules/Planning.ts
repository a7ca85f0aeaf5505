/** Rules of draft, specified, planned and ready: four documents with one life each, then the start. */
import type { DocumentState, Facts } from "../../model/Facts.ts"
import type { Phase } from "../../model/Phase.ts"
import { gates } from "../Gates.ts"
import { advance, agent, humanHolds, platform, platformWaits, policyApproves, type Rule, rule } from "../Rule.ts"

type DocumentFact = "spec" | "design" | "tasksDoc" | "qaPlan"

/** Rules 1–6 of a document: what its author does about it, in the order of the document's states. */
const authoring = (
  letter: string,
  phase: Phase,
  fact: DocumentFact,
  kind: string,
  state: (f: Facts) => DocumentState
): ReadonlyArray<Rule> => [
  rule(`${letter}1`, phase, `${fact}=absent`, (f) => state(f) === "absent", agent(`create-${kind}`), `No ${kind} yet`),
  rule(
    `${letter}2`,
    phase,
    `${fact}=invalid`,
    (f) => state(f) === "invalid",
    agent(`fix-${kind}`),
    `The ${kind} has {n:lint error}[: {errors}]`
  ),
  rule(
    `${letter}3`,
    phase,
    `${fact}=unclear`,
    (f) => state(f) === "unclear",
    humanHolds(`clarify-${kind}`),
    `The ${kind} has {n:open question}`
  ),
  rule(
    `${letter}4`,
    phase,
    `${fact}=draft`,
    (f) => state(f) === "draft",
    agent(`submit-${kind}`),
    `Finish the ${kind} and submit it`
  ),
  rule(
    `${letter}5`,
    phase,
    `${fact}=rejected`,
    (f) => state(f) === "rejected",
    agent(`revise-${kind}`),
    `The ${kind} was rejected[ by {who}][: {why}]`
  ),
  rule(
    `${letter}6`,
    phase,
    `${fact}=stale`,
    (f) => state(f) === "stale",
    agent(`reconcile-${kind}`),
    `The ${kind} changed since its approval[ ({from} → {hash})][; {upstream} changed]`
  )
]

/** Rule 7 of a document: somebody other than its author decides. */
const approving = (
  letter: string,
  phase: Phase,
  fact: DocumentFact,
  kind: string,
  state: (f: Facts) => DocumentState
): Rule =>
  rule(
    `${letter}7`,
    phase,
    `${fact}=submitted`,
    (f) => state(f) === "submitted",
    policyApproves(`approve-${kind}`),
    `The ${kind}[ {hash}] awaits[ {approver}] approval`
  )

const spec = (f: Facts) => f.spec
const design = (f: Facts) => f.design
const tasksDoc = (f: Facts) => f.tasksDoc
const qaPlan = (f: Facts) => f.qaPlan

export const draftRules: ReadonlyArray<Rule> = [
  ...authoring("S", "draft", "spec", "spec", spec),
  approving("S", "draft", "spec", "spec", spec),
  rule("S8", "draft", "gate=pass", (f) => gates.draft(f) === "pass", advance, "draft exit criteria met[: {facts}]")
]

/** The design comes to its end, approval included, before the tasks begin: nobody plans on a design that nobody approved. */
export const specifiedRules: ReadonlyArray<Rule> = [
  ...authoring("D", "specified", "design", "design", design),
  approving("D", "specified", "design", "design", design),
  ...authoring("T", "specified", "tasksDoc", "tasks", tasksDoc),
  approving("T", "specified", "tasksDoc", "tasks", tasksDoc),
  rule(
    "T8",
    "specified",
    "gate=pass",
    (f) => gates.specified(f) === "pass",
    advance,
    "specified exit criteria met[: {facts}]"
  )
]

export const plannedRules: ReadonlyArray<Rule> = [
  ...authoring("Q", "planned", "qaPlan", "qa-plan", qaPlan),
  approving("Q", "planned", "qaPlan", "qa-plan", qaPlan),
  rule(
    "Q8",
    "planned",
    "dep=unmet",
    (f) => f.dep === "unmet",
    platformWaits("wait-dependency"),
    "Waits for other features[: {features}]"
  ),
  rule(
    "Q9",
    "planned",
    "gate=pass",
    (f) => gates.planned(f) === "pass",
    advance,
    "planned exit criteria met[: {facts}]"
  )
]

export const readyRules: ReadonlyArray<Rule> = [
  rule(
    "Y1",
    "ready",
    "go=rejected",
    (f) => f.go === "rejected",
    humanHolds("replan"),
    "The start was refused[ by {who}][: {why}]"
  ),
  rule(
    "Y2",
    "ready",
    "go=pending",
    (f) => f.go === "pending",
    humanHolds("approve-start"),
    "The start needs an approval"
  ),
  rule(
    "Y3",
    "ready",
    "claim=none ∧ wip=full",
    (f) => f.claim === "none" && f.wip === "full",
    platformWaits("wait-slot"),
    "No slot is free[: {n} of {max} in use]"
  ),
  rule(
    "Y4",
    "ready",
    "claim=none",
    (f) => f.claim === "none",
    platform("claim-slot"),
    "A slot is free[: {n} of {max} in use]"
  ),
  rule(
    "Y5",
    "ready",
    "branch=none",
    (f) => f.branch === "none",
    platform("provision-workspace"),
    "Create branch and workspace"
  ),
  rule("Y6", "ready", "gate=pass", (f) => gates.ready(f) === "pass", advance, "ready exit criteria met[: {facts}]")
]
