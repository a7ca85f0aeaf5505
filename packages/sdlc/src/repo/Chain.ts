/**
 * The order and the hash chain of a feature's events.
 *
 * Promises one order for one set of events, however many branches wrote them: parents before children, then by id. An event
 * whose parent is missing, altered or later than itself is named; it never takes part.
 */
import type { FeatureEvent } from "../model/FeatureEvent.ts"
import { canonicalJson, sha256 } from "./Digest.ts"

/** Digest over the canonical bytes of the parents, in the order of their ids; what an event's `chain` must be. */
export const chainOf = (parents: ReadonlyArray<FeatureEvent>): string => {
  const sorted = [...parents].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return `sha256:${sha256(sorted.map((parent) => sha256(canonicalJson(parent))).join("\n"))}`
}

export interface Broken {
  readonly id: string
  readonly problem: string
}

export interface Ordered {
  readonly events: ReadonlyArray<FeatureEvent>
  /** Events nobody names as a parent: the parents of the next event. */
  readonly heads: ReadonlyArray<FeatureEvent>
  readonly broken: ReadonlyArray<Broken>
}

class Heap {
  private readonly ids: Array<string> = []
  get size(): number {
    return this.ids.length
  }
  push(id: string): void {
    let low = 0
    let high = this.ids.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.ids[middle] ?? "") > id) low = middle + 1
      else high = middle
    }
    this.ids.splice(low, 0, id)
  }
  pop(): string | undefined {
    return this.ids.pop()
  }
}

const checkOne = (event: FeatureEvent, byId: ReadonlyMap<string, FeatureEvent>): string | null => {
  const missing = event.parents.filter((id) => !byId.has(id))
  if (missing.length > 0) return `its parent ${missing.join(", ")} is missing`
  if (new Set(event.parents).size !== event.parents.length) return "it names a parent twice"
  if (event.parents.includes(event.id)) return "it is its own parent"
  if (event.parents.length === 0)
    return event.type === "feature-created" ? null : "it has no parents, which only feature-created may lack"
  if (event.chain === undefined) return "it has no chain digest"
  const parents = event.parents.flatMap((id) => byId.get(id) ?? [])
  return event.chain === chainOf(parents)
    ? null
    : `its chain digest does not fit its parents (${event.parents.join(", ")}): one of them was altered after it was written`
}

export const order = (events: ReadonlyArray<FeatureEvent>): Ordered => {
  const byId = new Map(events.map((event) => [event.id, event]))
  const broken: Array<Broken> = []
  const children = new Map<string, Array<string>>()
  const waits = new Map<string, number>()
  const ready = new Heap()
  for (const event of byId.values()) {
    const problem = checkOne(event, byId)
    if (problem !== null) broken.push({ id: event.id, problem })
    const parents = [...new Set(event.parents)].filter((id) => byId.has(id))
    waits.set(event.id, parents.length)
    for (const parent of parents) {
      const list = children.get(parent)
      if (list === undefined) children.set(parent, [event.id])
      else list.push(event.id)
    }
    if (parents.length === 0) ready.push(event.id)
  }
  const sorted: Array<FeatureEvent> = []
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    const event = byId.get(id)
    if (event !== undefined) sorted.push(event)
    waits.delete(id)
    for (const child of children.get(id) ?? []) {
      const left = (waits.get(child) ?? 1) - 1
      waits.set(child, left)
      if (left === 0) ready.push(child)
    }
  }
  for (const id of waits.keys()) broken.push({ id, problem: "it is its own ancestor" })
  return { events: sorted, heads: sorted.filter((event) => !children.has(event.id)), broken }
}
