/** Projects as the API shows them: the record, its environments, and what was found damaged. */
import type { ProjectView } from "@rdev/api/groups/Projects"
import type { Environment } from "@rdev/core/domain/Environment"
import type { Project } from "@rdev/core/domain/Project"
import type { Dns } from "@rdev/core/ports/infra/Dns"
import type { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import type { ProjectStore } from "@rdev/core/ports/stores/ProjectStore"
import { Quarantine } from "@rdev/core/ports/stores/Quarantine"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { UnitOfWork } from "@rdev/core/ports/stores/UnitOfWork"
import * as Environments from "@rdev/core/services/projects/Environments"
import * as Effect from "effect/Effect"
import * as Views from "./Views.ts"

export type Needs = Dns | EnvironmentStore | ProjectStore | UnitOfWork

export const make = Effect.gen(function* () {
  const context = yield* Effect.context<Needs>()
  const quarantine = yield* Quarantine
  const view = (project: Project, environments: ReadonlyArray<Environment>): ProjectView =>
    Views.project(project, {
      environments,
      damages: [project.id, ...environments.map(({ id }) => id)].flatMap((id) => quarantine.of(id))
    })
  return {
    one: (project: Project): Effect.Effect<ProjectView, StoreError> =>
      Effect.map(Effect.provideContext(Environments.of(project.id), context), (environments) =>
        view(project, environments)
      ),
    all: (projects: ReadonlyArray<Project>): Effect.Effect<ReadonlyArray<ProjectView>, StoreError> =>
      Effect.map(Effect.provideContext(Environments.ofAll(projects), context), (all) =>
        projects.map((project) => view(project, all.get(project.id) ?? []))
      )
  }
})
