/** Golden features: events, documents and observations, and the facts and decision that follow from them. */
import { decide } from "../../src/derive/Decide.ts"
import { derive } from "../../src/derive/Derive.ts"
import { fold } from "../../src/derive/Fold.ts"
import type { Artifacts } from "../../src/model/Artifact.ts"
import type { FeatureDecision } from "../../src/model/Decision.ts"
import { factNames, type Facts, initialFacts } from "../../src/model/Facts.ts"
import type { LoadedEvent } from "../../src/model/FeatureEvent.ts"
import type { Observed } from "../../src/model/Observed.ts"
import type { Policy } from "../../src/model/Policy.ts"
import { leanPolicy, standardPolicy } from "../../src/model/Presets.ts"
import { author, Driver, human } from "../derive/Driver.ts"

export interface Checkpoint {
  /** The state after so many of the events. */
  readonly events: number
  readonly documents: Artifacts
  readonly observed: Observed
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Facts that differ from `initial`. */
  readonly facts: Partial<Facts>
  readonly decision: Pick<
    FeatureDecision,
    "rule" | "via" | "action" | "actor" | "kind" | "to" | "reason" | "taskId" | "batch" | "subjects" | "idempotencyKey"
  >
}

export interface Story {
  readonly name: string
  readonly policy: Policy
  readonly events: ReadonlyArray<LoadedEvent>
  readonly checkpoints: ReadonlyArray<Checkpoint>
}

export interface FeatureFile {
  readonly v: 1
  readonly initial: Facts
  readonly stories: ReadonlyArray<Story>
}

export const checkpointOf = (
  policy: Policy,
  events: ReadonlyArray<LoadedEvent>,
  documents: Artifacts,
  observed: Observed,
  now: number
): Checkpoint => {
  const state = fold(events, documents, observed)
  const facts = derive(state, policy, now)
  const { action, actor, batch, idempotencyKey, kind, reason, rule, subjects, taskId, to, via } = decide(
    state,
    policy,
    now
  )
  return {
    events: events.length,
    documents,
    observed,
    now,
    facts: Object.fromEntries(
      factNames.filter((fact) => facts[fact] !== initialFacts[fact]).map((fact) => [fact, facts[fact]])
    ),
    decision: {
      rule,
      ...(via === undefined ? {} : { via }),
      action,
      actor,
      kind,
      ...(to === undefined ? {} : { to }),
      reason,
      ...(taskId === undefined ? {} : { taskId }),
      ...(batch === undefined ? {} : { batch }),
      subjects,
      idempotencyKey
    }
  }
}

const story = (name: string, policy: Policy, happen: (driver: Driver, note: () => void) => void): Story => {
  const driver = new Driver(policy)
  const checkpoints: Array<Checkpoint> = []
  happen(
    driver,
    () =>
      void checkpoints.push(
        checkpointOf(policy, [...driver.events], { ...driver.artifacts }, driver.observed, driver.now)
      )
  )
  return { name, policy, events: driver.events, checkpoints }
}

/** Runs to each action in turn and notes what is due there. */
const stations =
  (...actions: ReadonlyArray<string>) =>
  (driver: Driver, note: () => void): void => {
    for (const action of actions) {
      driver.until(action, 120)
      note()
    }
  }

export const buildFeatures = (): FeatureFile => ({
  v: 1,
  initial: initialFacts,
  stories: [
    story(
      "from draft to released",
      standardPolicy,
      stations(
        "create-spec",
        "approve-spec",
        "approve-tasks",
        "claim-slot",
        "implement-task",
        "verify-task",
        "open-pr",
        "review-code",
        "audit",
        "run-qa",
        "approve-merge",
        "merge",
        "deploy",
        "verify-release",
        "sync-specs",
        "none"
      )
    ),
    story("lean", leanPolicy, stations("implement-task", "merge", "none")),
    story("a spec edited after its approval", standardPolicy, (driver, note) => {
      driver.until("review-code")
      driver.write("spec", "edited")
      note()
      stations("reconcile-spec", "reconcile-design", "materialise-tasks")(driver, note)
    }),
    story("setbacks", standardPolicy, (driver, note) => {
      driver.until("approve-design")
      driver.verdict("design", "reject", human, "no rollback story")
      note()
      driver.until("implement-task")
      driver.push("task-failed", { task: "task-001", reason: "tests fail" })
      note()
      driver.push("task-blocked", { task: "task-001", reason: "no key" }, author)
      note()
      driver.until("run-ci")
      const tree = driver.observed.head?.tree ?? ""
      for (let i = 0; i < 3; i++)
        driver.push("ci-recorded", { tree, sha: "s", run: `r${i}`, status: "failed", job: "unit" })
      note()
    }),
    story("an unhealthy release", standardPolicy, (driver, note) => {
      driver.until("verify-release")
      driver.push("release-unhealthy", { deploy: driver.state.release.deploy ?? "", check: "GET /" })
      note()
      stations("reopen", "open-pr", "none")(driver, note)
    })
  ]
})

export const printFeatures = ({ initial, stories, v }: FeatureFile): string => {
  const lines = (values: ReadonlyArray<unknown>, indent: string) =>
    values.map((value) => `${indent}${JSON.stringify(value)}`).join(",\n")
  const told = stories.map(
    ({ checkpoints, events, name, policy }) =>
      `    {\n      "name": ${JSON.stringify(name)},\n      "policy": ${JSON.stringify(policy)},\n      "events": [\n${lines(events, "        ")}\n      ],\n      "checkpoints": [\n${lines(checkpoints, "        ")}\n      ]\n    }`
  )
  return `{\n  "v": ${v},\n  "initial": ${JSON.stringify(initial)},\n  "stories": [\n${told.join(",\n")}\n  ]\n}\n`
}
