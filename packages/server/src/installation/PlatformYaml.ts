/**
 * The text of a platform file as plain data and the line of everything in it. Only what has one meaning is read: no anchors, no tags, no
 * second document, no key twice, within bounds. What is wrong is told by its place, never by the text itself, which may hold a secret.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit, type YAMLError } from "yaml"
import { type Fault, fault } from "./Fault.ts"

export const maxBytes = 262_144
const maxDepth = 16
/** More is not read: the first ones are mended first. */
const maxFaults = 50

/** Data without prototypes: a key may have any name. */
export type Value = string | number | boolean | null | ReadonlyArray<Value> | { readonly [key: string]: Value }
export interface Read {
  readonly value: Value
  /** By path; that of the key where there is one. */
  readonly lines: ReadonlyMap<string, number>
  readonly faults: ReadonlyArray<Fault>
}

export const join = (path: string, key: string | number): string =>
  path === "" ? String(key) : typeof key === "number" ? `${path}[${key}]` : `${path}.${key}`

/** The parser's own messages may hold pieces of the text. */
const saidOf = ({ code }: YAMLError): readonly [problem: string, fix: string] => {
  switch (code) {
    case "DUPLICATE_KEY":
      return ["this key stands twice", "Remove one of them"]
    case "TAB_AS_INDENT":
      return ["a tab indents this line", "Indent with spaces"]
    case "BAD_ALIAS":
      return ["an alias (*name) has no anchor", "Write the value out; a text that begins with * needs quotes"]
    case "MULTIPLE_DOCS":
      return ["a second document begins here", "Keep one document: remove the line ---"]
    case "TAG_RESOLVE_FAILED":
      return ["a tag (!name) is not known", "Remove it; a text that begins with ! needs quotes"]
    case "MULTILINE_IMPLICIT_KEY":
    case "BLOCK_AS_IMPLICIT_KEY":
      return [
        "this is no key on one line",
        "Write key: value, one on each line, with spaces before those that belong to it"
      ]
    case "MISSING_CHAR":
      return ["a quote, bracket or comma is missing", "Close what is open"]
    case "BAD_INDENT":
      return ["this line stands at an unexpected depth", "Give keys that belong together the same number of spaces"]
    default:
      return ["this is no YAML", "See the line; texts with : # { [ & * ! or a quote in them need quotes"]
  }
}

class Reader {
  readonly lines = new Map<string, number>()
  readonly faults: Array<Fault> = []

  private readonly counter: LineCounter

  constructor(counter: LineCounter) {
    this.counter = counter
  }

  private lineOf(node: Node | null | undefined): number {
    return this.counter.linePos(node?.range?.[0] ?? 0).line || 1
  }
  private tell(path: string, node: Node | null | undefined, problem: string, fix: string): null {
    if (this.faults.length < maxFaults) this.faults.push(fault(path, this.lineOf(node), problem, fix))
    return null
  }

  read(node: Node | null, path: string, depth: number): Value {
    if (node === null) return null
    if (!this.lines.has(path)) this.lines.set(path, this.lineOf(node))
    if (depth > maxDepth) return this.tell(path, node, `it is nested more than ${maxDepth} deep`, "Write it flatter")
    if (isAlias(node)) return this.tell(path, node, "anchors and aliases are not read here", "Write the value out")
    if (isScalar(node)) return this.scalar(node.value, node, path)
    if (isSeq(node)) return node.items.map((item, i) => this.read(item as Node | null, join(path, i), depth + 1))
    if (!isMap(node)) return this.tell(path, node, "this is no value", "Write text, a number, a list or keys")
    const map: { [key: string]: Value } = Object.create(null)
    for (const { key, value } of node.items) {
      const name: unknown = isScalar(key) ? key.value : undefined
      const at = key as Node
      if (typeof name !== "string") this.tell(path, at, "this key is no text", "Write a name, or put it into quotes")
      else if (name === "<<") this.tell(join(path, name), at, "keys are not merged here", "Write them out")
      else {
        const inner = join(path, name)
        this.lines.set(inner, this.lineOf(at))
        map[name] = this.read(value as Node | null, inner, depth + 1)
      }
    }
    return map
  }

  private scalar(value: unknown, node: Node, path: string): Value {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value
    if (typeof value === "number" && Number.isFinite(value)) return value
    return this.tell(path, node, "this is no plain value", "Write text in quotes, a number, true or false")
  }
}

export const read = (bytes: Uint8Array): Read => {
  const wrong = (line: number, problem: string, fix: string): Read => ({
    value: null,
    lines: new Map(),
    faults: [fault("", line, problem, fix)]
  })
  if (bytes.byteLength > maxBytes)
    return wrong(1, `the file has more than ${maxBytes} bytes`, "Keep what it says short")
  let text: string
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return wrong(1, "the file is no UTF-8 text", "Save it as UTF-8")
  }
  const counter = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: counter,
    prettyErrors: false,
    uniqueKeys: true,
    version: "1.2",
    schema: "core",
    merge: false,
    stringKeys: false
  })
  const broken = [...document.errors, ...document.warnings].slice(0, maxFaults).map((error) => {
    const [problem, fix] = saidOf(error)
    return fault("", counter.linePos(error.pos[0]).line, problem, fix)
  })
  if (broken.length > 0) return { value: null, lines: new Map(), faults: broken }
  // Before anything is followed: what they stand for may grow without end.
  let anchor: number | null = null
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node) && (node.anchor ?? "") === "") return undefined
      anchor = counter.linePos(node.range?.[0] ?? 0).line
      return visit.BREAK
    }
  })
  if (anchor !== null) return wrong(anchor, "anchors (&) and aliases (*) are not read here", "Write the value out")
  const reader = new Reader(counter)
  const value = reader.read(document.contents, "", 0)
  return { value, lines: reader.lines, faults: reader.faults }
}
