/** Facts about tasks, and which of them is next. */
import type { Facts } from "../model/Facts.ts"
import type { FeatureState } from "../model/FeatureState.ts"
import type { Task, TaskStatus } from "../model/Task.ts"

/** The plan's tasks count only while they stem from the plan as it is now; fixes always count. */
export const liveTasks = (state: FeatureState): ReadonlyArray<Task> =>
  planIsCurrent(state) ? state.tasks : state.tasks.filter((task) => task.origin !== "plan")

export const planIsCurrent = (state: FeatureState): boolean =>
  state.plan !== undefined && state.plan.hash === state.documents.tasks.hash

/** Status as far as it is shown: done without evidence at hand is a claim. */
export const statusOf = (state: FeatureState, task: Task): TaskStatus => {
  const atHand = state.observed.evidence
  return task.status === "done" &&
    atHand !== undefined &&
    (task.evidence === undefined || !atHand.includes(task.evidence))
    ? "claimed"
    : task.status
}

export const tasksWith = (state: FeatureState, status: TaskStatus): ReadonlyArray<Task> =>
  liveTasks(state).filter((task) => statusOf(state, task) === status)

/** Tasks to do whose dependencies are all done, in order of id. A dependency that does not exist is never done. */
export const readyTasks = (state: FeatureState): ReadonlyArray<Task> => {
  const done = new Set(tasksWith(state, "done").map((task) => task.id))
  return tasksWith(state, "todo").filter((task) => task.deps.every((dep) => done.has(dep)))
}

/** Tasks that cannot go on by themselves: blocked ones, and those that wait for something that will never come while nothing else moves. */
export const blockedTasks = (state: FeatureState): ReadonlyArray<Task> => {
  const blocked = tasksWith(state, "blocked")
  if (blocked.length > 0) return blocked
  const moving =
    readyTasks(state).length > 0 ||
    (["claimed", "failed", "running"] as const).some((status) => tasksWith(state, status).length > 0)
  return moving ? [] : tasksWith(state, "todo")
}

export const taskFacts = (
  state: FeatureState
): Pick<Facts, "tNone" | "tVerify" | "tFailed" | "tReady" | "tRunning" | "tBlocked"> => ({
  tNone: !planIsCurrent(state),
  tVerify: tasksWith(state, "claimed").length > 0,
  tFailed: tasksWith(state, "failed").length > 0,
  tReady: readyTasks(state).length > 0,
  tRunning: tasksWith(state, "running").length > 0,
  tBlocked: blockedTasks(state).length > 0
})

/** The part of a glob before its first wildcard. */
const fixedPart = (glob: string): string => {
  const wild = glob.search(/[*?[{!(]/)
  return wild < 0 ? glob : glob.slice(0, wild)
}

const overlap = (a: string, b: string): boolean => {
  const x = fixedPart(a)
  const y = fixedPart(b)
  const literal = x === a && y === b
  // Two plain paths meet when they are equal or one is a folder of the other; a wildcard may reach anything below its fixed part.
  return literal ? x === y || x.startsWith(`${y}/`) || y.startsWith(`${x}/`) : x.startsWith(y) || y.startsWith(x)
}

/** Whether two tasks may run side by side. A task that does not say what it writes may write anything. */
export const disjointWrites = (a: Task, b: Task): boolean =>
  a.writes.length > 0 && b.writes.length > 0 && !a.writes.some((x) => b.writes.some((y) => overlap(x, y)))

/** Ready tasks that may run beside the first one and beside each other. */
export const batchOf = (ready: ReadonlyArray<Task>): ReadonlyArray<Task> => {
  const chosen: Array<Task> = ready.slice(0, 1)
  for (const task of ready.slice(1)) if (chosen.every((other) => disjointWrites(other, task))) chosen.push(task)
  return chosen.slice(1)
}
