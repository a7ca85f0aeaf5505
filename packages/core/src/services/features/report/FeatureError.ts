/** What can go wrong when somebody asks something of a feature. Port failures pass through as they are. */
import { Schema } from "effect"

export const FeatureReason = Schema.TaggedUnion({
  ProjectNotFound: { project: Schema.String },
  FeatureNotFound: { project: Schema.String, slug: Schema.String },
  DocumentNotFound: { feature: Schema.String, document: Schema.String, has: Schema.Array(Schema.String) },
  AlreadyExists: { project: Schema.String, slug: Schema.String },
  /** The project is not ready (still provisioning, failed or being deleted). */
  ProjectNotReady: { project: Schema.String, status: Schema.String },
  Invalid: { field: Schema.String, message: Schema.String },
  /** The verb does not fit the feature's state now, e.g. approving a gate that nothing was submitted to. */
  Conflict: { message: Schema.String },
  /** A file of the feature is damaged or forged. */
  Corrupt: { file: Schema.String, message: Schema.String },
  Forbidden: { message: Schema.String }
})
export type FeatureReason = typeof FeatureReason.Type

export class FeatureError extends Schema.TaggedError<FeatureError>()("FeatureError", {
  operation: Schema.String,
  reason: FeatureReason
}) {
  override get message(): string {
    const r = this.reason
    switch (r._tag) {
      case "ProjectNotFound":
        return `project ${r.project} does not exist`
      case "FeatureNotFound":
        return `project ${r.project} has no feature ${r.slug}`
      case "DocumentNotFound":
        return `feature ${r.feature} has no document ${r.document}; it has ${r.has.join(", ") || "none yet"}`
      case "AlreadyExists":
        return `project ${r.project} has a feature ${r.slug} already; choose another slug`
      case "ProjectNotReady":
        return `project ${r.project} is ${r.status}; wait until it is ready`
      case "Invalid":
        return `${r.field}: ${r.message}`
      case "Corrupt":
        return `${r.file}: ${r.message}`
      default:
        return r.message
    }
  }
}
