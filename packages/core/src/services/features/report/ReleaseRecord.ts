/** Keeps the environment's record of what is live, for those who list projects; the deployer is the one to ask when it matters. */
import { Effect, Schedule } from "effect"
import type { ProjectId } from "../../../domain/Ids.ts"
import type { Release } from "../../../ports/infra/Deployer.ts"
import * as Environments from "../../projects/Environments.ts"

/** Written again when somebody else changed it meanwhile. */
export const live = Effect.fn("ReleaseRecord.live")(function* (
  projectId: ProjectId,
  { deployedAtMillis, environment, id, sha, url }: Release
) {
  const write = Effect.gen(function* () {
    const found = (yield* Environments.of(projectId)).find(({ name }) => name === environment)
    if (found === undefined) return
    yield* Environments.edit(found.id, () => ({ url, release: { id, sha, url, atMillis: deployedAtMillis } }))
  })
  yield* Effect.retry(write, { while: (error) => error.reason._tag === "Conflict", schedule: Schedule.recurs(5) })
})
