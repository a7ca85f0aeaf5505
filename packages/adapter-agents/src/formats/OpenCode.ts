/**
 * `opencode run --format json`: one line per finished part of the session, `{type, timestamp, sessionID, part}`, or `{type:"error"}`.
 * Shapes as printed by packages/opencode/src/cli/cmd/run.ts of github.com/anomalyco/opencode.
 */
import {
  count,
  type Fields,
  fields,
  type Format,
  isFields,
  json,
  object,
  type Reading,
  text,
  textOrNull
} from "./Format.ts"

const editing: ReadonlySet<string> = new Set(["write", "edit", "patch", "multiedit"])

const tool = (part: Fields): ReadonlyArray<Reading> => {
  const state = fields(part["state"])
  const id = text(part["callID"])
  const name = text(part["tool"])
  const ok = state["status"] !== "error"
  const path = textOrNull(fields(state["input"])["filePath"])
  const call: ReadonlyArray<Reading> = [{ _tag: "ToolCall", id, name, input: json(state["input"]) }]
  const edit: ReadonlyArray<Reading> = editing.has(name) && path !== null ? [{ _tag: "Edit", id, path }] : []
  return [...call, ...edit, { _tag: "ToolResult", id, ok, output: ok ? text(state["output"]) : text(state["error"]) }]
}

const usage = (part: Fields): Reading => {
  const tokens = fields(part["tokens"])
  const cache = fields(tokens["cache"])
  const cost = part["cost"]
  return {
    _tag: "Usage",
    inputTokens: count(tokens["input"]) + count(cache["read"]) + count(cache["write"]),
    outputTokens: count(tokens["output"]) + count(tokens["reasoning"]),
    costUsd: typeof cost === "number" && Number.isFinite(cost) ? cost : null
  }
}

const failure = (value: unknown): string => {
  if (!isFields(value)) return text(value)
  const data = fields(value["data"])
  const status = data["statusCode"]
  return [
    text(value["name"]),
    typeof status === "number" ? String(status) : "",
    textOrNull(data["message"]) ?? text(value["message"]),
    text(data["responseBody"])
  ]
    .filter((part) => part !== "")
    .join(": ")
}

export const openCode: Format = {
  name: "opencode",
  announcesStart: true,
  read: (raw) => {
    const line = object(raw)
    if (line === null) return null
    const part = fields(line["part"])
    switch (line["type"]) {
      // Every step has one; Transcript keeps the first.
      case "step_start":
        return [{ _tag: "Started", agent: "opencode", model: null, sessionId: textOrNull(line["sessionID"]) }]
      case "text":
        return [{ _tag: "Message", text: text(part["text"]) }]
      case "reasoning":
        return [{ _tag: "Thinking", text: text(part["text"]) }]
      case "tool_use":
        return tool(part)
      case "step_finish":
        return [usage(part)]
      case "error": {
        const said = failure(line["error"])
        return [
          { _tag: "Failure", text: said },
          { _tag: "Verdict", ok: false, summary: said }
        ]
      }
      default:
        return typeof line["type"] === "string" && typeof line["sessionID"] === "string" ? [] : null
    }
  }
}
