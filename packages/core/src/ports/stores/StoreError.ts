/** The error of every persistence port. Adapters translate their driver's failures into it in one classifyError. */
import { Schema } from "effect"

export const StoreReason = Schema.TaggedUnion({
  NotFound: { entity: Schema.String, id: Schema.String },
  /** A unique name, key or id is taken. */
  AlreadyExists: { entity: Schema.String, id: Schema.String },
  /** Somebody changed the row since it was read (revision, fence or lease epoch differ). */
  Conflict: { message: Schema.String },
  Invalid: { field: Schema.String, message: Schema.String },
  /** The database cannot be reached or is restarting; the call may be tried again. */
  Unavailable: { message: Schema.String },
  /** The data folder is held by another process. */
  Locked: { message: Schema.String },
  /** A stored row cannot be decoded, or the data is of a newer version. */
  Corrupt: { message: Schema.String },
  Unknown: { message: Schema.String }
})
export type StoreReason = typeof StoreReason.Type

/** What is stored cannot be read, and no second try changes that: it is that record's trouble alone. */
export const isUnreadable = (error: StoreError): boolean =>
  error.reason._tag === "Corrupt" || error.reason._tag === "Invalid"

export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  /** `Port.method`. */
  operation: Schema.String,
  reason: StoreReason,
  cause: Schema.optional(Schema.Defect())
}) {
  override get message(): string {
    const r = this.reason
    switch (r._tag) {
      case "NotFound":
        return `${r.entity} ${r.id} does not exist`
      case "AlreadyExists":
        return `${r.entity} ${r.id} exists already`
      case "Invalid":
        return `${r.field}: ${r.message}`
      default:
        return `${this.operation}: ${r.message}`
    }
  }
  get retryable(): boolean {
    return this.reason._tag === "Unavailable"
  }
}
