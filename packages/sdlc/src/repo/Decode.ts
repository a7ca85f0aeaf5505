/** Decodes files into the shapes of the model with messages that name the field. Never throws, needs no effect. */
import { parse as parseYaml } from "yaml"
import { conflictProblem } from "../lint/Conflict.ts"
import type { FeatureEvent } from "../model/FeatureEvent.ts"
import { eventData, eventEnvelope } from "../model/JsonSchemas.ts"
import { type JsonSchema, problemsOf } from "../model/Validate.ts"
import { NeedsYaml } from "./NeedsYaml.ts"
import { read as readPlainYaml } from "./PlainYaml.ts"

export type Decoded<A> = { readonly _tag: "Ok"; readonly value: A } | { readonly _tag: "Bad"; readonly problem: string }

const ok = <A>(value: A): Decoded<A> => ({ _tag: "Ok", value })
export const bad = (problem: string): { readonly _tag: "Bad"; readonly problem: string } => ({ _tag: "Bad", problem })

/** Checks plain data against a generated schema; `A` is the type of the effect schema it was generated from. */
export const against = <A>(schema: JsonSchema, value: unknown): Decoded<A> => {
  const problems = problemsOf(schema, value)
  return problems === null ? ok(value as A) : bad(problems)
}

export const json = (text: string): Decoded<unknown> => {
  try {
    return ok(JSON.parse(text))
  } catch (cause) {
    return bad(conflictProblem(text) ?? `not JSON: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}

export const yaml = (text: string): Decoded<unknown> => {
  const conflict = conflictProblem(text)
  if (conflict !== null) return bad(conflict)
  const simple = readPlainYaml(text)
  if (simple !== null) return ok(simple.value)
  try {
    return ok(
      parseYaml(text, { maxAliasCount: 20, logLevel: "error", prettyErrors: true, strict: true, uniqueKeys: true })
    )
  } catch (cause) {
    if (cause instanceof NeedsYaml) throw cause
    return bad(`not YAML: ${(cause instanceof Error ? cause.message : String(cause)).split("\n")[0] ?? ""}`)
  }
}

/** One event. The type is looked at first, so that the message is about this kind of event and not about all of them. */
export const event = (input: unknown): Decoded<FeatureEvent> => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return bad("not an object")
  const { data, type, v } = input as { readonly data?: unknown; readonly type?: unknown; readonly v?: unknown }
  if (v !== 1) return bad(`v: ${JSON.stringify(v) ?? "missing"} is not a version this tool knows (1)`)
  const schema = typeof type === "string" && Object.hasOwn(eventData, type) ? eventData[type] : undefined
  if (schema === undefined)
    return bad(`type: ${(JSON.stringify(type) ?? "missing").slice(0, 80)} is not a known event type`)
  const problems = problemsOf(eventEnvelope, input) ?? problemsOf({ properties: { data: schema } }, { data })
  return problems === null ? ok(input as FeatureEvent) : bad(problems)
}

const unreadableMark = "\0unreadable: "

/**
 * What a reader of a disk puts in place of a file that is there and cannot be read: left out, a verdict behind a broken link
 * or of 20 MB would be overlooked, and the feature would look further than it is.
 */
export const unreadable = (why: string): string => `${unreadableMark}${why}`
export const isUnreadable = (content: string | Uint8Array): boolean =>
  typeof content === "string" && content.startsWith(unreadableMark)

/** UTF-8 text of a file, or why there is none. */
export const text = (content: string | Uint8Array): Decoded<string> => {
  if (typeof content === "string")
    return isUnreadable(content)
      ? bad(content.slice(unreadableMark.length))
      : ok(content.startsWith("\ufeff") ? content.slice(1) : content)
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(content))
  } catch {
    return bad("not UTF-8 text")
  }
}
