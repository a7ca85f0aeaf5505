/** Reads the nodes of a pipeline file, following aliases and merges; what is wrong is said with its line. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type Pair,
  type YAMLMap
} from "yaml"
import { type Condition, PipelineError, type Step, type When } from "./Model.ts"

export const topKeys: ReadonlySet<string> = new Set([
  "steps",
  "when",
  "variables",
  "labels",
  "skip_clone",
  "clone",
  "workspace",
  "version"
])
const stepKeys: ReadonlySet<string> = new Set([
  "name",
  "image",
  "pull",
  "commands",
  "environment",
  "when",
  "depends_on",
  "failure",
  "directory"
])
const unsupported: Readonly<Record<string, string>> = {
  services: "needs a container engine; start what the tests need in a command",
  matrix: "is not supported; write the steps out",
  depends_on: "between workflows is not supported; put the steps into one file",
  settings: "is for plugins, which need a container engine; use commands",
  detach: "is not supported; start it in the background of a command (&)",
  secrets: "is not supported here; nothing secret is given to a local pipeline",
  privileged: "is not supported",
  volumes: "is not supported",
  entrypoint: "is not supported; use commands",
  devices: "is not supported",
  network_mode: "is not supported",
  dns: "is not supported",
  backend_options: "is not supported"
}

/** Aliases of one file that are followed; a document can be written so that they unfold without end. */
const maxAliases = 500

export class Reader {
  readonly #file: string
  readonly #counter: LineCounter
  readonly #document: Document
  #aliases = 0
  constructor(file: string, counter: LineCounter, document: Document) {
    this.#file = file
    this.#counter = counter
    this.#document = document
  }
  /** What an alias stands for; any other node is itself. */
  resolve(node: unknown): Node | null {
    if (!isAlias(node)) return (node ?? null) as Node | null
    this.#aliases += 1
    if (this.#aliases > maxAliases) this.fail(node, `more than ${maxAliases} aliases are used`)
    return node.resolve(this.#document) ?? this.fail(node, `*${node.source} is not defined`)
  }
  fail(node: Node | null | undefined, message: string): never {
    const offset = node?.range?.[0]
    const line = offset === undefined ? 1 : this.#counter.linePos(offset).line
    throw new PipelineError(`${this.#file}:${line}: ${message}`)
  }
  /** Names and values of a mapping; those merged in by `<<` stand first, so that the mapping's own win. */
  pairs(
    map: YAMLMap,
    what: string
  ): ReadonlyArray<{ readonly key: string; readonly at: Node; readonly value: Node | null }> {
    return map.items
      .flatMap((pair: Pair<unknown, unknown>) => {
        const at = pair.key as Node
        const value = this.resolve(pair.value)
        if (!isScalar(at) || (typeof at.value !== "string" && typeof at.value !== "symbol"))
          return this.fail(at, `${what}: expected a name`)
        if (at.source !== "<<") return [{ key: String(at.value), at, value }]
        const sources = isSeq(value) ? value.items.map((item) => this.resolve(item)) : [value]
        return sources.flatMap((source) =>
          isMap(source) ? this.pairs(source, what) : this.fail(at, `${what}: << expects a mapping`)
        )
      })
      .sort(
        (a, b) =>
          Number(map.items.some((item) => item.key === a.at)) - Number(map.items.some((item) => item.key === b.at))
      )
  }
  text(node: Node | null, what: string): string {
    if (!isScalar(node) || node.value === null || typeof node.value === "object")
      return this.fail(node, `${what}: expected text`)
    return String(node.value)
  }
  /** A text or a list of texts. */
  texts(node: Node | null, what: string): ReadonlyArray<string> {
    return isSeq(node)
      ? node.items.flatMap((item) => {
          const one = this.resolve(item)
          return isSeq(one) ? this.texts(one, what) : [this.text(one, what)]
        })
      : [this.text(node, what)]
  }
  refuse(at: Node, key: string, known: ReadonlySet<string>, where: string): void {
    const why = unsupported[key]
    if (why !== undefined && !known.has(key)) this.fail(at, `${where}${key} ${why}`)
    if (!known.has(key)) this.fail(at, `${where}${key} is not known here; expected one of ${[...known].join(", ")}`)
  }
  condition(node: Node | null, what: string): Condition {
    if (!isMap(node)) return { include: this.texts(node, what), exclude: [] }
    const found: Record<string, ReadonlyArray<string>> = { include: [], exclude: [] }
    for (const { key, at, value } of this.pairs(node, what)) {
      if (key !== "include" && key !== "exclude") this.fail(at, `${what}: expected include or exclude`)
      found[key] = this.texts(value, what)
    }
    return { include: found["include"] ?? [], exclude: found["exclude"] ?? [] }
  }
  when(node: Node | null, where: string): ReadonlyArray<When> {
    if (isSeq(node)) return node.items.flatMap((item) => this.when(this.resolve(item), where))
    if (!isMap(node)) return this.fail(node, `${where}when: expected conditions`)
    let one: When = { event: null, branch: null, status: ["success"] }
    for (const { key, at, value } of this.pairs(node, "when")) {
      if (key === "event") one = { ...one, event: this.texts(value, "when.event") }
      else if (key === "branch") one = { ...one, branch: this.condition(value, "when.branch") }
      else if (key === "status") one = { ...one, status: this.texts(value, "when.status") }
      // Every path counts as changed: a step runs once too often rather than once too seldom.
      else if (key !== "path")
        this.fail(at, `${where}when.${key} is not supported; expected event, branch, status or path`)
    }
    return [one]
  }
  environment(node: Node | null, where: string): Readonly<Record<string, string>> {
    if (isSeq(node)) {
      return Object.fromEntries(
        node.items.map((item) => {
          const text = this.text(this.resolve(item), `${where}environment`)
          const cut = text.indexOf("=")
          return cut < 1
            ? this.fail(item as Node, `${where}environment: expected NAME=value`)
            : [text.slice(0, cut), text.slice(cut + 1)]
        })
      )
    }
    if (!isMap(node)) return this.fail(node, `${where}environment: expected names and values`)
    return Object.fromEntries(
      this.pairs(node, "environment").map(({ key, at, value }) => {
        if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(key)) this.fail(at, `${where}environment: ${key} is not a variable name`)
        if (isMap(value))
          this.fail(
            at,
            `${where}environment.${key}: secrets are not supported here; nothing secret is given to a local pipeline`
          )
        return [key, isScalar(value) && value.value === null ? "" : this.text(value, `${where}environment.${key}`)]
      })
    )
  }
  step(node: Node | null, givenName: string | null): Step {
    if (!isMap(node)) return this.fail(node, "steps: expected a step with name and commands")
    const named = this.pairs(node, "step").find(({ key }) => key === "name")
    const name = named === undefined ? givenName : this.text(named.value, "name")
    if (name === null || name === "") return this.fail(node, "a step has no name")
    const where = `step "${name}": `
    let step: Step = {
      name,
      image: null,
      commands: [],
      environment: {},
      directory: "",
      when: [],
      dependsOn: null,
      ignoreFailure: false
    }
    for (const { key, at, value } of this.pairs(node, where)) {
      this.refuse(at, key, stepKeys, where)
      if (key === "image") step = { ...step, image: this.text(value, `${where}image`) }
      else if (key === "commands") step = { ...step, commands: this.texts(value, `${where}commands`) }
      else if (key === "environment") step = { ...step, environment: this.environment(value, where) }
      else if (key === "when") step = { ...step, when: this.when(value, where) }
      else if (key === "depends_on")
        step = {
          ...step,
          dependsOn: isSeq(value) && value.items.length === 0 ? [] : this.texts(value, `${where}depends_on`)
        }
      else if (key === "directory") step = { ...step, directory: this.text(value, `${where}directory`) }
      else if (key === "failure") step = { ...step, ignoreFailure: this.text(value, `${where}failure`) === "ignore" }
    }
    if (step.commands.length === 0) this.fail(node, `${where}commands is missing; plugins need a container engine`)
    return step
  }
}
