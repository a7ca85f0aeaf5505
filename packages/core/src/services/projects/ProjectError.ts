/** What can be wrong with a request about projects. */
import { Schema } from "effect"

export const ProjectReason = Schema.TaggedUnion({
  NotFound: { project: Schema.String },
  /** The name is taken. */
  AlreadyExists: { name: Schema.String, detail: Schema.String },
  Invalid: { field: Schema.String, message: Schema.String },
  /** The project's status does not allow it now. */
  Conflict: { message: Schema.String }
})
export type ProjectReason = typeof ProjectReason.Type

export class ProjectError extends Schema.TaggedError<ProjectError>()("ProjectError", {
  operation: Schema.String,
  reason: ProjectReason
}) {
  override get message(): string {
    const r = this.reason
    switch (r._tag) {
      case "NotFound":
        return `project ${r.project} does not exist`
      case "AlreadyExists":
        return `name: ${r.name} is taken: ${r.detail}`
      case "Invalid":
        return `${r.field}: ${r.message}`
      case "Conflict":
        return r.message
    }
  }
}
