import { AgentEvent } from "@rdev/core/ports/agents/AgentHarness"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { classifyFailure } from "../../src/failures/classifyFailure.ts"
import { formats, type FormatName } from "../../src/formats/Formats.ts"
import * as Redactor from "@rdev/core/redaction/Redactor"
import * as Transcript from "../../src/Transcript.ts"
import { recordings } from "./recordings.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const decode = Schema.decodeUnknownSync(AgentEvent)
const names: Readonly<Record<string, FormatName>> = { claude: "claude-code", codex: "codex", opencode: "opencode" }

/** Plays a recording in pieces of 700 bytes, as a pipe would deliver it. */
const play = (recording: string) => {
  const agent = recording.split(".")[0] ?? ""
  const transcript = Transcript.make({
    agent,
    format: formats[names[agent] ?? "plain"],
    workDir: "/workspace",
    redactor: Redactor.none
  })
  const data = bytes(`${(recordings[recording] ?? []).join("\n")}\n`)
  const events: Array<AgentEvent> = []
  for (let at = 0; at < data.length; at += 700)
    events.push(...transcript.push({ stream: "stdout", data: data.subarray(at, at + 700) }))
  events.push(...transcript.end())
  for (const event of events) decode(event)
  return { transcript, events }
}
const sum = (events: ReadonlyArray<AgentEvent>) =>
  events.reduce(
    (total, event) =>
      event._tag === "Usage"
        ? { input: total.input + event.inputTokens, output: total.output + event.outputTokens }
        : total,
    { input: 0, output: 0 }
  )

describe("recordings of the real programs", () => {
  it("claude: one session, the message, the call, its result, the changed file, usage", () => {
    const { events, transcript } = play("claude.ok")
    expect(events.map((event) => event._tag)).toEqual([
      "Started",
      "Message",
      "ToolCall",
      "ToolResult",
      "FileChanged",
      "Message",
      "Usage"
    ])
    expect(events[0]).toEqual({
      _tag: "Started",
      agent: "claude",
      model: "claude-opus-4-8[1m]",
      sessionId: "d3124424-0497-453f-8a97-c9d667d1e107"
    })
    expect(events[4]).toEqual({ _tag: "FileChanged", path: "hello.txt" })
    expect(events[6]).toEqual({ _tag: "Usage", inputTokens: 224, outputTokens: 42, costUsd: 0.0021425 })
    expect(transcript.verdict()).toEqual({ ok: true, summary: "Done: hello.txt is written." })
  })
  it("codex: a warning is output, reasoning is thinking, commands are calls", () => {
    const { events, transcript } = play("codex.ok")
    expect(events.map((event) => event._tag)).toEqual([
      "Started",
      "Output",
      "Thinking",
      "ToolCall",
      "ToolResult",
      "Message",
      "Usage"
    ])
    expect(events[3]).toMatchObject({
      name: "shell",
      input: { command: "/bin/bash -lc 'echo hi > hello.txt && cat hello.txt'" }
    })
    expect(events[4]).toMatchObject({ ok: true, output: "hi\n" })
    expect(sum(events)).toEqual({ input: 400, output: 40 })
    expect(transcript.verdict()?.ok).toBe(true)
    expect(transcript.lastMessage()).toBe("Done: hello.txt is written.")
  })
  it("opencode: one start for all steps, usage adds up", () => {
    const { events } = play("opencode.ok")
    expect(events.map((event) => event._tag)).toEqual([
      "Started",
      "Message",
      "ToolCall",
      "ToolResult",
      "FileChanged",
      "Usage",
      "Message",
      "Usage"
    ])
    expect(events[0]).toMatchObject({ sessionId: "ses_e02be1826ffeidrQDjMapvAk69" })
    expect(events[4]).toEqual({ _tag: "FileChanged", path: "hello.txt" })
    expect(sum(events)).toEqual({ input: 600, output: 50 })
  })
  it.each(
    ["claude", "codex", "opencode"].flatMap(
      (agent) =>
        [
          [`${agent}.401`, "AuthFailed"],
          [`${agent}.400`, "Invalid"],
          [`${agent}.429`, "RateLimited"]
        ] as const
    )
  )("%s fails as %s", (recording, tag) => {
    const { transcript } = play(recording)
    expect(transcript.verdict()?.ok).toBe(false)
    const reason = classifyFailure({
      text: transcript.failures(),
      nowMillis: 0,
      exit: { code: 1, signal: null, reason: "exited" }
    })
    expect(reason._tag).toBe(tag)
    if (reason._tag === "Invalid") expect(reason.field).toBe("prompt")
  })
})

describe("formats", () => {
  it.each(["claude-code", "opencode", "codex", "rdev"] as const)(
    "%s passes on what it does not know, and never throws",
    (name) => {
      for (const line of [
        "plain text",
        "{",
        "{}",
        "[]",
        "null",
        '{"type":7}',
        '{"type":"assistant","message":7}',
        '{"type":"result"}',
        '{"type":"item.completed"}',
        '{"type":"error"}',
        '{"_tag":"Message"}',
        '{"type":"tool_use","sessionID":"x","part":null}'
      ]) {
        for (const reading of formats[name].read(line) ?? []) expect(reading._tag).toMatch(/^[A-Z]/)
      }
      expect(formats[name].read("plain text")).toBeNull()
      expect(formats[name].read('{"hello":1}')).toBeNull()
    }
  )
  it("rdev reads every event and takes Ended as the agent's verdict", () => {
    expect(formats.rdev.read(JSON.stringify({ _tag: "FileChanged", path: "a" }))).toEqual([
      { _tag: "FileChanged", path: "a" }
    ])
    expect(formats.rdev.read(JSON.stringify({ _tag: "Ended", ok: false, summary: "no", exitCode: 1 }))).toEqual([
      { _tag: "Verdict", ok: false, summary: "no" }
    ])
    expect(formats.rdev.read(JSON.stringify({ _tag: "Usage", inputTokens: "many" }))).toBeNull()
  })
  it("claude: budget, turns and permission denials say why", () => {
    const failure = (line: object) =>
      formats["claude-code"].read(JSON.stringify(line))?.find((reading) => reading._tag === "Failure")
    expect(failure({ type: "result", subtype: "error_max_budget_usd", is_error: true })).toEqual({
      _tag: "Failure",
      text: "error_max_budget_usd"
    })
    expect(classifyFailure({ text: "error_max_budget_usd", nowMillis: 0 })._tag).toBe("Budget")
    expect(
      failure({ type: "rate_limit_event", rate_limit_info: { status: "rejected", resetsAt: 1768492800 } })
    ).toEqual({ _tag: "Failure", text: "Claude usage limit reached|1768492800" })
    expect(
      failure({ type: "rate_limit_event", rate_limit_info: { status: "allowed", resetsAt: 1768492800 } })
    ).toBeUndefined()
  })
})

describe("transcript", () => {
  const make = (options: Partial<Transcript.Options> = {}) =>
    Transcript.make({ agent: "a", format: formats.plain, workDir: "/workspace", redactor: Redactor.none, ...options })
  const push = (transcript: Transcript.Transcript, text: string, stream: "stdout" | "stderr" = "stdout") =>
    transcript.push({ stream, data: bytes(text) })

  it("starts once and first, whatever comes first", () => {
    const transcript = make({ format: formats["claude-code"] })
    expect(push(transcript, "warning\n", "stderr")).toEqual([])
    expect(push(transcript, `${recordings["claude.ok"]?.[0]}\n`).map((event) => event._tag)).toEqual([
      "Started",
      "Output"
    ])
    expect(push(transcript, `${recordings["claude.ok"]?.[0]}\n`)).toEqual([])
  })
  it("does not wait for ever for an announcement", () => {
    const transcript = make({ format: formats["claude-code"] })
    expect(
      push(transcript, "x\n".repeat(100))
        .map((event) => event._tag)
        .slice(0, 2)
    ).toEqual(["Started", "Output"])
    expect(make({ format: formats["codex"] }).end()).toEqual([
      { _tag: "Started", agent: "a", model: null, sessionId: null }
    ])
  })
  it("keeps 8 MiB of a flood and says how much is missing", () => {
    const transcript = make()
    let kept = 0
    for (let round = 0; round < 24; round++)
      for (const event of push(transcript, `${"y".repeat(1023)}\n`.repeat(1024))) kept += JSON.stringify(event).length
    const end = transcript.end()
    expect(kept).toBeLessThanOrEqual(8_388_608)
    expect(kept).toBeGreaterThan(8_000_000)
    const dropped = end.find((event) => event._tag === "Truncated")?.droppedBytes ?? 0
    expect(kept + dropped).toBeGreaterThanOrEqual(24 * 1_048_576)
  })
  it("keeps every event within 16 KiB", () => {
    const transcript = make({ format: formats["claude-code"] })
    const long = '"\\\u0001😀'.repeat(20_000)
    const line = (content: object) => `${JSON.stringify({ type: "assistant", message: { content: [content] } })}\n`
    const events = [
      ...push(transcript, line({ type: "text", text: long })),
      ...push(transcript, line({ type: "tool_use", id: long, name: long, input: { a: long, b: [long, { c: long }] } })),
      ...push(
        transcript,
        line({
          type: "tool_use",
          id: "1",
          name: "n",
          input: Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`key ${index}`, index]))
        })
      ),
      ...push(
        transcript,
        `${JSON.stringify({ type: "user", message: { content: [{ type: "tool_result", tool_use_id: "1", content: long }] } })}\n`
      ),
      ...push(transcript, `${"z".repeat(100_000)}\n`, "stderr"),
      ...transcript.end()
    ]
    expect(events.filter((event) => event._tag === "Message").length).toBeGreaterThan(5)
    for (const event of events) expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(16_384)
    expect(events.at(-1)?._tag).toBe("Truncated")
  })
  it("removes secrets from every event", () => {
    const transcript = make({ redactor: Redactor.make(["sk-ant-verysecret"]), format: formats["claude-code"] })
    const events = [
      ...push(transcript, "key is sk-ant-verysecret\n", "stderr"),
      ...push(
        transcript,
        `${JSON.stringify({ type: "assistant", message: { content: [{ type: "text", text: "sk-ant-verysecret" }] } })}\n`
      ),
      ...transcript.end()
    ]
    expect(JSON.stringify(events)).not.toContain("verysecret")
    expect(JSON.stringify(events)).toContain("***")
  })
  it("names a changed file only when the edit succeeded", () => {
    const transcript = make({ format: formats["claude-code"] })
    const call = {
      type: "assistant",
      message: { content: [{ type: "tool_use", id: "t", name: "Edit", input: { file_path: "/workspace/a.ts" } }] }
    }
    const result = {
      type: "user",
      message: { content: [{ type: "tool_result", tool_use_id: "t", is_error: true, content: "no match" }] }
    }
    const events = [...push(transcript, `${JSON.stringify(call)}\n${JSON.stringify(result)}\n`), ...transcript.end()]
    expect(events.map((event) => event._tag)).toEqual(["Started", "ToolCall", "ToolResult"])
  })
})
