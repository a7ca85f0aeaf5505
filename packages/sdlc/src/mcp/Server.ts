/**
 * `sdlc mcp`: the tool as a Model Context Protocol server over standard input and output, one JSON-RPC message per line.
 *
 * Promises that whoever calls acts as an agent, whatever the environment says: under `SDLC_PRINCIPAL=human:…` too, what comes over MCP is
 * recorded as `agent:<client>`, never as that person, and that no tool approves, merges or releases. Every tool is a command of the CLI
 * with `--json`. Does not read files on the client's behalf.
 */
import { commands } from "../commands/Commands.ts"
import * as Decode from "../repo/Decode.ts"
import { type Json, listed, record, shortened, summary, type Tool, tools } from "./Tools.ts"

export { tools } from "./Tools.ts"

export type Env = Readonly<Record<string, string | undefined>>

/** Runs one command line and returns its output and exit code. */
export type RunCommand = (
  argv: ReadonlyArray<string>,
  env: Env
) => Promise<{ readonly code: number; readonly output: string }>

/** Revisions of the protocol whose requests carry version and client in `_meta`; there is no handshake. Newest first. */
const stateless = ["2026-07-28"]
/** Revisions that begin with `initialize`. Newest first. */
const shaken = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]
const supported = [...stateless, ...shaken]
/** Before it there was no structured content. */
const firstStructured = "2025-06-18"

const meta = {
  version: "io.modelcontextprotocol/protocolVersion",
  client: "io.modelcontextprotocol/clientInfo",
  server: "io.modelcontextprotocol/serverInfo"
} as const

class Refusal extends Error {
  readonly code: number
  readonly data: Json | undefined
  constructor(code: number, message: string, data?: Json) {
    super(message)
    this.code = code
    this.data = data
  }
}

/** Command line of a call. A value that looks like a flag cannot become one. */
const argvOf = (one: Tool, given: Json): ReadonlyArray<string> => {
  const words: Array<string> = []
  const flags: Array<string> = []
  for (const name of Object.keys(given))
    if (!Object.hasOwn(one.parameters, name)) throw new Refusal(-32602, `${name}: ${one.name} has no such argument`)
  for (const [name, parameter] of Object.entries(one.parameters)) {
    const value = given[name]
    if (value === undefined || value === null) {
      if (parameter.required === true) throw new Refusal(-32602, `${name}: missing`)
      continue
    }
    if (parameter.shapes === true) {
      if (typeof value !== "boolean") throw new Refusal(-32602, `${name}: Expected true or false`)
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

/** `agent:<client>`, or what the environment calls the agent. */
const principalOf = (env: Env, client: unknown, known: string): string => {
  const own = env["SDLC_PRINCIPAL"]
  if (own?.startsWith("agent:") === true) return own
  return typeof client === "string" && /^[\w .-]{1,64}$/.test(client)
    ? `agent:${client.trim().replace(/\s+/g, "-") || "mcp"}`
    : known
}

/** How a request is to be answered. */
interface Manner {
  readonly version: string
  readonly principal: string
}

export const make = (run: RunCommand, env: Env, version: string): Server => {
  let agreed: Manner = { version: shaken[0] ?? "", principal: principalOf(env, undefined, "agent:mcp") }
  const serverInfo = { name: "sdlc", title: "Software development life cycle", version }
  const capabilities = { tools: {}, prompts: {} }
  const instructions = (principal: string): string =>
    `Call sdlc_next before working on a feature and do that step only. Claims are verified by somebody else; approvals and merges belong to people and the platform. What you do here is recorded as ${principal}.`

  const mannerOf = (params: Json): Manner => {
    const given = record(params["_meta"])
    const asked = given[meta.version]
    if (asked === undefined) return agreed
    if (typeof asked !== "string" || !supported.includes(asked))
      throw new Refusal(-32022, `${meta.version}: this server does not speak ${JSON.stringify(asked).slice(0, 80)}`, {
        supported,
        requested: asked
      })
    return { version: asked, principal: principalOf(env, record(given[meta.client])["name"], agreed.principal) }
  }

  const call = async (params: Json, manner: Manner): Promise<Json> => {
    const one = tools.find((candidate) => candidate.name === params["name"])
    if (one === undefined)
      throw new Refusal(-32602, `name: there is no tool ${JSON.stringify(params["name"])?.slice(0, 80) ?? "(none)"}`)
    const given = params["arguments"] ?? {}
    if (typeof given !== "object" || Array.isArray(given)) throw new Refusal(-32602, "arguments: Expected an object")
    const { SDLC_SIGNING_KEY: _key, ...rest } = env
    const { code, output } = await run(argvOf(one, record(given)), { ...rest, SDLC_PRINCIPAL: manner.principal })
    const parsed = Decode.json(output)
    if (parsed._tag === "Bad")
      throw new Refusal(
        -32603,
        `sdlc ${one.argv.join(" ")} ended with ${code} and no answer: ${output.trim().slice(0, 400)}`
      )
    const whole = record(parsed.value)
    const structured = { ...(record(given)["skipped"] === true ? whole : shortened(whole)), exitCode: code }
    const isError = "error" in whole
    if (manner.version < firstStructured)
      return { content: [{ type: "text", text: JSON.stringify(structured) }], isError }
    return { content: [{ type: "text", text: summary(structured) }], structuredContent: structured, isError }
  }

  const prompt = (params: Json): Json => {
    const command = commands.find((candidate) => `sdlc-${candidate.id}` === params["name"])
    if (command === undefined)
      throw new Refusal(-32602, `name: there is no prompt ${JSON.stringify(params["name"])?.slice(0, 80) ?? "(none)"}`)
    const given = record(params["arguments"])["feature"]
    const feature = typeof given === "string" ? given : ""
    const text = (feature === "" ? command.body.replaceAll(" {{args.feature}}", "") : command.body).replaceAll(
      "{{args.feature}}",
      feature
    )
    return { description: command.summary, messages: [{ role: "user", content: { type: "text", text } }] }
  }

  const initialize = (params: Json): Json => {
    const asked = params["protocolVersion"]
    agreed = {
      version: shaken.find((known) => known === asked) ?? shaken[0] ?? "",
      principal: principalOf(env, record(params["clientInfo"])["name"], agreed.principal)
    }
    return { protocolVersion: agreed.version, capabilities, serverInfo, instructions: instructions(agreed.principal) }
  }

  const answer = async (method: string, params: Json, manner: Manner): Promise<Json> => {
    switch (method) {
      case "initialize":
        return initialize(params)
      case "server/discover":
        return { supportedVersions: supported, capabilities, instructions: instructions(manner.principal) }
      case "ping":
        return {}
      case "tools/list":
        return { tools: tools.map(listed) }
      case "tools/call":
        return call(params, manner)
      case "prompts/list":
        return {
          prompts: commands.map((command) => ({
            name: `sdlc-${command.id}`,
            description: command.summary,
            arguments: [{ name: "feature", description: command.args, required: false }]
          }))
        }
      case "prompts/get":
        return prompt(params)
      default:
        throw new Refusal(-32601, `method: ${method.slice(0, 80)} is not known`)
    }
  }

  /** What the stateless revisions add to every result: that it is complete, who answers, and how long a list holds. */
  const dressed = (method: string, manner: Manner, result: Json): Json => {
    if (method === "initialize" || (!stateless.includes(manner.version) && method !== "server/discover")) return result
    const holds =
      method === "server/discover" || method.endsWith("/list") ? { ttlMs: listMillis, cacheScope: "private" } : {}
    return { ...result, resultType: "complete", ...holds, _meta: { [meta.server]: serverInfo } }
  }

  const reply = (id: unknown, body: Json): Json => ({ jsonrpc: "2.0", id: id ?? null, ...body })

  const one = async (value: unknown): Promise<Json | null> => {
    const message = record(value)
    const { id, method } = message
    if (
      message["jsonrpc"] !== "2.0" ||
      typeof method !== "string" ||
      !(id === undefined || id === null || typeof id === "string" || typeof id === "number")
    ) {
      return "result" in message || "error" in message
        ? null
        : reply(typeof id === "object" ? null : id, { error: { code: -32600, message: "not a JSON-RPC 2.0 request" } })
    }
    if (id === undefined) return null
    try {
      const params = record(message["params"])
      const manner = method === "initialize" ? agreed : mannerOf(params)
      return reply(id, { result: dressed(method, manner, await answer(method, params, manner)) })
    } catch (cause) {
      if (cause instanceof Refusal)
        return reply(id, {
          error: { code: cause.code, message: cause.message, ...(cause.data === undefined ? {} : { data: cause.data }) }
        })
      return reply(id, { error: { code: -32603, message: cause instanceof Error ? cause.message : String(cause) } })
    }
  }

  const handle = async (line: string): Promise<string | null> => {
    if (line.length > maxLine)
      return JSON.stringify(
        reply(null, { error: { code: -32600, message: `the message has more than ${maxLine} characters` } })
      )
    const parsed = Decode.json(line)
    if (parsed._tag === "Bad") return JSON.stringify(reply(null, { error: { code: -32700, message: parsed.problem } }))
    const { value } = parsed
    // Batches are part of JSON-RPC and of the protocol of 2025-03-26; later versions dropped them.
    if (!Array.isArray(value) || value.length === 0) {
      const answered = await one(value)
      return answered === null ? null : JSON.stringify(answered)
    }
    if (value.length > maxBatch)
      return JSON.stringify(
        reply(null, { error: { code: -32600, message: `the batch has more than ${maxBatch} messages` } })
      )
    const answers: Array<Json> = []
    for (const message of value) {
      const answered = await one(message)
      if (answered !== null) answers.push(answered)
    }
    return answers.length === 0 ? null : JSON.stringify(answers)
  }
  return { handle }
}

/** Tools and prompts change with the version of the program only. */
const listMillis = 3_600_000

/** Most messages of one batch. */
const maxBatch = 100

/** Longest message that is looked at, in characters. */
export const maxLine = 1_048_576
