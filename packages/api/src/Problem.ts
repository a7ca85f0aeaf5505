/**
 * The one error of the API: RFC 9457 problem details, for every status of 400 and above. `code` is stable and meant for programs,
 * `detail` names the cause and the fix for people, `errors` points into the input (RFC 6901 pointers; `/query/limit`,
 * `/header/if-match` and `/path/project` stand for what is not in the body).
 */
import { Option, Schema, SchemaTransformation } from "effect"
import { HttpApiSchema } from "effect/http-api"
import * as Wire from "./Wire.ts"

export const contentType = "application/problem+json"

/** Code → status and title. A code is added, never changed. */
export const codes = {
  "invalid-input": [400, "The input is invalid"],
  "invalid-json": [400, "The body is not JSON"],
  "invalid-cursor": [400, "The cursor does not fit"],
  "malformed-request": [400, "The request is not HTTP"],
  "bad-host": [421, "This server does not answer for that host"],
  unauthorized: [401, "A valid API key is required"],
  "bad-signature": [403, "The signature does not fit"],
  forbidden: [403, "The key may not do this"],
  "forbidden-origin": [403, "This origin may not call the API"],
  "not-found": [404, "There is no such thing"],
  "no-route": [404, "There is no such route"],
  "method-not-allowed": [405, "The route does not take this method"],
  "not-acceptable": [406, "No representation fits the Accept header"],
  "request-timeout": [408, "The request took too long to arrive"],
  conflict: [409, "The request does not fit the current state"],
  "already-exists": [409, "The name is taken"],
  "idempotency-in-flight": [409, "A request with this key is under way"],
  "idempotency-unknown": [409, "What became of the first request with this key is not known"],
  "precondition-failed": [412, "It was changed since it was read"],
  "expectation-failed": [417, "The expectation cannot be met"],
  "too-large": [413, "The body is too large"],
  "unsupported-media-type": [415, "The body must be JSON"],
  unprocessable: [422, "The request cannot be carried out as it is"],
  "idempotency-mismatch": [422, "The key was used with another body"],
  "precondition-required": [428, "If-Match is required"],
  "rate-limited": [429, "Too many requests"],
  "headers-too-large": [431, "The headers are too large"],
  internal: [500, "Something went wrong here"],
  unsupported: [501, "This installation cannot do it"],
  unavailable: [503, "A part of the system cannot be reached"]
} as const satisfies Record<string, readonly [status: number, title: string]>
export type Code = keyof typeof codes

export const InputError = Wire.struct("InputError", { pointer: Schema.String, detail: Schema.String })

export class Problem extends Schema.Error<Problem>("rdev/Problem")({
  /** `urn:rdev:problem:<code>`. */
  type: Schema.String,
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  code: Schema.String,
  /** Null where no request could be told apart. */
  requestId: Schema.NullOr(Schema.String),
  errors: Schema.optionalKey(Schema.Array(InputError))
}) {
  override get message(): string {
    const where = (this.errors ?? [])
      .filter((error) => !this.detail.includes(error.detail))
      .map((error) => `\n  ${error.pointer}: ${error.detail}`)
      .join("")
    return `${this.detail}${where}`
  }
}

export interface Details {
  readonly detail: string
  readonly requestId?: string | null
  readonly errors?: ReadonlyArray<typeof InputError.Type>
}

export const make = (code: Code, details: Details): Problem => {
  const [status, title] = codes[code]
  return new Problem({
    type: `urn:rdev:problem:${code}`,
    title,
    status,
    detail: details.detail,
    code,
    requestId: details.requestId ?? null,
    ...(details.errors === undefined ? {} : { errors: details.errors })
  })
}

const Fields = Wire.struct("Problem", Problem.fields)
/** Its members as plain data. */
export const fieldsOf = (problem: Problem): typeof Fields.Type => ({
  type: problem.type,
  title: problem.title,
  status: problem.status,
  detail: problem.detail,
  code: problem.code,
  requestId: problem.requestId,
  ...(problem.errors === undefined ? {} : { errors: problem.errors })
})

/** The wire form, for a response that no endpoint makes. */
export const encode = (problem: Problem): typeof Fields.Encoded => Schema.encodeSync(Fields)(fieldsOf(problem))
export const decode = (body: unknown): Option.Option<Problem> =>
  Option.map(Schema.decodeUnknownOption(Fields)(body), (fields) => new Problem(fields))

const withStatus = (status: number) =>
  Fields.pipe(
    Schema.decodeTo(
      Schema.instanceOf(Problem).check(Schema.makeFilter((problem) => problem.status === status)),
      SchemaTransformation.transform({ decode: (fields) => new Problem(fields), encode: fieldsOf })
    ),
    HttpApiSchema.status(status),
    HttpApiSchema.asJson({ contentType })
  )

const byStatus: ReadonlyMap<number, ReturnType<typeof withStatus>> = new Map(
  [...new Set<number>(Object.values(codes).map(([status]) => status))].map((status) => [status, withStatus(status)])
)
const statuses = (...list: ReadonlyArray<number>) => list.flatMap((status) => byStatus.get(status) ?? [])

/** What every endpoint may answer besides success. */
export const read = statuses(400, 401, 403, 404, 405, 406, 421, 429, 500, 501, 503)
/** The same for endpoints that read on from a position, which may name nothing. */
export const readFrom = [...read, ...statuses(422)]
/** The same for endpoints that change something. */
export const write = [...read, ...statuses(409, 412, 413, 415, 422, 428)]
