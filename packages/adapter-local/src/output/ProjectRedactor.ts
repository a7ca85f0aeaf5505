/** What the output of a project's pipelines and builds is masked by. */
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { Redactor } from "@rdev/core/redaction/Redactor"
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import { Effect } from "effect"
import { fail, type LocalFailure } from "../LocalFailure.ts"

/** To be made where a layer is built: its effects run in fibers of others. */
export const make: Effect.Effect<(projectId: ProjectId) => Effect.Effect<Redactor, LocalFailure>> = Effect.map(
  Redaction,
  (redaction) => (projectId) =>
    Effect.mapError(redaction.of(projectId), (error) =>
      fail({
        _tag: "Unavailable",
        message: `the project's secrets, which its output is masked by, cannot be read: ${error.message}`
      })
    )
)
