/**
 * `claude -p --output-format stream-json --verbose`: an init line, one line per assistant or user message, and a result line.
 * Shapes as documented at https://code.claude.com/docs/en/headless and observed with version 2.
 */
import {
  count,
  type Fields,
  fields,
  type Format,
  json,
  list,
  object,
  type Reading,
  text,
  textOrNull
} from "./Format.ts"

const editing: ReadonlySet<string> = new Set(["Write", "Edit", "MultiEdit", "NotebookEdit"])

const content = (value: unknown): string =>
  typeof value === "string"
    ? value
    : list(value)
        .map((part) => text(fields(part)["text"]))
        .filter((part) => part !== "")
        .join("\n")

const block = (part: Fields): ReadonlyArray<Reading> => {
  switch (part["type"]) {
    case "text":
      return [{ _tag: "Message", text: text(part["text"]) }]
    case "thinking":
      return text(part["thinking"]) === "" ? [] : [{ _tag: "Thinking", text: text(part["thinking"]) }]
    case "tool_use": {
      const id = text(part["id"])
      const name = text(part["name"])
      const input = fields(part["input"])
      const path = textOrNull(input["file_path"]) ?? textOrNull(input["notebook_path"])
      const call: Reading = { _tag: "ToolCall", id, name, input: json(part["input"]) }
      return editing.has(name) && path !== null ? [call, { _tag: "Edit", id, path }] : [call]
    }
    case "tool_result":
      return [
        {
          _tag: "ToolResult",
          id: text(part["tool_use_id"]),
          ok: part["is_error"] !== true,
          output: content(part["content"])
        }
      ]
    default:
      return []
  }
}

const result = (line: Fields): ReadonlyArray<Reading> => {
  const usage = fields(line["usage"])
  const cost = line["total_cost_usd"]
  const ok = line["is_error"] !== true && line["subtype"] === "success"
  const said = textOrNull(line["result"]) ?? list(line["errors"]).map(text).join("\n")
  const spent: Reading = {
    _tag: "Usage",
    inputTokens:
      count(usage["input_tokens"]) +
      count(usage["cache_creation_input_tokens"]) +
      count(usage["cache_read_input_tokens"]),
    outputTokens: count(usage["output_tokens"]),
    costUsd: typeof cost === "number" && Number.isFinite(cost) ? cost : null
  }
  const failure: ReadonlyArray<Reading> = ok
    ? []
    : [
        {
          _tag: "Failure",
          text: [text(line["subtype"]), said].filter((part) => part !== "" && part !== "success").join(": ")
        }
      ]
  return [spent, ...failure, { _tag: "Verdict", ok, summary: said }]
}

const system = (line: Fields): ReadonlyArray<Reading> => {
  if (line["subtype"] === "init")
    return [
      { _tag: "Started", agent: "claude", model: textOrNull(line["model"]), sessionId: textOrNull(line["session_id"]) }
    ]
  if (line["subtype"] !== "api_retry") return []
  const status = line["error_status"]
  return [
    { _tag: "Failure", text: `API Error: ${typeof status === "number" ? `${status} ` : ""}${text(line["error"])}` }
  ]
}

export const claudeCode: Format = {
  name: "claude-code",
  announcesStart: true,
  read: (raw) => {
    const line = object(raw)
    if (line === null) return null
    switch (line["type"]) {
      case "system":
        return system(line)
      case "assistant":
      case "user": {
        const readings = list(fields(line["message"])["content"]).flatMap((part) => block(fields(part)))
        // The CLI reports provider errors as a message of its own, marked by `error`; the text says what the provider answered.
        return textOrNull(line["error"]) === null
          ? readings
          : [
              ...readings,
              ...readings.flatMap((reading): ReadonlyArray<Reading> =>
                reading._tag === "Message" ? [{ _tag: "Failure", text: `${text(line["error"])}: ${reading.text}` }] : []
              )
            ]
      }
      case "result":
        return result(line)
      case "rate_limit_event": {
        const info = fields(line["rate_limit_info"])
        const resets = info["resetsAt"]
        return info["status"] === "rejected" && typeof resets === "number"
          ? [{ _tag: "Failure", text: `Claude usage limit reached|${resets}` }]
          : []
      }
      default:
        return typeof line["type"] === "string" ? [] : null
    }
  }
}
