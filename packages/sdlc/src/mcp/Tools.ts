/** The tools that agents get over MCP, with the shapes of what they take and answer. Each is a command of the CLI; none approves, merges or releases. */

export type Json = Readonly<Record<string, unknown>>

export interface Parameter {
  readonly description: string
  readonly required?: true
  readonly enum?: ReadonlyArray<string>
  /** Handed on as `--flag value` instead of as a word. */
  readonly flag?: string
  /** A switch that shapes the answer and is not handed on. */
  readonly shapes?: true
}

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly argv: ReadonlyArray<string>
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly readOnly: boolean
  readonly outputs: Json
}

const text = { type: "string" }
const number = { type: "integer" }
const list = { type: "array" }
const objects = { type: "array", items: { type: "object" } }
const texts = { type: "array", items: text }

const object = (properties: Json, ...required: ReadonlyArray<string>): Json => ({
  type: "object",
  properties,
  required,
  additionalProperties: true
})

const decisionFields = {
  feature: text,
  phase: text,
  rule: text,
  action: text,
  actor: { type: "string", enum: ["agent", "human", "platform", "policy"] },
  kind: { type: "string", enum: ["do", "approve", "wait", "hold", "move", "done"] },
  reason: text,
  facts: objects,
  taskId: text,
  batch: texts,
  command: {
    type: "string",
    description: "The agent command (sdlc-<command>, also a prompt of this server) that carries the step out."
  },
  subjects: texts,
  idempotencyKey: text,
  skipped: {
    ...objects,
    description: "Only when asked for: the rules that come before the one that hit, and why they do not."
  }
}
const decisionRequired = ["feature", "phase", "rule", "action", "actor", "kind", "reason", "facts"] as const
const decision = object(decisionFields, ...decisionRequired)

const overlaps = {
  ...objects,
  description:
    "Other open features that touch the same requirement of a living spec; settle with them before you build on it."
}

/** What a command answered, with its exit code. */
const answer = (properties: Json, ...required: ReadonlyArray<string>): Json =>
  object({ ...properties, exitCode: number }, ...required, "exitCode")

const feature: Parameter = {
  description: "Feature; may be left out when the project or the branch makes it clear.",
  flag: "feature"
}
const task: Parameter = { description: "Task id, such as task-001.", required: true }
const reason: Parameter = { description: "What happened, for whoever reads it later.", required: true, flag: "reason" }
const document: Parameter = {
  description: "Which document.",
  required: true,
  enum: ["spec", "design", "tasks", "qa-plan"]
}
const skipped: Parameter = {
  description: "true: also list the rules that were passed over, and why (long).",
  shapes: true
}

const tool = (
  name: string,
  title: string,
  description: string,
  argv: ReadonlyArray<string>,
  outputs: Json,
  parameters: Tool["parameters"] = {},
  readOnly = false
): Tool => ({ name, title, description, argv, outputs, parameters: { ...parameters, feature }, readOnly })

const recorded = answer({ task: text, verb: text, next: decision }, "next")

export const tools: ReadonlyArray<Tool> = [
  {
    ...tool(
      "sdlc_features",
      "Features",
      "All features with their phase.",
      ["features"],
      answer({ features: objects }, "features"),
      {},
      true
    ),
    parameters: {}
  },
  tool(
    "sdlc_next",
    "Next step",
    "The one next step of a feature: action, who acts, why, and which command handles it.",
    ["next"],
    answer({ ...decisionFields, errors: list, warnings: list }, ...decisionRequired),
    { skipped },
    true
  ),
  tool(
    "sdlc_why",
    "Why this step",
    "The rule behind the next step, the facts it read and where they come from.",
    ["why"],
    answer(
      { decision, conditions: objects, facts: objects, gates: objects, untrusted: list, because: texts, overlaps },
      "decision",
      "facts"
    ),
    { skipped },
    true
  ),
  tool(
    "sdlc_why_not",
    "Why not another step",
    "What stands in the way of an action.",
    ["why-not"],
    answer(
      { action: text, due: { type: "boolean" }, obstacles: objects, next: decision },
      "action",
      "due",
      "obstacles",
      "next"
    ),
    { action: { description: "Action, such as implement-task or merge.", required: true }, skipped },
    true
  ),
  tool(
    "sdlc_explain",
    "The way ahead",
    "What is left until the feature is released.",
    ["explain"],
    answer({ steps: objects, next: decision }, "steps", "next"),
    { skipped },
    true
  ),
  tool(
    "sdlc_status",
    "Status",
    "Documents, tasks and open points of a feature.",
    ["status"],
    answer(
      {
        feature: { type: "object" },
        phase: text,
        lifecycle: text,
        integrity: text,
        documents: objects,
        tasks: objects,
        facts: { type: "object" },
        overlaps,
        next: decision
      },
      "feature",
      "phase",
      "documents",
      "tasks",
      "next"
    ),
    { skipped },
    true
  ),
  tool(
    "sdlc_findings",
    "Findings",
    "Findings on the present code.",
    ["findings"],
    answer({ findings: objects }, "findings"),
    {},
    true
  ),
  tool(
    "sdlc_lint",
    "Lint",
    "Lint errors and open questions of a feature's documents, with file, line and fix.",
    ["lint"],
    answer(
      { findings: objects, questions: objects, errors: number, warnings: number },
      "findings",
      "questions",
      "errors",
      "warnings"
    ),
    {},
    true
  ),
  tool(
    "sdlc_submit",
    "Submit a document",
    "Hand in a document for approval by somebody else.",
    ["submit"],
    answer({ submitted: { type: "boolean" }, hash: text, event: text, overlaps, next: decision }, "submitted", "hash"),
    { document }
  ),
  tool(
    "sdlc_task_list",
    "Tasks",
    "Tasks and where they stand.",
    ["task", "list"],
    answer({ tasks: objects }, "tasks"),
    {},
    true
  ),
  tool("sdlc_task_start", "Start a task", "Say that work on a task begins.", ["task", "start"], recorded, { task }),
  tool(
    "sdlc_task_claim",
    "Claim a task",
    "Claim that a task is done. The platform verifies it.",
    ["task", "claim"],
    recorded,
    { task, note: { description: "A note for the verifier.", flag: "note" } }
  ),
  tool("sdlc_task_fail", "Fail a task", "Say that a task could not be done.", ["task", "fail"], recorded, {
    task,
    reason
  }),
  tool("sdlc_task_block", "Block a task", "Say what a task is blocked by.", ["task", "block"], recorded, {
    task,
    reason
  })
]

export const inputSchema = (one: Tool): Json => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(one.parameters).map(([name, parameter]) => [
      name,
      {
        type: parameter.shapes === true ? "boolean" : "string",
        description: parameter.description,
        ...(parameter.enum === undefined ? {} : { enum: parameter.enum })
      }
    ])
  ),
  required: Object.entries(one.parameters)
    .filter(([, parameter]) => parameter.required === true)
    .map(([name]) => name),
  additionalProperties: false
})

/** A tool as `tools/list` shows it. */
export const listed = (one: Tool): Json => ({
  name: one.name,
  title: one.title,
  description: one.description,
  inputSchema: inputSchema(one),
  outputSchema: one.outputs,
  annotations: { readOnlyHint: one.readOnly, destructiveHint: false, openWorldHint: false }
})

export const record = (value: unknown): Json =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {}

const bare = (value: unknown): unknown => {
  const { skipped: _skipped, ...rest } = record(value)
  return rest
}

/** The answer without the rules that were passed over: they are most of its length, and hardly anybody asks. */
export const shortened = (answered: Json): Json => ({
  ...(bare(answered) as Json),
  ...(answered["decision"] === undefined ? {} : { decision: bare(answered["decision"]) }),
  ...(answered["next"] === undefined ? {} : { next: bare(answered["next"]) })
})

const step = (value: unknown): string => {
  const { action, feature: slug, phase, reason: because, taskId } = record(value)
  return `${String(slug)} [${String(phase)}] ${String(action)}${typeof taskId === "string" ? ` ${taskId}` : ""}: ${String(because)}`
}

const counted = (answered: Json): string =>
  Object.entries(answered)
    .flatMap(([name, value]) =>
      Array.isArray(value)
        ? [`${value.length} ${name}`]
        : typeof value === "number" && name !== "exitCode"
          ? [`${value} ${name}`]
          : []
    )
    .join(", ")

/** One or two lines for people; programs read the structured content. */
export const summary = (answered: Json): string => {
  const { overlaps: met } = answered
  return Array.isArray(met) && met.length > 0
    ? `${plainly(answered)} (${met.length} overlap${met.length === 1 ? "" : "s"} with other open features)`
    : plainly(answered)
}

const plainly = (answered: Json): string => {
  const { decision: due, error, next, reason: because } = answered
  if (error !== undefined) return `${String(record(error)["message"])} Fix: ${String(record(error)["fix"])}`
  if (due !== undefined) return step(due)
  if (typeof because === "string") return step(answered)
  if (next !== undefined) return `next: ${step(next)}`
  return counted(answered) || "done"
}
