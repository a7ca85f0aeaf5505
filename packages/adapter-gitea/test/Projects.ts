/** Projects with a repository of these files. */
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Option } from "effect"

export const main = BranchName.make("main")
export const make = Effect.fnUntraced(function* (files: Readonly<Record<string, string>>) {
  const projectId = yield* NewId.make("proj")
  const target: RepositoryTarget = { projectId, name: ProjectName.make(`p-${projectId.slice(-12).toLowerCase()}`) }
  yield* (yield* RepositoryHost).ensure(target, {
    defaultBranch: main,
    message: "Start",
    files: Object.entries(files).map(([path, content]) => ({ path, content }))
  })
  return { target, sha: Option.getOrThrow(yield* (yield* GitObjects).head(target, main)) }
})
/** A pipeline of these steps, each one command. */
export const steps = (commands: Readonly<Record<string, string>>): string =>
  `steps:\n${Object.entries(commands)
    .map(([name, command]) => `  - name: ${name}\n    commands: [ ${JSON.stringify(command)} ]\n`)
    .join("")}`
