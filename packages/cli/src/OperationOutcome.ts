/** What became of an operation, as a command's end: nothing to say, or one failure that lists what failed and how to go on. */
import * as Effect from "effect/Effect"
import { ask, type Json, type Target } from "./Connection.ts"
import { type CliFailure, fail } from "./Failure.ts"

export interface Ledger {
  readonly operation: Json
  readonly steps: ReadonlyArray<Json>
}

export const read = (target: Target, id: string): Effect.Effect<Ledger, CliFailure> =>
  ask(target, async (rdev, options) => ({
    operation: await rdev.operations.get({ operation: id }, options),
    steps: (await rdev.operations.steps({ operation: id }, options)).steps
  }))

const messageOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "message" in error ? String(error.message) : ""

/** A step that waits for an answer. */
export const asking = ({ steps }: Ledger): ReadonlyArray<Json> =>
  steps.filter((step) => step["status"] === "waiting" && (step["wait"] as Json | null)?.["kind"] === "answer")

/** What to type next, or null when nothing is to be done. */
export const wayOn = (ledger: Ledger): string | null => {
  const { operation } = ledger
  const id = String(operation["id"])
  switch (operation["status"]) {
    case "failed":
    case "cancelled":
    case "compensation_failed":
      return `rdev operations retry ${id}`
    case "parked":
      return `rdev operations retry ${id} (goes on), or rdev operations cancel ${id} (undoes it)`
    case "waiting":
      return asking(ledger).length > 0 ? `rdev operations answer ${id} <answer>` : null
    default:
      return null
  }
}

const failedSteps = ({ steps }: Ledger) =>
  steps
    .filter((step) => step["status"] === "failed" || step["status"] === "unknown")
    .map(
      (step) => `\n  ${step["phase"] === "undo" ? "undo of " : ""}${String(step["key"])}: ${messageOf(step["error"])}`
    )

/** The failure of an operation that ended without success or needs a human; null for any other. */
export const failureOf = (ledger: Ledger): CliFailure | null => {
  const { operation } = ledger
  const status = String(operation["status"])
  if (!["failed", "cancelled", "compensation_failed", "parked"].includes(status)) return null
  const steps = failedSteps(ledger)
  const why =
    steps.length > 0 ? steps.join("") : messageOf(operation["error"]) === "" ? "" : ` ${messageOf(operation["error"])}`
  const next = wayOn(ledger)
  return fail(
    status === "parked" ? "conflict" : "failed",
    `operation ${String(operation["id"])} (${String(operation["kind"])}) is ${status}${why === "" ? "" : `:${why}`}${next === null ? "" : `\nGo on with \`${next}\``}`
  )
}

export const orFailure = (ledger: Ledger): Effect.Effect<Ledger, CliFailure> => {
  const failure = failureOf(ledger)
  return failure === null ? Effect.succeed(ledger) : Effect.fail(failure)
}
