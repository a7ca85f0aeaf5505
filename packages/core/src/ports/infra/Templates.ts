/** Project templates: the files of a new repository. */
import { Context, type Effect, Schema } from "effect"
import type { FileChange } from "./GitObjects.ts"

export class TemplateError extends Schema.TaggedError<TemplateError>()("TemplateError", {
  operation: Schema.String,
  /** The name asked for and the names there are, so that the message can say both. */
  template: Schema.String,
  available: Schema.Array(Schema.String),
  detail: Schema.String
}) {
  override get message(): string {
    return `template: ${this.detail}`
  }
}

export interface TemplateInfo {
  readonly name: string
  readonly title: string
  readonly kind: "static" | "service"
  readonly description: string
}
export interface TemplateVariables {
  readonly project: string
  readonly description: string
  readonly defaultBranch: string
}

export class Templates extends Context.Service<
  Templates,
  {
    readonly list: Effect.Effect<ReadonlyArray<TemplateInfo>, TemplateError>
    /** All files with the variables filled in, the rendered agent commands included. */
    files(name: string, variables: TemplateVariables): Effect.Effect<ReadonlyArray<FileChange>, TemplateError>
  }
>()("rdev/ports/Templates") {}
