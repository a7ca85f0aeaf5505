import { readFileSync } from "node:fs"
import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { eventTypes, FeatureEvent } from "../../src/model/schema/FeatureEvent.ts"
import { eventData, eventEnvelope, featureFile, policyFile } from "../../src/model/JsonSchemas.ts"
import { print } from "../../scripts/PrintJsonSchemas.ts"
import { type JsonSchema, problemsOf } from "../../src/model/Validate.ts"
import * as Decode from "../../src/repo/Decode.ts"
import { FeatureFile } from "../../src/repo/FeatureFileSchema.ts"
import { PolicyFile } from "../../src/repo/PolicyFileSchema.ts"

/** Replaces one place of a value by something else, or drops or adds a field. */
const mutate = (value: unknown, path: ReadonlyArray<number>, how: number): unknown => {
  if (typeof value !== "object" || value === null || path.length === 0)
    return [null, 0, "", "x", [], {}, true, 1.5, { a: 1 }][how % 9]
  const keys = Object.keys(value)
  const [first = 0, ...rest] = path
  const copy: Record<string, unknown> | Array<unknown> = Array.isArray(value)
    ? [...(value as Array<unknown>)]
    : { ...value }
  const key = keys[first % Math.max(1, keys.length)]
  if (how % 4 === 0 && !Array.isArray(copy)) copy["extra"] = 1
  else if (key !== undefined && how % 4 === 1 && !Array.isArray(copy)) delete copy[key]
  else if (key !== undefined)
    (copy as Record<string, unknown>)[key] = mutate((value as Record<string, unknown>)[key], rest, how >> 2)
  return copy
}

/** Texts of which some fit each pattern in use. */
const samples = [
  "01ARYZ6S41TSV4RRFFQ69G5FAV",
  "01BX5ZZKBKACTAV9WEVGEMMVRZ",
  "md1:abc",
  "sha256:00ff",
  "2030-01-02T03:04:05Z",
  "2030-01-02T03:04:05.678Z",
  "user-login",
  "a",
  "task-001",
  "task-123456",
  "de",
  "pt-BR"
]

/** Values that fit a generated schema. */
const values = (schema: JsonSchema): fc.Arbitrary<unknown> => {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(values))
  switch (schema.type) {
    case "string":
      return schema.pattern === undefined
        ? fc.string({ minLength: schema.minLength ?? 0 })
        : fc.constantFrom(...samples.filter((sample) => new RegExp(schema.pattern ?? "", "u").test(sample)))
    case "integer":
      return fc.integer({ min: schema.minimum ?? -10, max: schema.maximum ?? 10 })
    case "number":
      return fc.double({ noNaN: true, noDefaultInfinity: true })
    case "array":
      return fc.array(values(schema.items ?? {}), { maxLength: 3 })
    case "object": {
      if (typeof schema.additionalProperties === "object")
        return fc.dictionary(fc.string(), values(schema.additionalProperties), { maxKeys: 3 })
      const properties = Object.fromEntries(
        Object.entries(schema.properties ?? {}).map(([name, property]) => [name, values(property)])
      )
      return fc.record(properties, { requiredKeys: [...(schema.required ?? [])] })
    }
    default:
      return schema.type === "boolean" ? fc.boolean() : fc.constant(null)
  }
}

const events = fc.oneof(
  ...Object.entries(eventData).map(([type, data]) =>
    values({ ...eventEnvelope, properties: { ...eventEnvelope.properties, type: { enum: [type] }, data } })
  )
)

/** A struct without fields takes anything but null; the loader wants an empty object, so that nothing hides there. */
const openData = (input: unknown): boolean => {
  const { data, type } = (input ?? {}) as { readonly data?: unknown; readonly type?: unknown }
  return type === "archived" && JSON.stringify(data) !== "{}"
}

const agree = (
  name: string,
  schema: Schema.Codec<unknown, unknown>,
  valid: fc.Arbitrary<unknown>,
  accepts: (value: unknown) => boolean
): void => {
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })
  fc.assert(
    fc.property(
      valid,
      fc.array(fc.nat(20), { maxLength: 5 }),
      fc.nat(100),
      fc.boolean(),
      (value, path, how, changed) => {
        const input: unknown = JSON.parse(JSON.stringify(changed ? mutate(value, path, how) : value))
        expect({ name, input, accepted: accepts(input) }).toEqual({
          name,
          input,
          accepted: Result.isSuccess(decode(input)) && !openData(input)
        })
      }
    ),
    { numRuns: 1500 }
  )
}

describe("generated JSON Schemas", () => {
  it("are up to date (npm run schemas -w packages/sdlc)", () => {
    expect(readFileSync(new URL("../../src/model/JsonSchemas.ts", import.meta.url), "utf8")).toBe(print())
  })
  it("know every event type", () => {
    expect(Object.keys(eventData).toSorted()).toEqual(eventTypes.toSorted())
  })
  it("accept exactly the events that the schema accepts", () => {
    agree("event", FeatureEvent, events, (value) => Decode.event(value)._tag === "Ok")
  })
  it("accept exactly the policies that the schema accepts", () => {
    agree("policy", PolicyFile, values(policyFile), (value) => problemsOf(policyFile, value) === null)
  })
  it("accept exactly the identities that the schema accepts", () => {
    agree("feature", FeatureFile, values(featureFile), (value) => problemsOf(featureFile, value) === null)
  })
})
