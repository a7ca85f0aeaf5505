/**
 * What a task, an operation or a feature waits for, from the facts of the queue. Pure; of several reasons the one that somebody can do
 * something about comes first.
 */
import { type Operation, type OperationStep, terminal } from "../domain/Operation.ts"
import { kindOf } from "../domain/Owner.ts"
import type { WaitingFor, WaitingReason } from "../domain/WaitingFor.ts"
import type { WorkTask } from "../domain/WorkTask.ts"
import type { Gate, OwnerQueue, WorkerRow } from "../ports/stores/WorkQueueStore.ts"

export interface Facts {
  readonly nowMillis: number
  readonly workers: ReadonlyArray<WorkerRow>
  readonly gates: ReadonlyArray<Gate>
  /** Of the task's owner; null = as by default. */
  readonly owner: OwnerQueue | null
  /** Tasks it depends on that have not ended. */
  readonly unfinished: ReadonlyArray<string>
}
export const noFacts = (nowMillis: number): Facts => ({
  nowMillis,
  workers: [],
  gates: [],
  owner: null,
  unfinished: []
})

const hire = "start one with `rdev worker`, or a server with RDEV_WORKER_CAPACITY above 0"
const seconds = (untilMillis: number, nowMillis: number): string =>
  `${Math.max(1, Math.ceil((untilMillis - nowMillis) / 1000))} s`
/** Kind of the tasks that drive features: who has it can run operations too, as both belong to one installation's workers. */
const driving = "feature"

const places = (able: ReadonlyArray<WorkerRow>): string => {
  const running = able.reduce((sum, { running }) => sum + running, 0)
  const capacity = able.reduce((sum, { capacity }) => sum + capacity, 0)
  return `${running} of ${capacity} places taken on ${able.length} worker${able.length === 1 ? "" : "s"}`
}

/** Null when the task does not wait, or has only just been queued. */
export const ofTask = (task: WorkTask, facts: Facts): WaitingFor | null => {
  if (task.status !== "pending") return null
  const { nowMillis } = facts
  const since = task.attempts.at(-1)?.endedAtMillis ?? task.createdAtMillis
  const because = (reason: WaitingReason, detail: string, untilMillis: number | null = null): WaitingFor => ({
    reason,
    sinceMillis: since,
    untilMillis,
    detail
  })
  if (task.parked !== null) return because("human", `parked for a person: ${task.parked}`)
  const able = facts.workers.filter(
    ({ kinds, labels }) => kinds.includes(task.kind) && task.requires.every((label) => labels.includes(label))
  )
  if (able.length === 0)
    return because(
      "no-worker",
      `no worker is registered for ${task.kind} tasks${task.requires.length === 0 ? "" : ` with the labels ${task.requires.join(", ")}`}; ${hire}`
    )
  if (facts.owner?.paused === true) return because("paused", `the ${kindOf(task.owner)}'s work is paused`)
  if (facts.unfinished.length > 0)
    return because(
      "dependency",
      `it waits for ${facts.unfinished.length === 1 ? "task" : "tasks"} ${facts.unfinished.slice(0, 3).join(", ")}${facts.unfinished.length > 3 ? ` and ${facts.unfinished.length - 3} more` : ""}`
    )
  const gate = facts.gates.find(({ name, openAtMillis }) => name === task.gate && openAtMillis > nowMillis)
  if (gate !== undefined)
    return because(
      "gate",
      `${gate.name} is closed for ${seconds(gate.openAtMillis, nowMillis)}${task.error === null ? "" : `: ${task.error.message}`}`,
      gate.openAtMillis
    )
  if (task.awaits !== null)
    return because(
      "capacity",
      `${task.awaits} is used up${task.error === null ? "" : `: ${task.error.message}`}`,
      task.runAtMillis
    )
  if (task.runAtMillis !== null && task.runAtMillis > nowMillis) {
    return task.error === null
      ? because("timer", `it is to start in ${seconds(task.runAtMillis, nowMillis)}`, task.runAtMillis)
      : because(
          "retry",
          `tried again in ${seconds(task.runAtMillis, nowMillis)} after ${task.error._tag}: ${task.error.message}`,
          task.runAtMillis
        )
  }
  if (able.every(({ capacity, running }) => running >= capacity))
    return because("busy", `all workers for ${task.kind} tasks are busy: ${places(able)}`)
  const limits = [
    ...(task.concurrencyKey === null ? [] : [`${task.concurrencyLimit} of ${task.concurrencyKey}`]),
    ...(facts.owner?.maxRunning == null ? [] : [`${facts.owner.maxRunning} of the ${kindOf(task.owner)}`])
  ]
  return limits.length === 0 || nowMillis - since < 1_000
    ? null
    : because("limit", `its turn comes when another one ends: at most ${limits.join(", ")} at once`)
}

/** `steps`: those of the operation that wait. */
export const ofOperation = (
  operation: Operation,
  steps: ReadonlyArray<OperationStep>,
  facts: Facts
): WaitingFor | null => {
  if (terminal.has(operation.status)) return null
  const { nowMillis } = facts
  const since = operation.startedAtMillis ?? operation.createdAtMillis
  if (operation.status === "parked")
    return {
      reason: "human",
      sinceMillis: since,
      untilMillis: null,
      detail: `parked for a person: ${operation.error?.message ?? "look at its steps"}; then \`rdev operations retry ${operation.id}\``
    }
  const held = operation.leaseOwner !== null && (operation.leaseUntilMillis ?? 0) > nowMillis
  if (!held && !facts.workers.some(({ kinds }) => kinds.includes(driving))) {
    return {
      reason: "no-worker",
      sinceMillis: since,
      untilMillis: null,
      detail: `no worker is registered for operations; ${hire}`
    }
  }
  const waiting = steps.filter(({ status, wait }) => status === "waiting" && wait !== null)
  const asked = waiting.find(({ wait }) => wait?.question != null || wait?.kind === "answer")
  const step = asked ?? waiting[0]
  if (step?.wait != null) {
    const { kind, question, reason, untilMillis } = step.wait
    const detail =
      asked === undefined
        ? `${step.title}: ${kind === "retry" ? "tried again after " : ""}${reason}`
        : `${step.title} asks: ${question ?? reason}`
    return {
      reason: asked === undefined ? (kind === "retry" ? "retry" : "timer") : "human",
      sinceMillis: step.startedAtMillis ?? since,
      untilMillis,
      detail
    }
  }
  if (held || (operation.wakeAtMillis ?? 0) > nowMillis || nowMillis - since < 2_000) return null
  return { reason: "busy", sinceMillis: since, untilMillis: null, detail: "all that run operations are busy" }
}

/** `task`: the one that was queued last for the feature. */
export const ofFeature = (
  decision: { readonly kind: string; readonly approver?: string | null | undefined; readonly reason: string },
  sinceMillis: number,
  task: WorkTask | null,
  facts: Facts
): WaitingFor | null => {
  if (decision.kind === "done") return null
  if (decision.kind === "hold" || (decision.kind === "approve" && decision.approver === "human"))
    return { reason: "human", sinceMillis, untilMillis: null, detail: decision.reason }
  const own = task === null ? null : ofTask(task, facts)
  if (own !== null) return own
  if (task !== null && task.status === "running") return null
  if (!facts.workers.some(({ kinds }) => kinds.includes(driving)))
    return {
      reason: "no-worker",
      sinceMillis,
      untilMillis: null,
      detail: `no worker is registered for ${driving} tasks; ${hire}`
    }
  return decision.kind === "wait"
    ? { reason: "dependency", sinceMillis, untilMillis: null, detail: decision.reason }
    : null
}
