/** Keeps the project's record of what is live, for those who list projects; the deployer is the one to ask when it matters. */
import { DateTime, Effect, Option, Schedule } from "effect"
import type { ProjectId } from "../../../domain/Ids.ts"
import type { Release } from "../../../ports/infra/Deployer.ts"
import { ProjectStore } from "../../../ports/stores/ProjectStore.ts"
import * as ProjectRecord from "../../projects/ProjectRecord.ts"

/** Written again when somebody else changed the project meanwhile. */
export const live = Effect.fn("ReleaseRecord.live")(function* (projectId: ProjectId, release: Release) {
  const projects = yield* ProjectStore
  const write = Effect.gen(function* () {
    const project = yield* projects.byId(projectId)
    if (Option.isNone(project)) return
    const environments = project.value.environments.map((one) =>
      one.name === release.environment ? { ...one, url: release.url, sha: release.sha, releaseId: release.id } : one
    )
    yield* projects.update(ProjectRecord.changed(project.value, { environments }, yield* DateTime.now))
  })
  yield* Effect.retry(write, { while: (error) => error.reason._tag === "Conflict", schedule: Schedule.recurs(5) })
})
