/** A tree from its text. Everything that can be wrong without running it is found here, each problem with its place. Pure. */
import { Result, Schema, SchemaIssue } from "effect"
import { type Document, isScalar, LineCounter, parseDocument, visit } from "yaml"
import * as Plan from "../../operations/Plan.ts"
import * as JsonPath from "./JsonPath.ts"
import * as Template from "./Template.ts"
import { actions, type Tree, TreeHead, type TreeStep } from "./TreeSchema.ts"

export interface Problem {
  /** e.g. `steps[2].path` or `line 4`. */
  readonly at: string
  readonly message: string
}

const maxBytes = 262_144
/** Values of a whole tree: 250 steps with all their fields, many times over. What is larger is refused before anything looks at it twice. */
const maxValues = 20_000
/** Told of a tree; somebody who reads them repairs a few at a time. */
const maxProblems = 50
const strict = { onExcessProperty: "error", errors: "all" } as const
const format = SchemaIssue.makeFormatterStandardSchemaV1()
/** The schema library's word for a field that a step does not have. */
const excess = "Expected no excess property"

/** Each thing that does not fit, with the path to it. */
const misfits = (error: Schema.SchemaError, place: string): ReadonlyArray<Problem> =>
  format(error.issue)
    .issues.slice(0, maxProblems)
    .map((issue) => {
      const path = (issue.path ?? []).map((segment) => (typeof segment === "object" ? segment.key : segment))
      const at = path.reduce<string>(
        (whole, key) =>
          typeof key === "number" ? `${whole}[${key}]` : whole === "" ? String(key) : `${whole}.${String(key)}`,
        place
      )
      return { at: at === "" ? "tree" : at, message: issue.message === excess ? "unknown; remove it" : issue.message }
    })

/** Teardown steps live beside the others under names of their own. */
export const teardownKey = (id: string): string => `teardown.${id}`

const isAction = (name: unknown): name is keyof typeof actions =>
  typeof name === "string" && Object.hasOwn(actions, name)

const decodeStep = (value: unknown, place: string): Result.Result<TreeStep, ReadonlyArray<Problem>> => {
  const action: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "action") : undefined
  if (!isAction(action))
    return Result.fail([
      {
        at: `${place}.action`,
        message: `${action === undefined ? "missing" : `there is no action ${JSON.stringify(action)}`}; there are ${Object.keys(actions).join(", ")}`
      }
    ])
  const decode: (input: unknown) => Result.Result<TreeStep, Schema.SchemaError> = Schema.decodeUnknownResult(
    actions[action] as Schema.Codec<TreeStep>,
    strict
  )
  return Result.mapError(decode(value), (error) => misfits(error, place))
}

/** Keys that stand twice, found in one pass; the library's own check compares each key of a map with all others. */
const doubled = (
  document: Document,
  lineOf: (offset: number) => string
): { readonly problems: ReadonlyArray<Problem>; readonly values: number } => {
  const problems: Array<Problem> = []
  let values = 0
  visit(document, {
    Node: () => (++values > maxValues ? visit.BREAK : undefined),
    Map: (_key, map) => {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        const name = isScalar(key) ? String(key.value) : String(key)
        if (seen.has(name) && problems.length < maxProblems)
          problems.push({
            at: isScalar(key) && key.range ? lineOf(key.range[0]) : "file",
            message: `the key ${name.slice(0, 60)} stands twice`
          })
        seen.add(name)
      }
      return ++values > maxValues ? visit.BREAK : undefined
    }
  })
  return { problems, values }
}

const parsed = (text: string): Result.Result<unknown, ReadonlyArray<Problem>> => {
  if (Buffer.byteLength(text) > maxBytes) return Result.fail([{ at: "file", message: `more than ${maxBytes} bytes` }])
  const lineCounter = new LineCounter()
  const lineOf = (offset: number) => `line ${lineCounter.linePos(offset).line}`
  // The library goes down nested values by calling itself: what is nested too deep throws like anything else that it cannot read.
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false })
    const problems = document.errors
      .slice(0, maxProblems)
      .map((error) => ({ at: lineOf(error.pos[0]), message: error.message }))
    if (problems.length > 0) return Result.fail(problems)
    const found = doubled(document, lineOf)
    if (found.values > maxValues) return Result.fail([{ at: "file", message: `more than ${maxValues} values` }])
    if (found.problems.length > 0) return Result.fail(found.problems)
    const value: unknown = document.toJS({ maxAliasCount: 50 })
    return Result.succeed(value)
  } catch (error) {
    return Result.fail([{ at: "file", message: error instanceof Error ? error.message : String(error) }])
  }
}

const stepsAt = (
  list: ReadonlyArray<unknown>,
  place: string
): { readonly steps: ReadonlyArray<TreeStep>; readonly problems: ReadonlyArray<Problem> } => {
  const decoded = list.map((one, i) => decodeStep(one, `${place}[${i}]`))
  return {
    steps: decoded.flatMap((one) => (Result.isSuccess(one) ? [one.success] : [])),
    problems: decoded.flatMap((one) => (Result.isFailure(one) ? one.failure : []))
  }
}

/** Steps that must have run before this one, through others too. */
const before = (steps: ReadonlyArray<TreeStep>, step: TreeStep): ReadonlySet<string> => {
  const found = new Set<string>()
  const grow = (one: TreeStep): void => {
    for (const key of one.depends_on ?? []) {
      if (found.has(key)) continue
      found.add(key)
      const next = steps.find((other) => other.id === key)
      if (next !== undefined) grow(next)
    }
  }
  grow(step)
  return found
}

const shape = (step: TreeStep): string | null => {
  if (
    step.action === "wait_build" &&
    [step.task, step.feature, step.environment].filter((one) => one !== undefined).length !== 1
  )
    return "give exactly one of task, feature and environment"
  if (step.action === "wait_build" && step.phase !== undefined && step.feature === undefined)
    return "phase belongs to a feature"
  if (step.action !== "assert") return null
  for (const [i, check] of step.checks.entries()) {
    if ((check.at === undefined) === (check.value === undefined))
      return `checks[${i}]: give either at (a path into what was visited) or value`
    if (check.at !== undefined && step.visit === undefined)
      return `checks[${i}].at: nothing is visited; add visit or use value`
    if (["equals", "not_equals", "contains", "exists"].filter((name) => Object.hasOwn(check, name)).length !== 1)
      return `checks[${i}]: give exactly one of equals, not_equals, contains and exists`
    if (check.at !== undefined && JsonPath.parse(check.at)._tag === "None")
      return `checks[${i}].at: ${check.at} is not a path like $.body.name[0]`
  }
  return null
}

const order = (steps: ReadonlyArray<TreeStep>, place: string): ReadonlyArray<Problem> => {
  try {
    Plan.ordered(steps.map((step) => ({ key: step.id, dependsOn: step.depends_on ?? [] })))
    return []
  } catch (error) {
    return [{ at: place, message: error instanceof Error ? error.message : String(error) }]
  }
}

const checked = (tree: Tree): ReadonlyArray<Problem> => {
  const teardown = tree.teardown ?? []
  const vars = new Set(Object.keys(tree.vars ?? {}))
  const problems: Array<Problem> = [...order(tree.steps, "steps"), ...order(teardown, "teardown")]
  const look = (step: TreeStep, at: string, usable: (id: string) => string | null) => {
    const wrong = shape(step)
    if (wrong !== null) problems.push({ at, message: wrong })
    for (const [name, path] of Object.entries(step.outputs ?? {}))
      if (JsonPath.parse(path)._tag === "None")
        problems.push({ at: `${at}.outputs.${name}`, message: `${path} is not a path like $.body.name[0]` })
    for (const { field, reference } of Template.references(step)) {
      const place = `${at}.${field}`
      if (Result.isFailure(reference)) problems.push({ at: place, message: reference.failure })
      else if (reference.success._tag === "Var" && !vars.has(reference.success.name))
        problems.push({
          at: place,
          message: `there is no variable ${reference.success.name}; there are ${[...vars].join(", ") || "none"}`
        })
      else if (reference.success._tag === "Output") {
        const { name, step: id } = reference.success
        const why = usable(id)
        const source = tree.steps.find((one) => one.id === id)
        if (why !== null) problems.push({ at: place, message: why })
        else if (source !== undefined && !Object.hasOwn(source.outputs ?? {}, name))
          problems.push({ at: place, message: `step ${id} has no output ${name}` })
      }
    }
  }
  const exists = (id: string) => (tree.steps.some((one) => one.id === id) ? null : `there is no step ${id}`)
  for (const [i, step] of tree.steps.entries()) {
    const earlier = before(tree.steps, step)
    look(
      step,
      `steps[${i}]`,
      (id) =>
        exists(id) ??
        (earlier.has(id)
          ? null
          : `step ${step.id} uses an output of ${id} without depending on it: add it to depends_on`)
    )
  }
  for (const [i, step] of teardown.entries()) look(step, `teardown[${i}]`, exists)
  return problems
}

export const parse = (text: string): Result.Result<Tree, ReadonlyArray<Problem>> => {
  const value = parsed(text)
  if (Result.isFailure(value)) return Result.fail(value.failure)
  const head = Schema.decodeUnknownResult(TreeHead, strict)(value.success)
  if (Result.isFailure(head)) return Result.fail(misfits(head.failure, ""))
  const steps = stepsAt(head.success.steps, "steps")
  const teardown = stepsAt(head.success.teardown ?? [], "teardown")
  const problems = [...steps.problems, ...teardown.problems]
  if (problems.length > 0) return Result.fail(problems.slice(0, maxProblems))
  const tree: Tree = { ...head.success, steps: steps.steps, teardown: teardown.steps }
  const wrong = checked(tree)
  return wrong.length === 0 ? Result.succeed(tree) : Result.fail(wrong.slice(0, maxProblems))
}

/** The variables of a run: what was given, checked, and the defaults for the rest. */
export const variables = (
  tree: Tree,
  given: Readonly<Record<string, Schema.Json>>
): Result.Result<Readonly<Record<string, Schema.Json>>, ReadonlyArray<Problem>> => {
  const known = tree.vars ?? {}
  const problems: Array<Problem> = Object.keys(given)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => ({
      at: `vars.${name}`,
      message: `the tree ${tree.name} has no such variable; it has ${Object.keys(known).join(", ") || "none"}`
    }))
  const values: Record<string, Schema.Json> = {}
  for (const [name, variable] of Object.entries(known)) {
    const value = given[name] ?? variable.default
    if (value === undefined)
      problems.push({
        at: `vars.${name}`,
        message: `missing${variable.description === undefined ? "" : `: ${variable.description}`}`
      })
    else values[name] = value
  }
  return problems.length === 0 ? Result.succeed(values) : Result.fail(problems.slice(0, maxProblems))
}
