/**
 * What adapters share that read a forge's posts: headers, the body as JSON, its shape by a schema, and the check of what they make of it.
 * An adapter says the schemas and what they mean; whatever is wrong is told with its place.
 */
import { Effect, Option, Schema, SchemaIssue } from "effect"
import { ForgeEvent } from "../../domain/forge/ForgeEvent.ts"
import { ForgeHookError } from "./ForgeHooks.ts"

/** What a body tells; `atMillis` as in `Delivery`. */
export interface Read {
  readonly atMillis: number | null
  readonly events: ReadonlyArray<ForgeEvent>
}
export interface Wrong {
  readonly field: string
  readonly message: string
}
/** A login, and whether it is the account that rdev works as. */
export type Who = (login: string) => { readonly login: string; readonly own: boolean }
export type Shape = (body: unknown, who: Who) => Read | Wrong

const malformed = (field: string, message: string) =>
  Effect.fail(new ForgeHookError({ reason: { _tag: "Malformed", field, message } }))

/** A header of the form that the forge gives it. */
export const header = (value: string | undefined, name: string, pattern: RegExp) =>
  value !== undefined && pattern.test(value)
    ? Effect.succeed(value)
    : malformed(name, value === undefined ? "missing" : "not as the forge sends it")

const utf8 = new TextDecoder("utf-8", { fatal: true })
/** The body of a good signature as JSON. */
export const json = (body: Uint8Array): Effect.Effect<unknown, ForgeHookError> =>
  Effect.try({
    try: (): unknown => JSON.parse(utf8.decode(body)),
    catch: () => new ForgeHookError({ reason: { _tag: "Malformed", field: "body", message: "not JSON in UTF-8" } })
  })

const format = SchemaIssue.makeFormatterStandardSchemaV1()
/** A body of this schema means this; any other says at which field it is another. */
export const shape =
  <A>(schema: Schema.Decoder<A>, read: (body: A, who: Who) => Read): Shape =>
  (body, who) => {
    const decoded = Schema.decodeUnknownResult(schema)(body)
    if (decoded._tag === "Success") return read(decoded.success, who)
    const [first] = format(decoded.failure.issue).issues
    const path = (first?.path ?? []).map((part) => String(typeof part === "object" ? part.key : part))
    return { field: ["body", ...path].join("."), message: first?.message ?? "not as the forge sends it" }
  }

/** A time of a body in milliseconds; null where it is none. */
export const time = (text: string): number | null =>
  Option.getOrNull(Option.filter(Option.some(Date.parse(text)), Number.isFinite))
/** Forges write zeros for a ref that is not there. */
export const commit = (sha: string): string | null => (/^0+$/.test(sha) ? null : sha)

const decodeEvents = Schema.decodeUnknownResult(Schema.Array(ForgeEvent))

/** By the forge's word for the event; one without a shape says nothing. `own`: whether a login is the account that rdev works as. */
export const read =
  (shapes: Readonly<Record<string, Shape>>) =>
  (event: string, body: unknown, own: (login: string) => boolean): Read | Wrong => {
    const known = Object.hasOwn(shapes, event) ? shapes[event] : undefined
    if (known === undefined) return { atMillis: null, events: [] }
    const found = known(body, (login) => ({ login, own: own(login) }))
    if ("field" in found) return found
    return decodeEvents(found.events)._tag === "Success"
      ? found
      : { field: "body", message: "it names something that no forge calls so" }
  }

/** What was read, or the error that says where it was not. */
export const orMalformed = (read: Read | Wrong): Effect.Effect<Read, ForgeHookError> =>
  "field" in read ? malformed(read.field, read.message) : Effect.succeed(read)
