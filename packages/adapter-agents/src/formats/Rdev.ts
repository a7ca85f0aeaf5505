/**
 * rdev's own format, for agents that can be made to print it: one AgentEvent per line as JSON, anything else is output.
 * `{"_tag":"Failure","text":…}` says why a run is about to fail.
 */
import { AgentEvent } from "@rdev/core/ports/agents/AgentHarness"
import { Option, Schema } from "effect"
import { type Format, object, text } from "./Format.ts"

const decode = Schema.decodeUnknownOption(AgentEvent)

export const rdev: Format = {
  name: "rdev",
  announcesStart: true,
  read: (line) => {
    const value = object(line)
    if (value === null) return null
    if (value["_tag"] === "Failure") return [{ _tag: "Failure", text: text(value["text"]) }]
    const event = Option.getOrNull(decode(value))
    if (event === null) return null
    return event._tag === "Ended" ? [{ _tag: "Verdict", ok: event.ok, summary: event.summary }] : [event]
  }
}
