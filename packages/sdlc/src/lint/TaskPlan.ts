/**
 * Reads and checks `tasks.md`: a graph of tasks, each with the requirements it covers, the paths it writes and the commands that verify it.
 *
 * Promises the tasks in file order. Ticked boxes are shown by `ticked` but mean nothing: status lives in events.
 */
import type { Collector } from "./Finding.ts"
import * as Markdown from "./Markdown.ts"
import { checkId, checkUnique } from "./Spec.ts"

export interface PlannedTask {
  readonly id: string
  readonly title: string
  readonly line: number
  readonly ticked: boolean
  readonly deps: ReadonlyArray<string>
  readonly covers: ReadonlyArray<string>
  readonly writes: ReadonlyArray<string>
  readonly verify: ReadonlyArray<string>
}

const names: Record<string, "deps" | "covers" | "writes" | "verify"> = {
  depends: "deps",
  "depends on": "deps",
  deps: "deps",
  dependencies: "deps",
  after: "deps",
  covers: "covers",
  requirements: "covers",
  writes: "writes",
  files: "writes",
  verify: "verify",
  verifies: "verify",
  verification: "verify"
}

const task = (entry: Markdown.Entry): PlannedTask => {
  const found: Record<"deps" | "covers" | "writes" | "verify", Array<string>> = {
    deps: [],
    covers: [],
    writes: [],
    verify: []
  }
  for (const field of Markdown.fields(entry)) {
    const name = names[field.name]
    if (name === undefined) continue
    found[name].push(...(name === "verify" ? Markdown.commands(field.values) : Markdown.items(field.values)))
  }
  return { id: entry.id, title: entry.title, line: entry.line, ticked: entry.ticked, ...found }
}

export const read = (document: Markdown.Document): ReadonlyArray<PlannedTask> =>
  Markdown.entries(document, ["task"]).map(task)

/** One cycle of the dependency graph as a path that ends where it starts, or `null`. Iterative: a long chain cannot overflow the stack. */
export const cycle = (tasks: ReadonlyArray<Pick<PlannedTask, "id" | "deps">>): ReadonlyArray<string> | null => {
  const deps = new Map(tasks.map((entry) => [entry.id, entry.deps]))
  const done = new Set<string>()
  for (const root of deps.keys()) {
    const path: Array<{ readonly id: string; next: number }> = [{ id: root, next: 0 }]
    const on = new Set([root])
    while (!done.has(root)) {
      const top = path.at(-1)
      if (top === undefined) break
      const dep = deps.get(top.id)?.[top.next++]
      if (dep === undefined) {
        done.add(top.id)
        on.delete(top.id)
        path.pop()
      } else if (on.has(dep)) {
        const ids = path.map((step) => step.id)
        return [...ids.slice(ids.indexOf(dep)), dep]
      } else if (deps.has(dep) && !done.has(dep)) {
        path.push({ id: dep, next: 0 })
        on.add(dep)
      }
    }
  }
  return null
}

const checkTask = (
  collect: Collector,
  entry: PlannedTask,
  known: ReadonlySet<string>,
  requirements: ReadonlySet<string> | null
): void => {
  if (entry.title === "")
    collect.error("task-title", entry.line, `${entry.id} has no title.`, `write "${entry.id}: <what it delivers>".`)
  const dangling = entry.deps.filter((dep) => !known.has(dep))
  if (dangling.length > 0)
    collect.error(
      "unknown-dependency",
      entry.line,
      `${entry.id} depends on ${dangling.join(", ")}, which the plan does not define.`,
      "name an existing task or remove the dependency."
    )
  const unknown = requirements === null ? [] : entry.covers.filter((id) => !requirements.has(id))
  if (unknown.length > 0)
    collect.error(
      "unknown-requirement",
      entry.line,
      `${entry.id} covers ${unknown.join(", ")}, which the spec does not define.`,
      "name an existing requirement."
    )
  if (entry.covers.length === 0)
    collect.warning(
      "covers-missing",
      entry.line,
      `${entry.id} covers no requirement.`,
      'add "- covers: REQ-001" or drop the task.'
    )
  if (entry.writes.length === 0)
    collect.warning(
      "writes-missing",
      entry.line,
      `${entry.id} does not say which paths it writes, so it cannot run beside other tasks.`,
      'add "- writes: src/**".'
    )
  if (entry.verify.length === 0)
    collect.error("verify-missing", entry.line, `${entry.id} cannot be verified.`, 'add "- verify: `npm test`".')
}

export const check = (
  collect: Collector,
  document: Markdown.Document,
  requirements: ReadonlyArray<{ readonly id: string }> | null
): ReadonlyArray<PlannedTask> => {
  const all = Markdown.entries(document, ["task"])
  for (const entry of all) checkId(collect, entry, "task")
  checkUnique(collect, all)
  const tasks = all.map(task)
  if (tasks.length === 0) {
    collect.error(
      "no-tasks",
      1,
      "The plan has no task.",
      'add a heading or list item that starts with "task-001: <title>", with covers, writes and verify below it.'
    )
  }
  const known = new Set(tasks.map((entry) => entry.id))
  const ids = requirements === null ? null : new Set(requirements.map((requirement) => requirement.id))
  for (const entry of tasks) checkTask(collect, entry, known, ids)
  const loop = cycle(tasks)
  if (loop !== null) {
    const line = tasks.find((entry) => entry.id === loop[0])?.line ?? 1
    collect.error(
      "dependency-cycle",
      line,
      `The tasks wait for each other: ${loop.join(" \u2192 ")}.`,
      "remove one of these dependencies."
    )
  }
  const covered = new Set(tasks.flatMap((entry) => entry.covers))
  for (const requirement of requirements ?? []) {
    if (tasks.length > 0 && !covered.has(requirement.id))
      collect.error(
        "uncovered-requirement",
        1,
        `No task covers ${requirement.id}.`,
        `add "- covers: ${requirement.id}" to the task that delivers it.`
      )
  }
  return tasks
}
