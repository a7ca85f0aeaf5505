/** The operations that can be asked for on a project, by kind: what each would do, and its start. */
import type { NewOperation } from "@rdev/api/groups/Operations"
import * as Problem from "@rdev/api/Problem"
import type { Operation } from "@rdev/core/domain/Operation"
import type { Project } from "@rdev/core/domain/Project"
import type { OperationError } from "@rdev/core/operations/OperationError"
import type { OperationPlan } from "@rdev/core/operations/Plan"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import type { ProjectError } from "@rdev/core/services/projects/ProjectError"
import { Projects } from "@rdev/core/services/Projects"
import { type TreeRequest, Trees } from "@rdev/core/services/Trees"
import * as Effect from "effect/Effect"
import { told, TreeCatalogue } from "./TreeCatalogue.ts"

type Failure = OperationError | Problem.Problem | ProjectError | StoreError
export interface Startable {
  readonly plan: Effect.Effect<OperationPlan, Failure>
  readonly start: Effect.Effect<Operation, Failure>
}

const wrong = (detail: string) =>
  Problem.make("invalid-input", { detail: "One thing is wrong with the input", errors: [{ pointer: "/tree", detail }] })

export const make = Effect.gen(function* () {
  const projects = yield* Projects
  const trees = yield* Trees
  const catalogue = yield* TreeCatalogue

  const run = Effect.fnUntraced(function* ({ id, name }: Project, { planDigest, tree }: typeof NewOperation.Type) {
    if (tree === undefined) return yield* wrong("tree.run needs one: give its name or its text")
    const request: TreeRequest = {
      ...(yield* catalogue.resolve(tree, "/tree")),
      project: { id, name },
      ...(planDigest === undefined ? {} : { planDigest })
    }
    return { plan: told("/tree", trees.plan(request)), start: told("/tree", trees.run(request)) } satisfies Startable
  })

  return (project: Project, wanted: typeof NewOperation.Type): Effect.Effect<Startable, Failure> => {
    const { kind, planDigest } = wanted
    if (kind === "tree.run") return run(project, wanted)
    if (wanted.tree !== undefined) return Effect.fail(wrong(`${kind} takes none`))
    const started = kind === "project.sync" ? projects.sync : projects.delete
    return Effect.succeed({
      plan: kind === "project.sync" ? projects.planSync(project.id) : projects.planDelete(project.id),
      start: Effect.map(started(project.id, planDigest), ({ operation }) => operation)
    })
  }
})
