/** Decodes text into the schemas of the model with messages that name the field. Never throws. */
import { Result, Schema } from "effect"
import { parse as parseYaml } from "yaml"
import { FeatureEvent, eventTypes } from "../model/FeatureEvent.ts"

export type Decoded<A> = { readonly _tag: "Ok"; readonly value: A } | { readonly _tag: "Bad"; readonly problem: string }

const ok = <A>(value: A): Decoded<A> => ({ _tag: "Ok", value })
export const bad = (problem: string): { readonly _tag: "Bad"; readonly problem: string } => ({ _tag: "Bad", problem })

/** `field: what is wrong`, one per problem, from a schema error's text. */
export const readable = (message: string): string => {
  const problems: Array<string> = []
  let what: Array<string> = []
  for (const line of message.split("\n")) {
    const at = /^\s+at (\[.*\])\s*$/.exec(line)
    if (at === null) {
      what.push(line.trim())
      continue
    }
    const field = [...(at[1] ?? "").matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]/g)].map((part) => part[1] ?? part[2] ?? "").join(".")
    const text = what.join(" ").replace(/^Expected no excess property$/, "unknown field").replace(/^Missing key$/, "missing")
    problems.push(`${field}: ${text}`)
    what = []
  }
  if (what.join("").trim() !== "") problems.push(what.join(" ").trim())
  return problems.slice(0, 5).join("; ") + (problems.length > 5 ? `; and ${problems.length - 5} more` : "")
}

/** A decoder for one schema: unknown fields are refused, all problems are reported. */
export const decoder = <A, I>(schema: Schema.Codec<A, I>): ((input: unknown) => Decoded<A>) => {
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error", errors: "all" })
  return (input) => {
    const result = decode(input)
    return Result.isSuccess(result) ? ok(result.success) : bad(readable(String(result.failure.message)))
  }
}

export const json = (text: string): Decoded<unknown> => {
  try {
    return ok(JSON.parse(text))
  } catch (cause) {
    return bad(`not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

export const yaml = (text: string): Decoded<unknown> => {
  try {
    return ok(parseYaml(text, { maxAliasCount: 20, prettyErrors: true, strict: true, uniqueKeys: true }))
  } catch (cause) {
    return bad(`not YAML: ${(cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? ""}`)
  }
}

const decodeEvent = decoder(FeatureEvent)

/** One event. The type is looked at first, so that the message is about this kind of event and not about all of them. */
export const event = (input: unknown): Decoded<FeatureEvent> => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return bad("not an object")
  const { type, v } = input as { readonly type?: unknown; readonly v?: unknown }
  if (v !== 1) return bad(`v: ${JSON.stringify(v) ?? "missing"} is not a version this tool knows (1)`)
  if (!eventTypes.some((known) => known === type)) return bad(`type: ${JSON.stringify(type) ?? "missing"} is not a known event type`)
  return decodeEvent(input)
}

/** UTF-8 text of a file, or `null` when its bytes are not UTF-8. */
export const utf8 = (content: string | Uint8Array): string | null => {
  if (typeof content === "string") return content
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content)
  } catch {
    return null
  }
}
