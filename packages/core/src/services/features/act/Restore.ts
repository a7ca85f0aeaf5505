/**
 * Brings a feature's records back to the default branch where a revert took them away together with the code, or never had them. What is
 * there stays as it is, code is left alone, and nothing is restored of a feature whose folder went for another reason.
 */
import * as Layout from "@rdev/sdlc/repo/Layout"
import { stateOf } from "@rdev/sdlc/repo/State"
import { Effect, Option } from "effect"
import type { FeatureIndex } from "../../../domain/FeatureIndex.ts"
import type { Project } from "../../../domain/Project.ts"
import { BranchName, ForgeError, type Sha } from "../../../ports/infra/Forge.ts"
import { GitObjects } from "../../../ports/infra/GitObjects.ts"
import * as PolicyAuthority from "../../policy/PolicyAuthority.ts"
import * as FeatureFiles from "../read/FeatureFiles.ts"
import { RepositoryReader } from "../read/RepositoryReader.ts"
import { takenBack } from "../read/Reverts.ts"

const maxRaces = 8

/** Commits to the default branch what a commit holds of the feature and the branch does not; false when nothing is missing. */
export const records = Effect.fn("Restore.records")(function* (project: Project, slug: string, from: Sha) {
  const git = yield* GitObjects
  const reader = yield* RepositoryReader
  const target = FeatureFiles.targetOf(project)
  const main = BranchName.make(project.defaultBranch)
  const held = [...(yield* reader.state(target, from))].filter(([path]) => path.startsWith(Layout.featureDir(slug)))
  for (let race = 0; race < maxRaces; race++) {
    const head = yield* git.head(target, main)
    if (Option.isNone(head)) return false
    const there = yield* reader.state(target, head.value)
    const changes = held.flatMap(([path, content]) => (there.has(path) ? [] : [{ path, content }]))
    if (changes.length === 0) return false
    const done = yield* git
      .commit(target, {
        branch: main,
        expectedHead: head.value,
        changes,
        message: `sdlc(${slug}): bring its records back, from ${from.slice(0, 12)}`,
        author: { name: FeatureFiles.platformPrincipal.id, email: "platform@rdev" }
      })
      .pipe(
        Effect.asSome,
        Effect.catchIf(
          (error) => error.reason._tag === "Conflict",
          () => Effect.succeedNone
        )
      )
    if (Option.isSome(done)) return true
  }
  return yield* new ForgeError({
    operation: "GitObjects.commit",
    reason: { _tag: "Conflict", message: `${main} moved ${maxRaces} times while records were brought back` }
  })
})

/** A feature that no branch holds any more: whether a revert of its merge took its records along, and they are back. */
export const afterRevert = Effect.fn("Restore.afterRevert")(function* (project: Project, index: FeatureIndex) {
  const { intactSha, lifecycle, slug } = index
  if (intactSha === null || lifecycle !== "active") return false
  const reader = yield* RepositoryReader
  const target = FeatureFiles.targetOf(project)
  const main = yield* (yield* GitObjects).head(target, BranchName.make(project.defaultBranch))
  if (Option.isNone(main) || !(yield* reader.state(target, intactSha)).has(Layout.featurePath(slug))) return false
  const standing = yield* PolicyAuthority.standing(project.id, target, main.value)
  const loaded = yield* reader.feature(target, intactSha, slug, standing)
  const { merge } = stateOf(loaded)
  if (merge.status !== "merged" || merge.sha === undefined) return false
  return (yield* takenBack(target, main.value, merge.sha)) === null ? false : yield* records(project, slug, intactSha)
})
