/**
 * `sdlc mcp`: the tool as a Model Context Protocol server over standard input and output, one JSON-RPC message per line.
 *
 * Promises that whoever calls acts as an agent, whatever the environment says, and that no tool approves, merges or
 * releases. Every tool is a command of the CLI with `--json`. Does not read files on the client's behalf.
 */
import { commands } from "../commands/Commands.ts"
import * as Decode from "../repo/Decode.ts"

export type Env = Readonly<Record<string, string | undefined>>

/** Runs one command line and returns its output and exit code. */
export type RunCommand = (argv: ReadonlyArray<string>, env: Env) => Promise<{ readonly code: number; readonly output: string }>

type Json = Readonly<Record<string, unknown>>

interface Parameter {
  readonly description: string
  readonly required?: true
  readonly enum?: ReadonlyArray<string>
  /** Handed on as `--flag value` instead of as a word. */
  readonly flag?: string
}

interface Tool {
  readonly name: string
  readonly description: string
  readonly argv: ReadonlyArray<string>
  readonly parameters: Readonly<Record<string, Parameter>>
  readonly readOnly: boolean
}

const feature: Parameter = { description: "Feature; may be left out when the project or the branch makes it clear.", flag: "feature" }
const task: Parameter = { description: "Task id, such as task-001.", required: true }
const reason: Parameter = { description: "What happened, for whoever reads it later.", required: true, flag: "reason" }
const document: Parameter = { description: "Which document.", required: true, enum: ["spec", "design", "tasks", "qa-plan"] }

const tool = (name: string, description: string, argv: ReadonlyArray<string>, parameters: Tool["parameters"] = {}, readOnly = false): Tool => ({ name, description, argv, parameters: { ...parameters, feature }, readOnly })

export const tools: ReadonlyArray<Tool> = [
  { ...tool("sdlc_features", "All features with their phase.", ["features"], {}, true), parameters: {} },
  tool("sdlc_next", "The one next step of a feature: action, who acts, why, and which command handles it.", ["next"], {}, true),
  tool("sdlc_why", "The rule behind the next step, the facts it read and where they come from.", ["why"], {}, true),
  tool("sdlc_why_not", "What stands in the way of an action.", ["why-not"], { action: { description: "Action, such as implement-task or merge.", required: true } }, true),
  tool("sdlc_explain", "What is left until the feature is released.", ["explain"], {}, true),
  tool("sdlc_status", "Documents, tasks and open points of a feature.", ["status"], {}, true),
  tool("sdlc_findings", "Findings on the present code.", ["findings"], {}, true),
  { ...tool("sdlc_lint", "Lint errors and open questions of a feature's documents, with file, line and fix.", ["lint"], {}, true) },
  tool("sdlc_submit", "Hand in a document for approval by somebody else.", ["submit"], { document }),
  tool("sdlc_task_list", "Tasks and where they stand.", ["task", "list"], {}, true),
  tool("sdlc_task_start", "Say that work on a task begins.", ["task", "start"], { task }),
  tool("sdlc_task_claim", "Claim that a task is done. The platform verifies it.", ["task", "claim"], { task, note: { description: "A note for the verifier.", flag: "note" } }),
  tool("sdlc_task_fail", "Say that a task could not be done.", ["task", "fail"], { task, reason }),
  tool("sdlc_task_block", "Say what a task is blocked by.", ["task", "block"], { task, reason })
]

const latest = "2025-06-18"
const versions = [latest, "2025-03-26", "2024-11-05"]

const inputSchema = (one: Tool): Json => ({
  type: "object",
  properties: Object.fromEntries(Object.entries(one.parameters).map(([name, parameter]) => [name, { type: "string", description: parameter.description, ...(parameter.enum === undefined ? {} : { enum: parameter.enum }) }])),
  required: Object.entries(one.parameters).filter(([, parameter]) => parameter.required === true).map(([name]) => name),
  additionalProperties: false
})

const record = (value: unknown): Json => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {})

class Refusal extends Error {
  readonly code: number
  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** Command line of a call. A value that looks like a flag cannot become one. */
const argvOf = (one: Tool, given: Json): ReadonlyArray<string> => {
  const words: Array<string> = []
  const flags: Array<string> = []
  for (const name of Object.keys(given)) if (!Object.hasOwn(one.parameters, name)) throw new Refusal(-32602, `${name}: ${one.name} has no such argument`)
  for (const [name, parameter] of Object.entries(one.parameters)) {
    const value = given[name]
    if (value === undefined || value === null) {
      if (parameter.required === true) throw new Refusal(-32602, `${name}: missing`)
      continue
    }
    if (typeof value !== "string") throw new Refusal(-32602, `${name}: Expected a text`)
    if (parameter.flag === undefined) words.push(value)
    else flags.push(`--${parameter.flag}=${value}`)
  }
  return [...one.argv, ...flags, "--json", "--", ...words]
}

export interface Server {
  /** Answer to one line of input, or `null` when none is due. */
  readonly handle: (line: string) => Promise<string | null>
}

export const make = (run: RunCommand, env: Env, version: string): Server => {
  let principal = env["SDLC_PRINCIPAL"]?.startsWith("agent:") === true ? env["SDLC_PRINCIPAL"] : "agent:mcp"

  const call = async (params: Json): Promise<Json> => {
    const one = tools.find((candidate) => candidate.name === params["name"])
    if (one === undefined) throw new Refusal(-32602, `name: there is no tool ${JSON.stringify(params["name"])?.slice(0, 80) ?? "(none)"}`)
    const given = params["arguments"] ?? {}
    if (typeof given !== "object" || Array.isArray(given)) throw new Refusal(-32602, "arguments: Expected an object")
    const { SDLC_SIGNING_KEY: _key, ...rest } = env
    const { code, output } = await run(argvOf(one, record(given)), { ...rest, SDLC_PRINCIPAL: principal })
    const parsed = Decode.json(output)
    const structured = parsed._tag === "Ok" ? record(parsed.value) : {}
    return { content: [{ type: "text", text: output.trim() }], structuredContent: { ...structured, exitCode: code }, isError: "error" in structured }
  }

  const prompt = (params: Json): Json => {
    const command = commands.find((candidate) => `sdlc-${candidate.id}` === params["name"])
    if (command === undefined) throw new Refusal(-32602, `name: there is no prompt ${JSON.stringify(params["name"])?.slice(0, 80) ?? "(none)"}`)
    const given = record(params["arguments"])["feature"]
    const feature = typeof given === "string" ? given : ""
    const text = (feature === "" ? command.body.replaceAll(" {{args.feature}}", "") : command.body).replaceAll("{{args.feature}}", feature)
    return { description: command.summary, messages: [{ role: "user", content: { type: "text", text } }] }
  }

  const initialize = (params: Json): Json => {
    const name = record(params["clientInfo"])["name"]
    if (env["SDLC_PRINCIPAL"]?.startsWith("agent:") !== true && typeof name === "string" && /^[\w .-]{1,64}$/.test(name)) principal = `agent:${name.replace(/\s+/g, "-")}`
    const asked = params["protocolVersion"]
    return {
      protocolVersion: versions.find((known) => known === asked) ?? latest,
      capabilities: { tools: {}, prompts: {} },
      serverInfo: { name: "sdlc", version },
      instructions: "Call sdlc_next before working on a feature and do that step only. Claims are verified by somebody else; approvals and merges belong to people and the platform."
    }
  }

  const answer = async (method: string, params: Json): Promise<Json> => {
    switch (method) {
      case "initialize":
        return initialize(params)
      case "ping":
        return {}
      case "tools/list":
        return { tools: tools.map((one) => ({ name: one.name, description: one.description, inputSchema: inputSchema(one), annotations: { readOnlyHint: one.readOnly } })) }
      case "tools/call":
        return call(params)
      case "prompts/list":
        return { prompts: commands.map((command) => ({ name: `sdlc-${command.id}`, description: command.summary, arguments: [{ name: "feature", description: command.args, required: false }] })) }
      case "prompts/get":
        return prompt(params)
      default:
        throw new Refusal(-32601, `method: ${method.slice(0, 80)} is not known`)
    }
  }

  const reply = (id: unknown, body: Json): Json => ({ jsonrpc: "2.0", id: id ?? null, ...body })

  const one = async (value: unknown): Promise<Json | null> => {
    const message = record(value)
    const { id, method } = message
    if (message["jsonrpc"] !== "2.0" || typeof method !== "string" || !(id === undefined || id === null || typeof id === "string" || typeof id === "number")) {
      return "result" in message || "error" in message ? null : reply(typeof id === "object" ? null : id, { error: { code: -32600, message: "not a JSON-RPC 2.0 request" } })
    }
    if (id === undefined) return null
    try {
      return reply(id, { result: await answer(method, record(message["params"])) })
    } catch (cause) {
      if (cause instanceof Refusal) return reply(id, { error: { code: cause.code, message: cause.message } })
      return reply(id, { error: { code: -32603, message: cause instanceof Error ? cause.message : String(cause) } })
    }
  }

  const handle = async (line: string): Promise<string | null> => {
    if (line.length > maxLine) return JSON.stringify(reply(null, { error: { code: -32600, message: `the message has more than ${maxLine} characters` } }))
    const parsed = Decode.json(line)
    if (parsed._tag === "Bad") return JSON.stringify(reply(null, { error: { code: -32700, message: parsed.problem } }))
    const { value } = parsed
    // Batches are part of JSON-RPC and of the protocol of 2025-03-26; later versions dropped them.
    if (!Array.isArray(value) || value.length === 0) {
      const answered = await one(value)
      return answered === null ? null : JSON.stringify(answered)
    }
    if (value.length > maxBatch) return JSON.stringify(reply(null, { error: { code: -32600, message: `the batch has more than ${maxBatch} messages` } }))
    const answers: Array<Json> = []
    for (const message of value) {
      const answered = await one(message)
      if (answered !== null) answers.push(answered)
    }
    return answers.length === 0 ? null : JSON.stringify(answers)
  }
  return { handle }
}

/** Most messages of one batch. */
const maxBatch = 100

/** Longest message that is looked at, in characters. */
export const maxLine = 1_048_576
