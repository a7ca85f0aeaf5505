/**
 * Open features that touch the same requirement of the living specs. Pure, and linear in the number of features: each is told of a few
 * others by name and of the rest by number.
 */
import type { Operation } from "./Delta.ts"

export interface Touch {
  readonly feature: string
  readonly operation: Operation | "plain"
  readonly name: string
  readonly key: string
  /** Path of the living spec; `null` = it is not said, and any may be meant. */
  readonly spec: string | null
  readonly file: string
  readonly line: number
}

export interface Overlap {
  readonly touch: Touch
  /** At most three of them. */
  readonly others: ReadonlyArray<Touch>
  /** How many there are in all. */
  readonly count: number
}

const mostShown = 3

interface Group {
  /** Features of the group in order, each with its first touch. */
  readonly touches: Map<string, Touch>
}

const add = (groups: Map<string, Group>, name: string, touch: Touch): void => {
  const group = groups.get(name) ?? { touches: new Map() }
  groups.set(name, group)
  if (!group.touches.has(touch.feature)) group.touches.set(touch.feature, touch)
}

const firstOf = (group: Group | undefined, except: string): ReadonlyArray<Touch> => {
  const found: Array<Touch> = []
  for (const touch of group?.touches.values() ?? []) {
    if (touch.feature !== except) found.push(touch)
    if (found.length === mostShown) break
  }
  return found
}

const others = (group: Group | undefined, except: string): number =>
  group === undefined ? 0 : group.touches.size - (group.touches.has(except) ? 1 : 0)

/** Finds what touches the same; `asked` are the touches to answer for, of one feature or of all. */
export const overlaps = (all: ReadonlyArray<Touch>, asked: ReadonlyArray<Touch>): ReadonlyArray<Overlap> => {
  const exact = new Map<string, Group>()
  const any = new Map<string, Group>()
  for (const touch of all) {
    add(any, touch.key, touch)
    add(exact, `${touch.spec ?? ""}\0${touch.key}`, touch)
  }
  return asked.flatMap((touch): ReadonlyArray<Overlap> => {
    // A touch that names no spec may mean any of them; one that does meets its own kind and those.
    const groups =
      touch.spec === null
        ? [any.get(touch.key)]
        : [exact.get(`${touch.spec}\0${touch.key}`), exact.get(`\0${touch.key}`)]
    const found = new Map(
      groups.flatMap((group) => firstOf(group, touch.feature)).map((other) => [other.feature, other] as const)
    )
    if (found.size === 0) return []
    const count = groups.reduce((sum, group) => sum + others(group, touch.feature), 0)
    return [{ touch, others: [...found.values()].slice(0, mostShown), count: Math.max(found.size, count) }]
  })
}

const verbs: Readonly<Record<Touch["operation"], string>> = {
  added: "adds",
  modified: "modifies",
  removed: "removes",
  renamed: "renames",
  plain: "describes"
}

const said = (touch: Touch): string => `${touch.feature} ${verbs[touch.operation]} it too (${touch.file}:${touch.line})`

/** One overlap as a sentence for whoever works on the feature. */
export const sentence = ({ count, others: known, touch }: Overlap): string => {
  const more = count - known.length
  return `"${touch.name}"${touch.spec === null ? "" : ` of ${touch.spec}`}: ${known.map(said).join(", ")}${more > 0 ? ` and ${more} more` : ""}.`
}

export const advice = "agree on who goes first; the other builds on what that one leaves, or depends on it."
