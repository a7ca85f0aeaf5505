/** How events about tasks change the state. */
import { canonicalJson } from "../../model/Digest.ts"
import type { WorkData } from "../../model/events/Work.ts"
import type { EventOf } from "../../model/FeatureEvent.ts"
import type { Principal } from "../../model/Principal.ts"
import type { Task, TaskOrigin, TaskSpec, TaskStatus } from "../../model/Task.ts"
import { type Builder, failed, type Handlers, recorded } from "./Builder.ts"

type Types = keyof WorkData

const definition = ({ covers, deps, title, verify, writes }: TaskSpec): string =>
  canonicalJson([title, deps, covers, writes, verify])

const fresh = (spec: TaskSpec, origin: TaskOrigin, event: string): Task => ({
  ...spec,
  origin,
  status: "todo",
  failures: 0,
  event
})

const freeId = (tasks: ReadonlyMap<string, Task>): string => {
  const highest = Math.max(0, ...[...tasks.keys()].map((id) => Number(id.slice("task-".length))))
  return `task-${String(highest + 1).padStart(3, "0")}`
}

const materialise = (state: Builder, event: EventOf<"tasks-materialised">): void => {
  const { planHash, tasks } = event.data
  const planned = new Set(tasks.map((spec) => spec.id))
  for (const [id, task] of state.tasks) {
    if (task.origin === "plan" && !planned.has(id)) state.tasks.delete(id)
  }
  for (const spec of tasks) {
    const known = state.tasks.get(spec.id)
    if (known?.origin === "plan" && definition(known) === definition(spec)) continue
    state.tasks.set(spec.id, fresh(spec, "plan", event.id))
    // A fix keeps its work under another id when the new plan takes its number.
    if (known !== undefined && known.origin !== "plan") {
      const id = freeId(state.tasks)
      state.tasks.set(id, { ...known, id })
    }
  }
  state.plan = { hash: planHash, ...recorded(event) }
}

const addFixes = (state: Builder, event: EventOf<"fix-tasks-added">): void => {
  const { origin, tasks } = event.data
  for (const spec of tasks) {
    const known = state.tasks.get(spec.id)
    if (
      known !== undefined &&
      known.origin === origin &&
      definition(known) === definition(spec) &&
      known.status !== "done"
    )
      continue
    // Two branches may have taken one number for two fixes: neither may get lost.
    const id = known === undefined ? spec.id : freeId(state.tasks)
    state.tasks.set(id, fresh({ ...spec, id }, origin, event.id))
  }
  if (origin !== "plan" && origin !== "ci") state.rework++
  state.fixesPlanned = true
}

const codedBy = (state: Builder, by: Principal): void =>
  void state.coders.set(`${by.type} ${by.id} ${by.session ?? ""}`, by)

const move = (
  state: Builder,
  event: EventOf<"task-started" | "task-claimed" | "task-verified" | "task-failed" | "task-blocked" | "task-unblocked">,
  from: ReadonlyArray<TaskStatus>,
  status: TaskStatus,
  extra: Partial<Task> = {}
): boolean => {
  const task = state.tasks.get(event.data.task)
  if (task === undefined || !from.includes(task.status)) return false
  const { evidence: _, reason: __, ...rest } = task
  state.tasks.set(task.id, { ...rest, ...extra, status, event: event.id })
  return true
}

export const workHandlers: Handlers<Types> = {
  "tasks-materialised": materialise,
  "fix-tasks-added": addFixes,
  "task-started": (state, event) => {
    if (move(state, event, ["todo", "failed", "running"], "running")) codedBy(state, event.actor)
  },
  "task-claimed": (state, event) => {
    if (move(state, event, ["todo", "running", "failed"], "claimed")) codedBy(state, event.actor)
  },
  "task-verified": (state, event) => {
    // Whoever claims does not verify: an agent's word about its own work stays a claim.
    if (event.actor.type !== "agent")
      move(state, event, ["claimed", "running", "todo", "failed"], "done", { evidence: event.data.evidence })
  },
  "task-failed": (state, event) => {
    if (move(state, event, ["claimed", "running", "todo", "done"], "failed", { reason: event.data.reason }))
      failed(state, event.data.task)
  },
  "task-blocked": (state, event) =>
    void move(state, event, ["todo", "running", "claimed", "failed"], "blocked", { reason: event.data.reason }),
  "task-unblocked": (state, event) => void move(state, event, ["blocked"], "todo")
}
