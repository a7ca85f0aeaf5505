/**
 * Every failure as a problem (see @rdev/api/Problem). Looks at tags and reasons, never at messages; what it does not know is a 500
 * that tells nothing of the inside and is logged with its cause.
 */
import * as Problem from "@rdev/api/Problem"
import * as Wire from "@rdev/api/Wire"
import { CurrentRequest } from "@rdev/core/domain/Principal"
import type { OperationReason } from "@rdev/core/operations/OperationError"
import type { ForgeHookError } from "@rdev/core/ports/forge/ForgeHooks"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import type { StoreReason } from "@rdev/core/ports/stores/StoreError"
import type { WorkQueueReason } from "@rdev/core/queue/WorkQueue"
import type { FeatureReason } from "@rdev/core/services/features/report/FeatureError"
import type { ForgeInboxError } from "@rdev/core/services/forge/ForgeInbox"
import type { ProjectReason } from "@rdev/core/services/projects/ProjectError"
import type { WebhookReason } from "@rdev/core/services/Webhooks"
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as HttpServerError from "effect/http/HttpServerError"
import { HttpApiSchemaError } from "effect/http-api/HttpApiError"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"

type Tag =
  | FeatureReason["_tag"]
  | ForgeHookError["reason"]["_tag"]
  | ForgeInboxError["reason"]["_tag"]
  | OperationReason["_tag"]
  | PortReason["_tag"]
  | ProjectReason["_tag"]
  | StoreReason["_tag"]
  | WebhookReason["_tag"]
  | WorkQueueReason["_tag"]
/** Every reason of every service and port that a request may meet; null = of the inside, and what it says is not told. */
export const codeOfReason = {
  NotFound: "not-found",
  ProjectNotFound: "not-found",
  FeatureNotFound: "not-found",
  DocumentNotFound: "not-found",
  UnknownHook: "not-found",
  BadSignature: "bad-signature",
  Malformed: "invalid-input",
  AlreadyExists: "already-exists",
  Foreign: "conflict",
  Conflict: "conflict",
  ProjectNotReady: "conflict",
  Disabled: "conflict",
  TooMany: "conflict",
  Invalid: "unprocessable",
  TooLarge: "unprocessable",
  Forbidden: "forbidden",
  RateLimited: "rate-limited",
  Unsupported: "unsupported",
  ResourceExhausted: "unavailable",
  Unavailable: "unavailable",
  Unobservable: "unavailable",
  // Our own credentials are refused by a provider: nothing the caller could change.
  Unauthorized: "unavailable",
  Locked: null,
  Unknown: null,
  // Told where it is one damaged record's (see ofReason).
  Corrupt: null
} as const satisfies Readonly<Record<Tag, Problem.Code | null>>
const codeOf = (tag: string): Problem.Code | null =>
  Object.hasOwn(codeOfReason, tag) ? codeOfReason[tag as keyof typeof codeOfReason] : null

interface Failure {
  readonly _tag: string
  readonly message: string
  readonly reason?: unknown
}
const isFailure = (error: unknown): error is Failure =>
  typeof error === "object" &&
  error !== null &&
  typeof Reflect.get(error, "_tag") === "string" &&
  typeof Reflect.get(error, "message") === "string"
const reasonOf = (
  failure: Failure
): { readonly _tag: string; readonly field?: unknown; readonly message?: unknown } | null =>
  typeof failure.reason === "object" &&
  failure.reason !== null &&
  typeof Reflect.get(failure.reason, "_tag") === "string"
    ? (failure.reason as { readonly _tag: string })
    : null

const escape = (segment: string) => segment.replaceAll("~", "~0").replaceAll("/", "~1")
export const pointer = (...path: ReadonlyArray<string | number>): string =>
  path.map((segment) => `/${escape(String(segment))}`).join("")

const internal = (requestId: string | null) =>
  Problem.make("internal", {
    detail: `The request failed inside the server; its log says why under ${requestId ?? "this time"}`,
    requestId
  })

/** Fields of ports that the API calls otherwise. */
const wireNames: Readonly<Record<string, string>> = { argv: "command" }
/** `env.NAME` of a port is the data's own `NAME` in the field `env`. */
const pathOf = (field: string): ReadonlyArray<string> => {
  const [head = "", ...within] = field.split(".")
  return [wireNames[head] ?? Wire.snake(head), ...within]
}
/** Without the name of the port's operation, which says nothing to a caller. */
const told = (failure: Failure): string => {
  const prefix = `${String(Reflect.get(failure, "operation"))}: `
  return failure.message.startsWith(prefix) ? failure.message.slice(prefix.length) : failure.message
}

const ofReason = (failure: Failure, requestId: string | null): Problem.Problem => {
  const reason = reasonOf(failure)
  if (reason === null) return internal(requestId)
  if (failure._tag === "FeatureError" && reason._tag === "Corrupt")
    return Problem.make("conflict", { detail: failure.message, requestId })
  // One damaged record is no failure of the server: whoever asked for it is told which it is.
  if (failure._tag === "StoreError" && reason._tag === "Corrupt")
    return Problem.make("conflict", { detail: told(failure), requestId })
  const code = codeOf(reason._tag)
  if (code === null) return internal(requestId)
  const said = typeof reason.message === "string" ? reason.message : null
  const path = typeof reason.field === "string" ? pathOf(reason.field) : null
  return Problem.make(code, {
    detail: path !== null && said !== null ? `${path.join(".")}: ${said}` : told(failure),
    requestId,
    ...(path === null ? {} : { errors: [{ pointer: pointer(...path), detail: said ?? told(failure) }] })
  })
}

/** The schema library's word for a field that the contract does not have. */
const excess = "Expected no excess property"
const slots = { Params: "path", Query: "query", Headers: "header", Payload: null } as const
const format = SchemaIssue.makeFormatterStandardSchemaV1()
/** The object that a body of another kind should have been; null when the body is one. */
const expectedObject = (issue: SchemaIssue.Issue): SchemaAST.Objects | null => {
  switch (issue._tag) {
    case "Encoding":
    case "Filter":
      return expectedObject(issue.issue)
    case "InvalidType":
      return SchemaAST.isObjects(issue.ast) ? issue.ast : null
    case "AnyOf": {
      const [only, ...more] = issue.issues
      if (only !== undefined) return more.length === 0 ? expectedObject(only) : null
      return issue.ast.types.map((type) => SchemaAST.toEncoded(type)).find(SchemaAST.isObjects) ?? null
    }
    default:
      return null
  }
}
const describeObject = (object: SchemaAST.Objects): string =>
  `expected a JSON object with ${object.propertySignatures.map((field) => `${String(field.name)}${SchemaAST.isOptional(field.type) ? " (optional)" : ""}`).join(", ")}`
/** Checks that follow a field's own transformation know it by its name in code. */
const keyOf = (segment: PropertyKey | { readonly key: PropertyKey }) => {
  const key = String(typeof segment === "object" ? segment.key : segment)
  return /^[a-z]+(?:[A-Z][a-z0-9]*)+$/.test(key) ? Wire.snake(key) : key
}

const ofInput = (error: HttpApiSchemaError, requestId: string | null): Problem.Problem => {
  if (error.kind === "Body" || error.kind === "ResponseHeaders") return internal(requestId)
  const slot = slots[error.kind as keyof typeof slots] ?? null
  const found = new Map<string, string>()
  for (const issue of format(error.cause.issue).issues) {
    const at = pointer(...(slot === null ? [] : [slot]), ...(issue.path ?? []).map(keyOf))
    // One thing to say per field: a value that breaks two checks is put right once.
    if (found.size < 50 && !found.has(at))
      found.set(at, issue.message === excess ? "unknown; remove it" : issue.message)
  }
  const errors = [...found].map(([at, detail]) => ({ pointer: at, detail }))
  // An id or name that cannot exist is a thing that does not exist.
  if (error.kind === "Params")
    return Problem.make("not-found", {
      detail: `There is nothing under this path: ${errors.map((one) => one.detail).join("; ")}`,
      requestId,
      errors
    })
  if (errors.length === 1 && errors[0]?.detail === "Expected a valid JSON body")
    return Problem.make("invalid-json", { detail: "The body cannot be read as JSON; send one JSON object", requestId })
  const wanted = error.kind === "Payload" ? expectedObject(error.cause.issue) : null
  if (wanted !== null)
    return Problem.make("invalid-input", {
      detail: `The body: ${describeObject(wanted)}`,
      requestId,
      errors: [{ pointer: "", detail: describeObject(wanted) }]
    })
  return Problem.make("invalid-input", {
    detail:
      errors.length === 1 ? "One thing is wrong with the input" : `${errors.length} things are wrong with the input`,
    requestId,
    errors
  })
}

const ofServer = (error: HttpServerError.HttpServerError, requestId: string | null): Problem.Problem => {
  const { reason } = error
  if (reason._tag === "RouteNotFound")
    return Problem.make("no-route", { detail: "No route answers this path; see /openapi.json", requestId })
  if (reason._tag === "RequestParseError" && reason.reason === "BodyTooLarge")
    return Problem.make("too-large", { detail: "The body is larger than 1 MiB", requestId })
  if (reason._tag === "RequestParseError")
    return Problem.make("invalid-input", { detail: "The request could not be read to its end", requestId })
  return internal(requestId)
}

export const problemOf = (error: unknown, requestId: string | null): Problem.Problem => {
  if (error instanceof Problem.Problem)
    return error.requestId === null ? new Problem.Problem({ ...Problem.fieldsOf(error), requestId }) : error
  if (HttpApiSchemaError.is(error)) return ofInput(error, requestId)
  if (!isFailure(error)) return internal(requestId)
  if (error._tag === "HttpServerError") return ofServer(error as unknown as HttpServerError.HttpServerError, requestId)
  if (error._tag === "AgentError")
    return Problem.make("unprocessable", {
      detail: error.message,
      requestId,
      errors: [{ pointer: "/agent", detail: error.message }]
    })
  if (error._tag === "TemplateError")
    return Problem.make("unprocessable", {
      detail: error.message,
      requestId,
      errors: [{ pointer: "/template", detail: error.message }]
    })
  return ofReason(error, requestId)
}

/** Failures of the inside on the way to an effect, which may or may not have been reached. */
const uncertain = new WeakSet<Problem.Problem>()
/** Whether a handler that answered with it has changed nothing for certain: a refusal, not something that broke. */
const isDefinite = (problem: Problem.Problem): boolean => problem.status < 500 || !uncertain.has(problem)

/** The same of any failure: what does not fit the contract was refused before a handler began. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Problem.Problem
    ? isDefinite(error)
    : HttpApiSchemaError.is(error) && ofInput(error, null).status < 500

/** A message of a port may quote what a program printed. */
const masked = (problem: Problem.Problem, text: (text: string) => string): Problem.Problem => {
  const detail = text(problem.detail)
  return detail === problem.detail
    ? problem
    : new Problem.Problem({
        ...Problem.fieldsOf(problem),
        detail,
        errors: (problem.errors ?? []).map((one) => ({ ...one, detail: text(one.detail) }))
      })
}

/** Maps a service's failures; the cause of a 5xx goes to the log. */
export const answer = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, Problem.Problem, R> =>
  Effect.catch(effect, (error) =>
    Effect.gen(function* () {
      const { requestId } = yield* CurrentRequest
      const problem = masked(problemOf(error, requestId), (yield* Redaction).text)
      const broke = problem.status >= 500 && !(error instanceof Problem.Problem)
      if (broke && problem.code !== "unsupported") uncertain.add(problem)
      if (broke) yield* Effect.logError(`request ${requestId} failed`, error)
      return yield* problem
    })
  )

/** The problem of whatever ended a request, and whether it belongs in the log. */
export const ofCause = (cause: Cause.Cause<unknown>, requestId: string | null) =>
  Effect.map(Redaction, ({ text }): { readonly problem: Problem.Problem; readonly unexpected: boolean } => {
    const first = cause.reasons.find((reason) => Cause.isFailReason(reason) || Cause.isDieReason(reason))
    const error =
      first === undefined
        ? null
        : Cause.isFailReason(first)
          ? first.error
          : Cause.isDieReason(first)
            ? first.defect
            : null
    const problem = masked(problemOf(error, requestId), text)
    return { problem, unexpected: problem.code === "internal" }
  })
