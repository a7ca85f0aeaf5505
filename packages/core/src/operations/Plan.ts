/**
 * The pure half of operations: what a plan says about each step, whether steps form a sound graph, and what a saga does next given
 * the ledger's rows. Nothing here calls out or reads a clock.
 */
import type { Schema } from "effect"
import { createHash } from "node:crypto"
import { canonicalJson } from "@rdev/sdlc/model/Digest"
import type { OperationStep, StepChange } from "../domain/Operation.ts"
import type { Observed, Step } from "./Step.ts"

export interface PlannedStep {
  readonly key: string
  readonly title: string
  readonly change: StepChange
  /** Why, in a sentence. */
  readonly reason: string
  readonly dependsOn: ReadonlyArray<string>
  readonly provider: string | null
  readonly externalId: string | null
}

export interface OperationPlan {
  readonly kind: string
  readonly version: number
  readonly steps: ReadonlyArray<PlannedStep>
  /** Hex SHA-256 over kind, version, input and every step's key, change and name: hand it to `apply` to run exactly this plan. */
  readonly digest: string
}

/** A mistake of the definition: it fails on its first execution and is never stored. */
export class PlanDefect extends Error {}

/** The steps in an order in which each follows what it depends on. Throws PlanDefect for a key used twice, an unknown dependency or a circle. */
export const ordered = <S extends Pick<Step, "key" | "dependsOn">>(steps: ReadonlyArray<S>): ReadonlyArray<S> => {
  const byKey = new Map<string, S>()
  for (const step of steps) {
    if (byKey.has(step.key))
      throw new PlanDefect(`step key "${step.key}" is used twice: keys must be unique within an operation`)
    byKey.set(step.key, step)
  }
  const result: Array<S> = []
  const state = new Map<string, "open" | "closed">()
  const visit = (step: S, path: ReadonlyArray<string>): void => {
    if (state.get(step.key) === "closed") return
    if (state.get(step.key) === "open")
      throw new PlanDefect(`steps depend on each other in a circle: ${[...path, step.key].join(" → ")}`)
    state.set(step.key, "open")
    for (const key of step.dependsOn) {
      const before = byKey.get(key)
      if (before === undefined) throw new PlanDefect(`step "${step.key}" depends on "${key}", which does not exist`)
      visit(before, [...path, step.key])
    }
    state.set(step.key, "closed")
    result.push(step)
  }
  for (const step of steps) visit(step, [])
  return result
}

/** What will be done about what was seen; `null` = the step cannot look. */
export const decide = (
  step: Pick<Step, "intent" | "title">,
  seen: Observed<Schema.Json> | null
): { readonly change: StepChange; readonly reason: string } => {
  if (step.intent === "delete") {
    if (seen === null) return { change: "delete", reason: "it is removed if it is there" }
    if (seen._tag === "Absent") return { change: "no-op", reason: seen.detail ?? "it is gone already" }
    return seen._tag === "Foreign"
      ? { change: "no-op", reason: `left alone: ${seen.detail}` }
      : { change: "delete", reason: seen.detail }
  }
  if (seen === null)
    return step.intent === "run"
      ? { change: "run", reason: "an action" }
      : { change: "create", reason: "nothing is known about it beforehand" }
  if (seen._tag === "Foreign") return { change: "conflict", reason: seen.detail }
  if (seen._tag === "Absent")
    return { change: step.intent === "run" ? "run" : "create", reason: seen.detail ?? "it does not exist yet" }
  if (seen.drift !== null) return { change: "update", reason: seen.drift }
  return seen.known || step.intent === "run"
    ? { change: "no-op", reason: seen.detail }
    : { change: "adopt", reason: seen.detail }
}

/** The input is part of it: the same steps with, say, another template are another plan. */
export const digest = (kind: string, version: number, input: Schema.Json, steps: ReadonlyArray<PlannedStep>): string =>
  createHash("sha256")
    .update(
      canonicalJson([
        kind,
        version,
        input,
        steps.map((step) => [step.key, step.change, step.provider, step.externalId])
      ])
    )
    .digest("hex")

/** How the recorded steps differ from those the definition gives now, or null. */
export const drift = (steps: ReadonlyArray<Step>, rows: ReadonlyMap<string, OperationStep>): string | null => {
  const unknown = [...rows.keys()].find((key) => !steps.some((step) => step.key === key))
  if (unknown !== undefined) return `the ledger has a step "${unknown}" that the definition does not`
  for (const step of steps) {
    const row = rows.get(step.key)
    if (row === undefined) return `the definition has a step "${step.key}" that the ledger does not`
    if (canonicalJson([...row.dependsOn]) !== canonicalJson([...step.dependsOn]))
      return `step "${step.key}" depends on other steps than when it was planned`
    const problem = row.output === null ? null : step.undecodable(row.output)
    if (problem !== null) return `the recorded output of step "${step.key}" cannot be read: ${problem}`
  }
  return null
}

export interface SagaState {
  readonly steps: ReadonlyArray<Step>
  readonly rows: ReadonlyMap<string, OperationStep>
  /** Keys of steps that run in this process now. */
  readonly running: ReadonlySet<string>
  readonly answered: ReadonlySet<string>
  readonly nowMillis: number
}

export interface Next {
  readonly ready: ReadonlyArray<Step>
  /** Earliest time at which a waiting step is ready by itself. */
  readonly dueMillis: number | null
  /** Nothing is left to start or wait for. */
  readonly settled: boolean
  /** Steps whose outcome only a human can tell. */
  readonly unknown: ReadonlyArray<string>
}

const isDue = (row: OperationStep, standing: SagaState): boolean =>
  row.wait === null ||
  standing.answered.has(row.key) ||
  (row.wait.untilMillis !== null && row.wait.untilMillis <= standing.nowMillis)
const earliest = (rows: ReadonlyArray<OperationStep>): number | null =>
  rows.reduce<number | null>(
    (min, { wait }) =>
      wait === null || wait.untilMillis === null || (min !== null && min <= wait.untilMillis) ? min : wait.untilMillis,
    null
  )

interface Stage {
  readonly members: ReadonlyArray<Step>
  readonly free: (step: Step) => boolean
}

const survey = (standing: SagaState, { free, members }: Stage): Next => {
  const idle = members.flatMap((step) => {
    const row = standing.rows.get(step.key)
    return row === undefined || standing.running.has(step.key) ? [] : [{ step, row }]
  })
  const waiting = idle.filter(({ row }) => row.status === "waiting" && !isDue(row, standing))
  const ready = idle.filter(
    ({ row, step }) =>
      (row.status === "planned" || row.status === "started" || (row.status === "waiting" && isDue(row, standing))) &&
      free(step)
  )
  const unknown = idle.filter(({ row }) => row.status === "unknown").map(({ row }) => row.key)
  const busy = members.some((step) => standing.running.has(step.key))
  return {
    ready: ready.map(({ step }) => step),
    dueMillis: earliest(waiting.map(({ row }) => row)),
    settled: !busy && ready.length === 0 && waiting.length === 0 && unknown.length === 0,
    unknown
  }
}

/**
 * What runs forwards. `stopped` (an error that compensates, or a cancel): nothing more is begun but the steps that always run.
 * `lenient`: a failed step does not keep those that depend on it from running.
 */
export const forwards = (standing: SagaState, mode: { readonly stopped: boolean; readonly lenient: boolean }): Next => {
  const main = standing.steps.filter((step) => !step.always)
  const over = (key: string, lenient: boolean) => {
    const status = standing.rows.get(key)?.status
    return status === "done" || status === "skipped" || (lenient && (status === "failed" || status === "unknown"))
  }
  const anyRunning = standing.running.size > 0
  if (!mode.stopped) {
    const next = survey(standing, {
      members: main,
      free: (step) => step.dependsOn.every((key) => over(key, mode.lenient))
    })
    if (!next.settled) return next
  } else if (main.some((step) => standing.running.has(step.key)))
    return { ready: [], dueMillis: null, settled: false, unknown: [] }
  const last = standing.steps.filter((step) => step.always)
  const isLast = new Set(last.map((step) => step.key))
  const next = survey(standing, {
    members: last,
    free: (step) => step.dependsOn.every((key) => !isLast.has(key) || over(key, true))
  })
  return { ...next, settled: next.settled && !anyRunning }
}

/** All steps that depend on this one, through others too. */
const dependents = (steps: ReadonlyArray<Step>, key: string): ReadonlySet<string> => {
  const found = new Set<string>()
  const grow = (of: string): void => {
    for (const step of steps)
      if (step.dependsOn.includes(of) && !found.has(step.key)) {
        found.add(step.key)
        grow(step.key)
      }
  }
  grow(key)
  return found
}

/** What is undone next: `rows` are the undo rows. A step is undone after every step that depends on it; a failed undo holds up nothing. */
export const backwards = (standing: SagaState): Next => {
  const settled = (key: string) => {
    const row = standing.rows.get(key)
    return row === undefined || row.status === "done" || row.status === "failed" || row.status === "skipped"
  }
  return survey(standing, {
    members: standing.steps,
    free: (step) => [...dependents(standing.steps, step.key)].every(settled)
  })
}
