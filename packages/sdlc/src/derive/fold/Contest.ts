/**
 * Tasks that several began side by side: in two work trees or branches, each without the other's event in its past. One file per event lets both
 * merge without a conflict, so somebody has to say it. Pure.
 */
import type { LoadedEvent } from "../../model/FeatureEvent.ts"
import type { FeatureState } from "../../model/FeatureState.ts"
import type { Task } from "../../model/Task.ts"
import { recorded } from "./Builder.ts"

type Begun = Extract<LoadedEvent, { readonly type: "task-started" | "task-claimed" }>

const samePrincipal = (a: Begun["actor"], b: Begun["actor"]): boolean =>
  a.id === b.id && a.type === b.type && a.session === b.session

/** Whether `later` has `earlier` in its past. `events` are in order, parents first. */
const knows = (later: LoadedEvent, earlier: LoadedEvent, byId: ReadonlyMap<string, LoadedEvent>): boolean => {
  const seen = new Set<string>()
  const open = [later.id]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === earlier.id) return true
    for (const parent of byId.get(id)?.parents ?? []) {
      if (seen.has(parent)) continue
      seen.add(parent)
      open.push(parent)
    }
  }
  return false
}

/** Only tasks that are still being worked on: one that was done or failed since needs nobody to step back. */
export const contested = (
  events: ReadonlyArray<LoadedEvent>,
  tasks: ReadonlyArray<Task>
): FeatureState["contested"] => {
  const open = new Set(
    tasks.filter((task) => task.status === "running" || task.status === "claimed").map((task) => task.id)
  )
  if (open.size === 0) return []
  const byTask = new Map<string, Array<Begun>>()
  for (const event of events) {
    if ((event.type !== "task-started" && event.type !== "task-claimed") || !open.has(event.data.task)) continue
    byTask.set(event.data.task, [...(byTask.get(event.data.task) ?? []), event as Begun])
  }
  const suspects = [...byTask].filter(([, begun]) =>
    begun.some((one) => !samePrincipal(one.actor, (begun[0] as Begun).actor))
  )
  if (suspects.length === 0) return []
  const byId = new Map(events.map((event) => [event.id, event]))
  return suspects.flatMap(([task, begun]) => {
    const apart = begun.filter((one) =>
      begun.some(
        (other) => !samePrincipal(one.actor, other.actor) && !knows(one, other, byId) && !knows(other, one, byId)
      )
    )
    return apart.length === 0 ? [] : [{ task, by: apart.map(recorded) }]
  })
}
