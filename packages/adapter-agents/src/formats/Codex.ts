/**
 * `codex exec --json`: thread, turn and item events, one per line.
 * Shapes as declared in codex-rs/exec/src/exec_events.rs of github.com/openai/codex.
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

const started = (item: Fields): ReadonlyArray<Reading> => {
  const id = text(item["id"])
  switch (item["type"]) {
    case "command_execution":
      return [{ _tag: "ToolCall", id, name: "shell", input: { command: text(item["command"]) } }]
    case "mcp_tool_call":
      return [
        { _tag: "ToolCall", id, name: `${text(item["server"])}.${text(item["tool"])}`, input: json(item["arguments"]) }
      ]
    case "web_search":
      return [{ _tag: "ToolCall", id, name: "web_search", input: { query: text(item["query"]) } }]
    default:
      return []
  }
}

const completed = (item: Fields): ReadonlyArray<Reading> => {
  const id = text(item["id"])
  const ok = item["status"] !== "failed" && item["status"] !== "declined"
  switch (item["type"]) {
    case "agent_message":
    case "plan":
      return [{ _tag: "Message", text: text(item["text"]) }]
    case "reasoning":
      return [{ _tag: "Thinking", text: text(item["text"]) }]
    case "command_execution":
      return [
        { _tag: "ToolResult", id, ok: ok && (item["exit_code"] ?? 0) === 0, output: text(item["aggregated_output"]) }
      ]
    case "mcp_tool_call":
      return [
        {
          _tag: "ToolResult",
          id,
          ok,
          output:
            textOrNull(fields(item["error"])["message"]) ??
            list(fields(item["result"])["content"])
              .map((part) => text(fields(part)["text"]))
              .join("\n")
        }
      ]
    case "web_search":
      return [{ _tag: "ToolResult", id, ok, output: "" }]
    case "file_change":
      return ok
        ? list(item["changes"]).map((change) => ({ _tag: "FileChanged", path: text(fields(change)["path"]) }))
        : []
    // A warning of the CLI, not the end of the run.
    case "error":
      return [{ _tag: "Output", stream: "stderr", line: text(item["message"]) }]
    default:
      return []
  }
}

export const codex: Format = {
  name: "codex",
  announcesStart: true,
  read: (raw) => {
    const line = object(raw)
    if (line === null) return null
    switch (line["type"]) {
      case "thread.started":
        return [{ _tag: "Started", agent: "codex", model: null, sessionId: textOrNull(line["thread_id"]) }]
      case "item.started":
        return started(fields(line["item"]))
      case "item.completed":
        return completed(fields(line["item"]))
      case "turn.completed": {
        const usage = fields(line["usage"])
        return [
          {
            _tag: "Usage",
            inputTokens: count(usage["input_tokens"]),
            outputTokens: count(usage["output_tokens"]),
            costUsd: null
          },
          { _tag: "Verdict", ok: true, summary: "" }
        ]
      }
      case "turn.failed": {
        const said = text(fields(line["error"])["message"])
        return [
          { _tag: "Failure", text: said },
          { _tag: "Verdict", ok: false, summary: said }
        ]
      }
      // Also used for "Reconnecting… 1/5": fatal only when the turn fails after it.
      case "error":
        return [{ _tag: "Failure", text: text(line["message"]) }]
      default:
        return typeof line["type"] === "string" ? [] : null
    }
  }
}
