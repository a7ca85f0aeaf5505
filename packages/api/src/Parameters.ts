/** Path, query and header parameters that many endpoints share. */
import { ProjectId } from "@rdev/core/domain/Ids"
import { ProjectName } from "@rdev/core/domain/Project"
import { Schema, SchemaTransformation } from "effect"

/** An id or a name. */
export const ProjectKey = Schema.Union([ProjectId, ProjectName]).annotate({ description: "A project's name or id" })
export const project = { project: ProjectKey }

/** A whole number in digits, as a parameter; the document describes it as the integer that it is. */
export const Whole = (minimum: number, maximum: number) =>
  Schema.String.check(
    Schema.isPattern(/^(?:0|[1-9][0-9]{0,15})$/u, { message: `expected a whole number from ${minimum} to ${maximum}` })
  ).pipe(
    Schema.decodeTo(Schema.Int.check(Schema.isBetween({ minimum, maximum })), SchemaTransformation.numberFromString)
  )
const Limit = Whole(1, 100)
/** How many (default 20), and where to go on: `next_cursor` of the page before, with the same filters. */
export const paging = {
  limit: Schema.optionalKey(Limit),
  cursor: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(512)))
}
export const defaultLimit = 20

/** `page.items` in order and `nextCursor`, null at the end. */
export const nextCursor = { nextCursor: Schema.NullOr(Schema.String) }

/** Of an operation: whatever its definition is called. */
export const Kind = Schema.String.check(
  Schema.isMaxLength(64),
  Schema.isPattern(/^[\x21-\x7e]+$/u, { message: "expected visible ASCII characters" })
)

export const Seconds = (maximum: number) => Whole(0, maximum)
/** Seq to read after; 0 = from the beginning. */
export const Seq = Whole(0, Number.MAX_SAFE_INTEGER)

/** `?dry_run=true`: say what would be done, do nothing. */
export const dryRun = { dry_run: Schema.optionalKey(Schema.Literals(["true", "false"])) }
/** `Prefer: wait=N`: answer when the work has ended, or after N seconds (at most 60). */
export const prefer = {
  prefer: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^wait=([0-9]|[1-5][0-9]|60)$/u, { message: "expected wait=N with N from 0 to 60" })
    )
  )
}
/** Same key and same body: the first answer again. Kept 24 hours. */
export const idempotency = {
  "idempotency-key": Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[\x21-\x7e]{1,200}$/u, { message: "expected 1 to 200 visible ASCII characters" })
    )
  )
}
export const waitSeconds = (headers: { readonly prefer?: string }): number =>
  headers.prefer === undefined ? 0 : Number(headers.prefer.slice("wait=".length))
