/**
 * The step that waits until the owner of a history has pushed it into the empty repository. Then the forge takes its branch for the
 * default one and protects it, as it does at once for a repository that begins with files.
 */
import { Clock, Effect, Option, Schema } from "effect"
import type { ProjectId } from "../../../domain/Ids.ts"
import * as Step from "../../../operations/Step.ts"
import { BranchName, type ForgeError, type RepositoryTarget } from "../../../ports/infra/Forge.ts"
import { GitObjects } from "../../../ports/infra/GitObjects.ts"
import { RepositoryHost } from "../../../ports/infra/RepositoryHost.ts"
import { protect } from "../../resources/CodeProviders.ts"

export const key = "history"
/** The longer nobody has pushed, the less often it is looked: from every 2 s to every 30 s. */
const nextLook = (waitedMillis: number) => Math.min(Math.max(waitedMillis / 10, 2_000), 30_000)
/** A push of gigabytes over a slow line takes less. */
const patienceMillis = 3_600_000

const output = Schema.Struct({ sha: Schema.String })
export const make = (
  { defaultBranch, name }: { readonly defaultBranch: string; readonly name: RepositoryTarget["name"] },
  projectId: ProjectId
) => {
  const target = { projectId, name }
  const branch = BranchName.make(defaultBranch)
  return Step.make<typeof output.Type, GitObjects | RepositoryHost>({
    key,
    title: `Wait for the push of ${defaultBranch}`,
    dependsOn: ["repository"],
    intent: "run",
    repeatable: true,
    output,
    do: ({ startedAtMillis }) =>
      Effect.gen(function* () {
        const head = yield* Effect.mapError((yield* GitObjects).head(target, branch), Step.fromPort)
        if (Option.isNone(head)) {
          const now = yield* Clock.currentTimeMillis
          if (now - startedAtMillis > patienceMillis)
            return yield* Step.failure("Invalid", `nobody pushed the branch ${branch} within an hour`)
          return Step.wait(now + nextLook(now - startedAtMillis), `waits for a push of the branch ${branch}`)
        }
        const seed = { defaultBranch: branch, files: null, message: "" }
        yield* Effect.mapError((yield* RepositoryHost).ensure(target, seed), Step.fromPort)
        yield* Effect.mapError(protect(target, branch), (error: ForgeError) => Step.fromPort(error))
        return Step.done({ sha: head.value })
      })
  })
}
