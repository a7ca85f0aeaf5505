/**
 * The schemas of files as JSON Schema, for the loader (which must start fast and therefore does without effect) and for
 * other languages. Nothing but the generator and its test imports this module.
 */
import { Schema } from "effect"
import { FeatureFile } from "../src/repo/FeatureFileSchema.ts"
import { FeatureEvent } from "../src/model/schema/FeatureEvent.ts"
import { PolicyFile } from "../src/repo/PolicyFileSchema.ts"

interface Node {
  readonly [key: string]: unknown
}

const schemaOf = (schema: Schema.Top): Node => Schema.toJsonSchemaDocument(schema).schema as Node

/** Objects are closed: an unknown field is a mistake, not an extension. */
const closed = (node: unknown): unknown => {
  if (Array.isArray(node)) return node.map(closed)
  if (typeof node !== "object" || node === null) return node
  // A struct without fields comes out as "anything but null".
  if (JSON.stringify(node).startsWith('{"not":')) return { type: "object", properties: {}, additionalProperties: false }
  const entries = Object.entries(node).map(([key, value]) => [key, closed(value)] as const)
  const result = Object.fromEntries(entries)
  return result["type"] === "object" && result["properties"] !== undefined
    ? { ...result, additionalProperties: false }
    : result
}

const without = (properties: Node, ...names: ReadonlyArray<string>): Node =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)))

/** Text of the module `JsonSchemas.ts`. */
export const print = (): string => {
  const members = (
    closed(schemaOf(FeatureEvent)) as {
      readonly anyOf: ReadonlyArray<{ readonly properties: Node; readonly required: ReadonlyArray<string> }>
    }
  ).anyOf
  const first = members[0]
  if (first === undefined) throw new RangeError("no events")
  const envelope = {
    type: "object",
    properties: { ...without(first.properties, "type", "data"), type: { type: "string" }, data: { type: "object" } },
    required: first.required,
    additionalProperties: false
  }
  const data = Object.fromEntries(
    members.map((member) => [
      (member.properties["type"] as { readonly enum: ReadonlyArray<string> }).enum[0] ?? "",
      member.properties["data"]
    ])
  )
  const lines = [
    "/** JSON Schemas (draft 2020-12) of the files of a feature. Generated from the schemas by `npm run schemas`; do not edit. */",
    'import type { JsonSchema } from "./Validate.ts"',
    "",
    `export const eventEnvelope: JsonSchema = ${JSON.stringify(envelope)}`,
    "",
    "/** Schema of `data` by event type. */",
    "export const eventData: Readonly<Record<string, JsonSchema>> = {",
    Object.entries(data)
      .map(([type, schema]) => `  ${JSON.stringify(type)}: ${JSON.stringify(schema)}`)
      .join(",\n"),
    "}",
    "",
    `export const policyFile: JsonSchema = ${JSON.stringify(closed(schemaOf(PolicyFile)))}`,
    "",
    `export const featureFile: JsonSchema = ${JSON.stringify(closed(schemaOf(FeatureFile)))}`,
    ""
  ]
  return lines.join("\n")
}
