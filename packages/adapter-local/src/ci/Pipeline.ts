/**
 * Reads a Woodpecker pipeline (`.woodpecker.yml`) into the steps that one machine can run: names, commands, environment, conditions
 * and order. What needs a container engine (services, plugins, matrix, secrets) is refused with its line, never skipped in silence;
 * `image` is recorded and not used.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap
} from "yaml"

export interface Condition {
  readonly include: ReadonlyArray<string>
  readonly exclude: ReadonlyArray<string>
}
export interface When {
  readonly event: ReadonlyArray<string> | null
  readonly branch: Condition | null
  readonly status: ReadonlyArray<string>
}
export interface Step {
  readonly name: string
  readonly image: string | null
  readonly commands: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  /** Relative to the checkout; "" = its root. */
  readonly directory: string
  /** Runs when any of them matches; empty = always. */
  readonly when: ReadonlyArray<When>
  readonly dependsOn: ReadonlyArray<string> | null
  /** `failure: ignore`: the run stays green. */
  readonly ignoreFailure: boolean
}
export interface Pipeline {
  readonly when: ReadonlyArray<When>
  readonly steps: ReadonlyArray<Step>
}
export interface Trigger {
  readonly event: string
  readonly branch: string
}

/** Wrong at a line; the message begins with `<file>:<line>:`. */
export class PipelineError extends Error {}

const topKeys: ReadonlySet<string> = new Set([
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

class Reader {
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

/** Steps so that each stands after those it depends on; the file's order otherwise. */
const ordered = (
  reader: Reader,
  steps: ReadonlyArray<{ readonly step: Step; readonly node: Node }>
): ReadonlyArray<Step> => {
  const names = new Set(steps.map(({ step }) => step.name))
  for (const { step, node } of steps) {
    for (const needed of step.dependsOn ?? [])
      if (!names.has(needed)) reader.fail(node, `step "${step.name}": depends_on names ${needed}, which is not a step`)
  }
  const done = new Set<string>()
  const result: Array<Step> = []
  while (result.length < steps.length) {
    const next = steps.find(
      ({ step }) => !done.has(step.name) && (step.dependsOn ?? []).every((needed) => done.has(needed))
    )
    if (next === undefined) {
      const stuck = steps.find(({ step }) => !done.has(step.name))
      return reader.fail(stuck?.node, `step "${stuck?.step.name ?? ""}": depends_on goes in a circle`)
    }
    done.add(next.step.name)
    result.push(next.step)
  }
  return result
}

export const parse = (text: string, file: string): Pipeline => {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false, uniqueKeys: true })
  const reader = new Reader(file, counter, document)
  const [problem] = document.errors
  if (problem !== undefined)
    throw new PipelineError(`${file}:${counter.linePos(problem.pos[0]).line}: ${problem.message}`)
  const root = document.contents
  if (!isMap(root)) return reader.fail(root, "expected a pipeline with steps")
  let [when, stepsNode] = [[] as ReadonlyArray<When>, null as Node | null]
  for (const { key, at, value } of reader.pairs(root, "pipeline")) {
    reader.refuse(at, key, topKeys, "")
    if (key === "when") when = reader.when(value, "")
    if (key === "steps") stepsNode = value
  }
  const listed = isSeq(stepsNode)
    ? stepsNode.items.map((item) => ({ step: reader.step(reader.resolve(item), null), node: item as Node }))
    : isMap(stepsNode)
      ? reader.pairs(stepsNode, "steps").map(({ key, at, value }) => ({ step: reader.step(value, key), node: at }))
      : reader.fail(stepsNode ?? root, "steps is missing; expected a list of steps")
  if (listed.length === 0) reader.fail(stepsNode, "steps is empty")
  const seen = new Set<string>()
  for (const { step, node } of listed) {
    if (seen.has(step.name)) reader.fail(node, `two steps are called "${step.name}"`)
    seen.add(step.name)
  }
  return { when, steps: ordered(reader, listed) }
}

const glob = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .split(/(\*\*|\*|\?)/)
      .map((part) =>
        part === "**"
          ? ".*"
          : part === "*"
            ? "[^/]*"
            : part === "?"
              ? "[^/]"
              : part.replace(/[.+^${}()|[\]\\]/g, "\\$&")
      )
      .join("")}$`
  ).test(text)
const accepts = (condition: Condition, text: string): boolean =>
  !condition.exclude.some((pattern) => glob(pattern, text)) &&
  (condition.include.length === 0 || condition.include.some((pattern) => glob(pattern, text)))

/** Whether conditions let something run; `failed` = an earlier step failed. */
export const matches = (when: ReadonlyArray<When>, trigger: Trigger, failed: boolean): boolean =>
  when.length === 0
    ? !failed
    : when.some(
        (one) =>
          (one.event === null || one.event.includes(trigger.event)) &&
          (one.branch === null || accepts(one.branch, trigger.branch)) &&
          one.status.includes(failed ? "failure" : "success")
      )

/** The commands as one shell program that echoes each before it runs and stops at the first that fails. */
export const script = (commands: ReadonlyArray<string>): string => {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`
  return ["set -e", ...commands.flatMap((command) => [`printf '%s\\n' ${quoted(`+ ${command}`)}`, command]), ""].join(
    "\n"
  )
}
