/**
 * Reads a Woodpecker pipeline (`.woodpecker.yml`) into the steps that one machine can run: names, commands, environment, conditions
 * and order. What needs a container engine (services, plugins, matrix, secrets) is refused with its line, never skipped in silence;
 * `image` is recorded and not used.
 */
import { isMap, isSeq, LineCounter, type Node, parseDocument } from "yaml"
import { type Condition, type Pipeline, PipelineError, type Step, type Trigger, type When } from "./Model.ts"
import { Reader, topKeys } from "./Reader.ts"

export * from "./Model.ts"

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
