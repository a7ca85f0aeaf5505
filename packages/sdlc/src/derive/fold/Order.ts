/** Puts events into their one order: every event after its parents, otherwise by id. Names what is wrong with the set. */
import { canonicalJson } from "../../model/Digest.ts"
import type { LoadedEvent } from "../../model/FeatureEvent.ts"
import type { IntegrityError } from "../../model/Observed.ts"

export interface Ordered {
  readonly events: ReadonlyArray<LoadedEvent>
  readonly errors: ReadonlyArray<IntegrityError>
}

const problem = (event: LoadedEvent, text: string, fix: string): IntegrityError => ({
  file: `events/${event.id}-${event.type}.json`,
  problem: text,
  fix
})

/** Everything but the loader's remark about the signature. */
const content = (event: LoadedEvent): string => canonicalJson({ ...event, trusted: undefined })

const unique = (events: ReadonlyArray<LoadedEvent>, errors: Array<IntegrityError>): Map<string, LoadedEvent> => {
  const byId = new Map<string, LoadedEvent>()
  for (const event of events) {
    const known = byId.get(event.id)
    if (known === undefined) byId.set(event.id, event)
    else if (content(known) !== content(event)) {
      // The smaller text stays, so that the outcome does not depend on which copy came first.
      if (content(event) < content(known)) byId.set(event.id, event)
      errors.push(
        problem(known, `two different events have the id ${event.id}`, "restore the original from git history")
      )
    }
  }
  return byId
}

export const order = (events: ReadonlyArray<LoadedEvent>): Ordered => {
  const errors: Array<IntegrityError> = []
  const byId = unique(events, errors)
  const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const done = new Set<string>()
  const onPath = new Set<string>()
  const result: Array<LoadedEvent> = []
  for (const start of sorted) {
    const stack = [start]
    while (stack.length > 0) {
      const event = stack[stack.length - 1] as LoadedEvent
      if (done.has(event.id)) {
        stack.pop()
        continue
      }
      onPath.add(event.id)
      const waiting: Array<LoadedEvent> = []
      for (const parent of event.parents) {
        const found = byId.get(parent)
        if (found === undefined)
          errors.push(
            problem(event, `its parent ${parent} is missing`, "restore the missing event file from git history")
          )
        else if (onPath.has(parent))
          errors.push(
            problem(event, `it is an ancestor of its own parent ${parent}`, "restore both events from git history")
          )
        else if (!done.has(parent)) waiting.push(found)
      }
      if (waiting.length > 0) {
        stack.push(...waiting.sort((a, b) => (a.id < b.id ? 1 : -1)))
        continue
      }
      stack.pop()
      onPath.delete(event.id)
      done.add(event.id)
      result.push(event)
    }
  }
  return { events: result, errors: dedupe(errors) }
}

const dedupe = (errors: ReadonlyArray<IntegrityError>): ReadonlyArray<IntegrityError> =>
  [...new Map(errors.map((error) => [canonicalJson(error), error])).entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, error]) => error)
