/**
 * How shapes travel: names are camelCase in code and snake_case on the wire, mapped once, here. A shape made by `struct` decodes
 * from and encodes to snake_case at every depth that is itself made by `struct`; the keys of records are data and stay as they are.
 */
import { snake, type Snake } from "@rdev/core/domain/WireName"
import { type JsonSchema, Schema, SchemaTransformation } from "effect"

export { snake, type Snake } from "@rdev/core/domain/WireName"

type Encoded<F extends Schema.Struct.Fields> = {
  readonly [K in keyof F as K extends string ? Snake<K> : K]: Schema.toEncoded<F[K]>
}
export interface struct<F extends Schema.Struct.Fields> extends Schema.decodeTo<
  Schema.Struct<F>,
  Schema.Struct<Encoded<F>>
> {}

const rename =
  (names: ReadonlyMap<string, string>) =>
  (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
    const renamed: Record<string, unknown> = {}
    for (const key of Object.keys(value)) renamed[names.get(key) ?? key] = value[key]
    return renamed
  }

/** What holds between the fields of a shape, on the wire: checked, and described in the document. */
export interface Relation {
  /** True, or the field at fault and what is wrong with it. */
  readonly holds: (
    value: Readonly<Record<string, unknown>>
  ) => true | { readonly path: ReadonlyArray<string>; readonly issue: string }
  readonly described: JsonSchema.JsonSchema
}
/** Exactly one of these fields is given. */
export const exactlyOne = (...names: readonly [string, ...ReadonlyArray<string>]): Relation => ({
  holds: (value) =>
    names.filter((name) => value[name] !== undefined).length === 1 || {
      path: [],
      issue: `give exactly one of ${names.join(", ")}`
    },
  described: { oneOf: names.map((name) => ({ required: [name] })) }
})

/** A shape with camelCase fields; `name` is its name in the OpenAPI document. */
export const struct = <const F extends Schema.Struct.Fields>(
  name: string,
  fields: F,
  relation: Relation | null = null
): struct<F> => {
  const keys = Object.keys(fields)
  const encoded = Object.fromEntries(keys.map((key) => [snake(key), Schema.toEncoded(fields[key] as Schema.Top)]))
  const toWire = new Map(keys.map((key) => [key, snake(key)]))
  const fromWire = new Map(keys.map((key) => [snake(key), key]))
  const mapping = SchemaTransformation.transform({ decode: rename(fromWire), encode: rename(toWire) })
  const shape = Schema.Struct(encoded)
  const related =
    relation === null
      ? shape
      : shape.check(Schema.makeFilter(relation.holds, { toJsonSchema: () => relation.described }))
  return related
    .annotate({ identifier: name })
    .pipe(Schema.decodeTo(Schema.Struct(fields) as Schema.Top, mapping as never)) as unknown as struct<F>
}

/** A point in time: ISO 8601 in UTC on the wire. */
export const Time = Schema.DateTimeUtcFromString
/** The same from a caller, who has to write it so: RFC 3339, with an offset. */
export const GivenTime = Schema.String.annotate({ format: "date-time" })
  .check(
    Schema.isPattern(
      /^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$/u,
      { message: "expected a time like 2027-01-31T12:00:00Z" }
    )
  )
  .pipe(Schema.decodeTo(Schema.DateTimeUtc, SchemaTransformation.dateTimeUtcFromString))
export const OptionalTime = Schema.NullOr(Time)
