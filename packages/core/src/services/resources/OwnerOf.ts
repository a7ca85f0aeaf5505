/** An owner as far as a provider's own list tells it: the project's id, and its name where the provider's id ends with it. */
import { Schema } from "effect"
import type { ResourceOwner } from "../../adapter/ResourceProvider.ts"
import type { ProjectId } from "../../domain/Ids.ts"
import { ProjectName } from "../../domain/Project.ts"

const isName = Schema.is(ProjectName)

/** The last part of an id such as `/repositories/hello.git` or `rdev_hello`; null when that is no name of a project. */
export const nameIn = (externalId: string): ProjectName | null => {
  const last =
    externalId
      .split("/")
      .at(-1)
      ?.replace(/\.git$/, "") ?? ""
  return isName(last) ? last : null
}

const unknown = ProjectName.make("unknown")

export const ownerOf = (projectId: ProjectId, externalId: string): ResourceOwner => ({
  id: projectId,
  project: { id: projectId, name: nameIn(externalId) ?? unknown },
  environment: null,
  hosts: [],
  address: ""
})
