/** Steps of a project's end that are about no resource: its workspaces, and what is left of its credentials. */
import { Effect, Schema } from "effect"
import type { EnvironmentId, ProjectId } from "../../domain/Ids.ts"
import type { Identity } from "../../operations/Definition.ts"
import * as Step from "../../operations/Step.ts"
import { WorkspaceHost } from "../../ports/infra/WorkspaceHost.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { OutputStore } from "../../ports/stores/OutputStore.ts"

/** The project that an operation is about. */
export const projectOf = ({ projectId }: Identity): ProjectId => {
  if (projectId === null) throw new Error("an operation on a project needs its id")
  return projectId
}

const removal = { intent: "delete", output: Schema.Null, repeatable: true } as const

/** What their commands printed goes with them. */
export const workspaces = (projectId: ProjectId) =>
  Step.make({
    ...removal,
    key: "workspaces",
    title: "End the workspaces",
    do: () =>
      Effect.gen(function* () {
        const host = yield* WorkspaceHost
        const mine = (yield* Effect.mapError(host.list, Step.fromPort)).filter(
          (workspace) => workspace.projectId === projectId
        )
        yield* Effect.forEach(
          mine,
          (workspace) => Effect.mapError(host.destroy(projectId, workspace.name), Step.fromPort),
          { discard: true }
        )
        yield* Effect.mapError((yield* OutputStore).remove(projectId), Step.fromPort)
        return Step.done(null)
      })
  })

export const credentials = (
  projectId: ProjectId,
  environments: ReadonlyArray<EnvironmentId>,
  dependsOn: ReadonlyArray<string>
) =>
  Step.make({
    ...removal,
    key: "credentials",
    title: "Forget the credentials",
    dependsOn,
    do: () =>
      Effect.gen(function* () {
        const store = yield* CredentialStore
        yield* Effect.forEach([projectId, ...environments], (owner) => store.removeAll(owner), { discard: true }).pipe(
          Effect.mapError(Step.fromStore)
        )
        return Step.done(null)
      })
  })
