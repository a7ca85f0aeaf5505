/**
 * What a run came to: the server's conclusion, explained by the log. Green is what the server calls a success; red needs a step that is
 * known to have failed; everything else that ended is `infra`, which says nothing about the code. Pure.
 */
import type { CiRun, CiStep } from "@rdev/core/ports/infra/Ci"
import type { ServerJob, ServerRun } from "./ActionsServer.ts"
import * as RunName from "./RunName.ts"
import type { StepState, Summary } from "./WorkflowLog.ts"

export interface Known {
  readonly server: string
  readonly run: RunName.Named
  /** Names of the pipeline's steps; empty when it cannot be run. */
  readonly steps: ReadonlyArray<{ readonly name: string; readonly ignoreFailure: boolean }>
  /** null = the server has made none yet. */
  readonly found: ServerRun | null
  readonly job: ServerJob | null
  /** null = there is no log. */
  readonly log: Summary | null
  readonly runsOn: string
  readonly queueMillis: number
  readonly runMillis: number
  readonly nowMillis: number
}

/** A clock of a runner may be this much behind ours; of a short limit, as much again. */
const graceOf = (limitMillis: number): number => Math.min(60_000, limitMillis)
const image =
  /(?:pull(?:ing)? (?:access denied|the image)|failed to pull|manifest (?:unknown|for .* not found)|no such image|error response from daemon|cannot connect to the docker daemon)/i

const stepAt = (known: Known, index: number): StepState => {
  const read = known.log?.steps.get(index)
  if (read !== undefined) return read
  // The first of the server's steps fetches the commit.
  const told = known.job?.steps[index + 1]
  const pending: StepState = { status: "pending", exitCode: null, durationMillis: null, slow: false }
  return told === undefined ? pending : { ...pending, status: told.status, durationMillis: told.durationMillis }
}
const stepsOf = (known: Known): ReadonlyArray<CiStep & { readonly slow: boolean; readonly ignoreFailure: boolean }> =>
  known.steps.map(({ ignoreFailure, name }, index) => ({ name, ignoreFailure, ...stepAt(known, index) }))

const lastWords = ({ log }: Known): string => {
  const line = log?.aside.findLast((one) => one.trim() !== "" && !/^##\[(?:end)?group\]/.test(one))
  return line === undefined ? "" : `: ${line.trim().slice(0, 300)}`
}
type End = Pick<CiRun, "status" | "reason">
const infra = (reason: string): End => ({ status: "infra", reason })

const notTaken = ({ found, queueMillis, runsOn, server }: Known): End =>
  infra(
    found === null
      ? `${server} made no run of it within ${Math.round(queueMillis / 1000)} s; see whether Actions are switched on there, then start it again`
      : `no runner took it within ${Math.round(queueMillis / 1000)} s; see whether one with the label ${runsOn} is registered and idle, then start it again`
  )

/** Why it failed without a step that did. */
const without = (known: Known): End => {
  const { log, server } = known
  const running = stepsOf(known).find(({ status }) => status === "running")
  const words = lastWords(known)
  const pulled = log?.aside.find((line) => image.test(line))
  if (pulled !== undefined) return infra(`the runner has no image to run it in: ${pulled.trim().slice(0, 300)}`)
  if (running !== undefined) return infra(`the runner was lost while step "${running.name}" ran; start it again`)
  if (log === null) return infra(`${server} has no log of it (any more), which would say why it failed`)
  if (log.start === "none") return infra(`the runner could not fetch the commit${words}`)
  return infra(`the runner ended before the steps had${words}`)
}

const concluded = (known: Known, { conclusion }: ServerRun): End => {
  const { log, server } = known
  if (log?.broken !== null && log?.broken !== undefined) return infra(log.broken)
  if (log?.start === "late") return notTaken(known)
  const steps = stepsOf(known)
  if (conclusion === "success") return { status: "green", reason: null }
  const failed = steps.find(({ ignoreFailure, status }) => status === "failure" && !ignoreFailure)
  if (conclusion === "failure" && failed !== undefined)
    return {
      status: "red",
      reason: `step "${failed.name}" ${failed.slow ? "ran longer than its time limit" : failed.exitCode === null ? "failed" : `exited ${failed.exitCode}`}`
    }
  if (conclusion === "timed_out") return { status: "red", reason: "it ran longer than its time limit" }
  if (conclusion === "cancelled") return { status: "cancelled", reason: `it was cancelled at ${server}` }
  if (conclusion === "failure") return without(known)
  return infra(`${server} ended it as ${conclusion ?? "nothing"}, without running it`)
}

const ended = (known: Known): End | null => {
  const { found, nowMillis, queueMillis, run, runMillis, server } = known
  // It counted as not taken when its runner came: whatever becomes of it, that stays said.
  const limit = RunName.beganMillis(run.id) + queueMillis + graceOf(queueMillis)
  if (found !== null && found.startedAtMillis !== null && found.startedAtMillis > limit) return notTaken(known)
  if (found?.status === "completed") return concluded(known, found)
  if (found?.status === "running")
    return found.startedAtMillis !== null && nowMillis - found.startedAtMillis > runMillis + graceOf(runMillis)
      ? infra(`it runs longer than any run may, and ${server} has not ended it: its runner is gone; start it again`)
      : null
  return nowMillis > limit
    ? found?.status === "waiting"
      ? infra(`${server} wants somebody to approve the run first: ${found.url}`)
      : notTaken(known)
    : null
}

export const of = (known: Known): CiRun => {
  const { found, run } = known
  const end = ended(known)
  const whole = end?.status === "green" && known.log === null
  const durationMillis =
    end === null || found === null || found.startedAtMillis === null || found.completedAtMillis === null
      ? null
      : Math.max(0, found.completedAtMillis - found.startedAtMillis)
  return {
    id: run.id,
    sha: run.sha,
    status: end?.status ?? "running",
    reason: end?.reason ?? null,
    durationMillis,
    steps: stepsOf(known).map(({ durationMillis: millis, exitCode, name, status }) => ({
      name,
      status: whole && status === "pending" ? "success" : status,
      exitCode,
      durationMillis: millis
    }))
  }
}
