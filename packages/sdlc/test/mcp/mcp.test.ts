import { PassThrough } from "node:stream"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { run } from "../../src/cli/Run.ts"
import * as Server from "../../src/mcp/Server.ts"
import { type JsonSchema, problemsOf } from "../../src/model/Validate.ts"
import { serve } from "../../src/mcp/Stdio.ts"
import { planned, type Repository } from "../cli/Cli.ts"

let repo: Repository
let server: Server.Server
let seen: Array<{ readonly argv: ReadonlyArray<string>; readonly principal: string | undefined }> = []

const start = (env: Readonly<Record<string, string>> = {}, at = repo): Server.Server => {
  const command: Server.RunCommand = async (argv, given) => {
    seen.push({ argv, principal: given["SDLC_PRINCIPAL"] })
    let output = ""
    const collect = (text: string): void => void (output += text)
    const code = await run(argv, { PATH: process.env["PATH"], ...given }, at.root, { out: collect, err: collect })
    return { code, output }
  }
  return Server.make(command, env, "1.2.3")
}

interface Answer {
  readonly id: unknown
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

let id = 0
const ask = async (method: string, params: unknown = {}, to = server): Promise<Answer> =>
  JSON.parse((await to.handle(JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params }))) ?? "null") as Answer
const call = async (name: string, given: unknown = {}, to = server): Promise<Readonly<Record<string, unknown>>> => {
  const answer = await ask("tools/call", { name, arguments: given }, to)
  if (answer.error !== undefined) throw new Error(`${answer.error.code} ${answer.error.message}`)
  return (answer.result?.["structuredContent"] ?? {}) as Readonly<Record<string, unknown>>
}

const textOf = (result: Answer["result"]): string => {
  const content = (result?.["content"] ?? []) as ReadonlyArray<{ readonly text: string }>
  return content[0]?.text ?? ""
}

beforeAll(async () => {
  repo = await planned()
  server = start()
})
afterAll(() => repo.remove())

describe("the MCP server", () => {
  it("introduces itself and agrees on a version", async () => {
    expect(
      (
        await ask("initialize", {
          protocolVersion: "2025-03-26",
          capabilities: {},
          clientInfo: { name: "an editor", version: "1" }
        })
      ).result
    ).toMatchObject({
      protocolVersion: "2025-03-26",
      serverInfo: { name: "sdlc", version: "1.2.3" },
      capabilities: { tools: {}, prompts: {} }
    })
    expect((await ask("initialize", { protocolVersion: "1999-01-01" })).result).toMatchObject({
      protocolVersion: "2025-11-25"
    })
    expect((await ask("ping")).result).toEqual({})
    expect(await server.handle(JSON.stringify({ jsonrpc: "2.0", method: "notifications/initialized" }))).toBeNull()
  })
  it("offers the tools of an agent and no approval", async () => {
    const { tools } = (await ask("tools/list")).result as {
      readonly tools: ReadonlyArray<{
        readonly name: string
        readonly inputSchema: { readonly additionalProperties: boolean }
      }>
    }
    const names = tools.map((tool) => tool.name)
    expect(names).toEqual(
      expect.arrayContaining([
        "sdlc_next",
        "sdlc_why",
        "sdlc_explain",
        "sdlc_submit",
        "sdlc_task_start",
        "sdlc_task_claim"
      ])
    )
    expect(names.filter((name) => /approve|reject|waive|merge|apply|gate|record/.test(name))).toEqual([])
    expect(tools.every((tool) => !tool.inputSchema.additionalProperties)).toBe(true)
  })
  it("answers every reading tool", async () => {
    for (const name of [
      "sdlc_features",
      "sdlc_next",
      "sdlc_why",
      "sdlc_explain",
      "sdlc_status",
      "sdlc_findings",
      "sdlc_lint",
      "sdlc_task_list"
    ])
      expect((await call(name)).exitCode).toBe(0)
    expect(await call("sdlc_next", { feature: "hello" })).toMatchObject({
      action: "implement-task",
      taskId: "task-001",
      command: "implement"
    })
    expect(await call("sdlc_why_not", { action: "merge" })).toMatchObject({ due: false })
  })
  it("answers in the shape that each tool promises, short, and once", async () => {
    const { tools } = (await ask("tools/list")).result as {
      readonly tools: ReadonlyArray<{ readonly name: string; readonly outputSchema: JsonSchema }>
    }
    const given: Readonly<Record<string, object>> = {
      sdlc_why_not: { action: "merge" },
      sdlc_submit: { document: "spec" },
      sdlc_task_start: { task: "task-001" },
      sdlc_task_claim: { task: "task-001" },
      sdlc_task_fail: { task: "task-001", reason: "x" },
      sdlc_task_block: { task: "task-001", reason: "x" }
    }
    const own = await planned()
    const at = start({}, own)
    for (const tool of tools) {
      const { result } = await ask(
        "tools/call",
        {
          name: tool.name,
          arguments: { ...given[tool.name], ...(tool.name === "sdlc_features" ? {} : { feature: "hello" }) }
        },
        at
      )
      expect(result, tool.name).toMatchObject({ isError: false })
      expect(problemsOf(tool.outputSchema, result?.["structuredContent"]), tool.name).toBeNull()
      expect(textOf(result).length, tool.name).toBeLessThan(400)
      expect(JSON.stringify(result), tool.name).not.toContain('"skipped"')
    }
    own.remove()
    expect((await call("sdlc_next", { feature: "hello", skipped: true }))["skipped"]).not.toEqual([])
    await expect(call("sdlc_next", { feature: "hello", skipped: "yes" })).rejects.toThrow(
      /skipped: Expected true or false/
    )
  })
  it("speaks the revision without a handshake, and names those it speaks to others", async () => {
    const fresh = start()
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
      "io.modelcontextprotocol/clientInfo": { name: "editor", version: "1" }
    }
    const serverInfo = { "io.modelcontextprotocol/serverInfo": { name: "sdlc", version: "1.2.3" } }
    expect((await ask("server/discover", { _meta }, fresh)).result).toMatchObject({
      resultType: "complete",
      supportedVersions: ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"],
      cacheScope: "private",
      _meta: serverInfo,
      instructions: expect.stringContaining("agent:editor")
    })
    expect((await ask("tools/list", { _meta }, fresh)).result).toMatchObject({
      resultType: "complete",
      ttlMs: 3_600_000,
      _meta: serverInfo
    })
    seen = []
    expect(
      (await ask("tools/call", { _meta, name: "sdlc_task_list", arguments: { feature: "hello" } }, fresh)).result
    ).toMatchObject({ resultType: "complete", isError: false })
    expect(seen.at(-1)?.principal).toBe("agent:editor")
    expect(
      (await ask("tools/list", { _meta: { ..._meta, "io.modelcontextprotocol/protocolVersion": "1900-01-01" } }, fresh))
        .error
    ).toMatchObject({
      code: -32022,
      data: { requested: "1900-01-01", supported: expect.arrayContaining(["2026-07-28"]) }
    })
    expect((await ask("tools/list", {}, fresh)).result).not.toHaveProperty("resultType")
  })
  it("gives clients from before structured content the whole answer as text", async () => {
    const old = start()
    await ask("initialize", { protocolVersion: "2024-11-05", clientInfo: { name: "old" } }, old)
    const { result } = await ask("tools/call", { name: "sdlc_next", arguments: { feature: "hello" } }, old)
    expect(result).not.toHaveProperty("structuredContent")
    expect(JSON.parse(textOf(result))).toMatchObject({ feature: "hello", exitCode: 0 })
  })
  it("acts as an agent whatever the environment says", async () => {
    const posing = start({ SDLC_PRINCIPAL: "human:ada", SDLC_SIGNING_KEY: "/some/key" })
    await ask("initialize", { clientInfo: { name: "an editor" } }, posing)
    seen = []
    await call("sdlc_task_start", { task: "task-001", feature: "hello" }, posing)
    expect(seen.at(-1)).toMatchObject({ principal: "agent:an-editor" })
    const named = start({ SDLC_PRINCIPAL: "agent:claude" })
    await ask("initialize", { clientInfo: { name: "another" } }, named)
    await call("sdlc_task_list", {}, named)
    expect(seen.at(-1)).toMatchObject({ principal: "agent:claude" })
    expect(await call("sdlc_task_block", { task: "task-001", reason: "no spec" })).toMatchObject({ verb: "block" })
  })
  it("reports refusals as tool errors with the fix", async () => {
    const answer = await ask("tools/call", { name: "sdlc_submit", arguments: { document: "spek" } })
    expect(answer.result).toMatchObject({
      isError: true,
      structuredContent: {
        error: { message: expect.stringMatching(/document: "spek"/), fix: expect.stringMatching(/spec/) }
      }
    })
  })
  const wrong: ReadonlyArray<readonly [string, unknown, RegExp]> = [
    ["sdlc_approve", {}, /-32602 name: there is no tool "sdlc_approve"/],
    ["sdlc_submit", {}, /-32602 document: missing/],
    ["sdlc_submit", { document: 7 }, /-32602 document: Expected a text/],
    ["sdlc_next", { featur: "x" }, /-32602 featur: sdlc_next has no such argument/]
  ]
  it.each(wrong)("refuses %s %j", async (name, given, message) => {
    await expect(call(name, given)).rejects.toThrow(message)
  })
  it("does not let a value become a flag", async () => {
    const answer = await ask("tools/call", { name: "sdlc_why_not", arguments: { action: "--help" } })
    expect(answer.result).toMatchObject({
      isError: true,
      structuredContent: { error: { message: expect.stringMatching(/knows no "--help"/) } }
    })
  })
  it("gives the agent commands as prompts", async () => {
    const { prompts } = (await ask("prompts/list")).result as {
      readonly prompts: ReadonlyArray<{ readonly name: string }>
    }
    expect(prompts).toHaveLength(15)
    const { messages } = (await ask("prompts/get", { name: "sdlc-next", arguments: { feature: "hello" } })).result as {
      readonly messages: ReadonlyArray<{ readonly content: { readonly text: string } }>
    }
    expect(messages[0]?.content.text).toContain("Run `sdlc next hello --json`.")
    const bare = (await ask("prompts/get", { name: "sdlc-next" })).result as {
      readonly messages: ReadonlyArray<{ readonly content: { readonly text: string } }>
    }
    expect(bare.messages[0]?.content.text).toContain("Run `sdlc next --json`.")
    expect((await ask("prompts/get", { name: "nope" })).error?.code).toBe(-32602)
  })
  it("answers broken messages by the book", async () => {
    const code = async (line: string): Promise<number | undefined> =>
      (JSON.parse((await server.handle(line)) ?? "{}") as Answer).error?.code
    expect(await code("{")).toBe(-32700)
    expect(await code("[]")).toBe(-32600)
    expect(await code('{"jsonrpc":"1.0","id":1,"method":"ping"}')).toBe(-32600)
    expect(await code(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "x" }))).toBe(-32601)
    expect(await code(" ".repeat(Server.maxLine + 1))).toBe(-32600)
    expect(await server.handle(JSON.stringify({ jsonrpc: "2.0", id: 1, result: {} }))).toBeNull()
  })
  it("answers a batch with what its requests answer", async () => {
    const batch = async (messages: unknown): Promise<unknown> =>
      JSON.parse((await server.handle(JSON.stringify(messages))) ?? "null") as unknown
    const ping = (id: number) => ({ jsonrpc: "2.0", id, method: "ping" })
    expect(
      await batch([
        ping(1),
        { jsonrpc: "2.0", method: "notifications/initialized" },
        { jsonrpc: "2.0", id: 2, method: "x" },
        5
      ])
    ).toMatchObject([
      { id: 1, result: {} },
      { id: 2, error: { code: -32601 } },
      { id: null, error: { code: -32600 } }
    ])
    expect(await batch([{ jsonrpc: "2.0", method: "notifications/initialized" }])).toBeNull()
    expect(await batch(Array.from({ length: 101 }, (_, index) => ping(index)))).toMatchObject({
      id: null,
      error: { code: -32600 }
    })
  })
  it("refuses an id or arguments of the wrong shape", async () => {
    expect(
      JSON.parse((await server.handle(JSON.stringify({ jsonrpc: "2.0", id: { a: 1 }, method: "ping" }))) ?? "{}")
    ).toMatchObject({ id: null, error: { code: -32600 } })
    expect((await ask("tools/call", { name: "sdlc_next", arguments: ["hello"] })).error).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/arguments/)
    })
  })
  it("speaks lines over streams, in order, and ends with its input", async () => {
    const input = new PassThrough()
    const output = new PassThrough()
    const finished = serve(server, input, output)
    const messages = [1, 2, 3]
      .map((number) => JSON.stringify({ jsonrpc: "2.0", id: number, method: "ping" }))
      .join("\n")
    input.write(messages.slice(0, 30))
    input.write(messages.slice(30))
    input.write(`\n\n${"x".repeat(Server.maxLine + 5)}`)
    input.end(`yyy\n{"jsonrpc":"2.0","id":4,"method":"ping"}`)
    await finished
    const lines = (output.read() as Buffer)
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Answer)
    expect(lines.map((line) => [line.id, line.error?.code])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, undefined],
      [null, -32600],
      [4, undefined]
    ])
  })
})
