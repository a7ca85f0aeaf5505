/**
 * Fields of a YAML file, read by rules that collect every fault with its path and line instead of stopping at the first. Plain data only:
 * anchors, aliases, tags and keys that stand twice are faults, so that what a person reads is what is meant. Pure.
 */
import { isMap, isScalar, isSeq, type LineCounter, type Node, type YAMLMap } from "yaml"
import type { ComponentFault } from "../../domain/components/Component.ts"

/** Told of one file; somebody who reads them repairs a few at a time. */
export const maxFaults = 50

export const shown = (value: unknown): string => {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

export const join = (path: string, key: string | number): string =>
  typeof key === "number" ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`

export class Faults {
  readonly found: Array<ComponentFault> = []
  more = 0
  private readonly lines: LineCounter
  constructor(lines: LineCounter) {
    this.lines = lines
  }

  at(offset: number | undefined, path: string, problem: string, fix: string): void {
    if (this.found.length >= maxFaults) this.more++
    else this.found.push({ path, line: Math.max(1, this.lines.linePos(offset ?? 0).line), problem, fix })
  }

  of(node: Node | null, path: string, problem: string, fix: string): void {
    this.at(node?.range?.[0], path, problem, fix)
  }
}

export interface Field {
  readonly key: string
  readonly keyNode: Node
  readonly value: Node | null
}

/** The entries of a map by key; what is no plain key, or stands twice, is a fault. */
export const fieldsOf = (map: YAMLMap, path: string, faults: Faults): ReadonlyMap<string, Field> => {
  const fields = new Map<string, Field>()
  for (const { key, value } of map.items) {
    const node = key as Node
    if (!isScalar(key) || typeof key.value !== "string") {
      faults.of(node, path, "a key that is no plain text", "Write the field's name without quotes or brackets")
      continue
    }
    if (fields.has(key.value))
      faults.of(node, join(path, key.value), `${shown(key.value)} stands twice`, "Keep one of the two")
    else fields.set(key.value, { key: key.value, keyNode: node, value: (value ?? null) as Node | null })
  }
  return fields
}

/** Fields that nobody knows, each with what there is. */
export const refuseOthers = (
  fields: ReadonlyMap<string, Field>,
  known: ReadonlyArray<string>,
  path: string,
  faults: Faults
): void => {
  for (const { key, keyNode } of fields.values())
    if (!known.includes(key))
      faults.of(
        keyNode,
        join(path, key.slice(0, 60)),
        `there is no field ${shown(key)}`,
        `Remove it, or write one of ${known.join(", ")}`
      )
}

export const valueOf = (node: Node | null): unknown => (isScalar(node) ? node.value : undefined)

export interface Rule<A> {
  /** Undefined when it does not fit. */
  readonly read: (value: unknown) => A | undefined
  readonly problem: string
  readonly fix: string
}

/** A single value; undefined when it is not given, or is a fault. */
export const single = <A>(field: Field | undefined, path: string, rule: Rule<A>, faults: Faults): A | undefined => {
  if (field === undefined) return undefined
  const value = valueOf(field.value)
  const read = value === undefined || value === null ? undefined : rule.read(value)
  if (read === undefined)
    faults.of(
      field.value ?? field.keyNode,
      join(path, field.key),
      isScalar(field.value) && value !== null ? `${shown(value)} ${rule.problem}` : `it has no single value`,
      rule.fix
    )
  return read
}

/** A list of values that are given once each; undefined when it is not given, or anything in it is a fault. */
export const list = <A>(
  field: Field | undefined,
  path: string,
  rule: Rule<A>,
  { most, unique }: { readonly most: number; readonly unique: boolean },
  faults: Faults
): ReadonlyArray<A> | undefined => {
  if (field === undefined) return undefined
  const at = join(path, field.key)
  if (!isSeq(field.value)) {
    faults.of(field.value ?? field.keyNode, at, "it is no list", `Write a list: ${rule.fix}`)
    return undefined
  }
  if (field.value.items.length > most) {
    faults.of(field.value, at, `it has ${field.value.items.length} entries`, `Give at most ${most}`)
    return undefined
  }
  const before = faults.found.length + faults.more
  const seen = new Set<unknown>()
  const values = field.value.items.flatMap((item, i) => {
    const value = valueOf(item as Node)
    const read = value === undefined || value === null ? undefined : rule.read(value)
    if (read === undefined)
      faults.of(
        item as Node,
        join(at, i),
        isScalar(item) && value !== null ? `${shown(value)} ${rule.problem}` : "it has no single value",
        rule.fix
      )
    else if (unique && seen.has(read)) faults.of(item as Node, join(at, i), `${shown(value)} stands twice`, "Keep one")
    seen.add(read)
    return read === undefined ? [] : [read]
  })
  return faults.found.length + faults.more > before ? undefined : values
}

export const isList = (node: Node | null): boolean => isSeq(node)
export const isObject = (node: Node | null): node is YAMLMap => isMap(node)
