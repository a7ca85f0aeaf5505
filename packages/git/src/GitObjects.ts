/**
 * The port `GitObjects`, once for every forge: over bare repositories, wherever their truth lies (see `Where`). What moves is moved there;
 * everything else is git at work on a folder of this machine.
 */
import { ForgeError } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { Effect, Layer, type Scope } from "effect"
import * as Git from "./Git.ts"
import * as GitContents from "./GitContents.ts"
import type { GitError } from "./GitError.ts"
import type { Where } from "./GitRepository.ts"
import * as Handing from "./objects/Handing.ts"
import * as Importing from "./objects/Importing.ts"
import { counting, type Over } from "./objects/Over.ts"
import * as Reading from "./objects/Reading.ts"
import * as Writing from "./objects/Writing.ts"

/** One verb at the port's border: the port's error, and a span. */
const verb =
  (operation: string) =>
  <A>(work: Effect.Effect<A, GitError>): Effect.Effect<A, ForgeError> =>
    work.pipe(
      Effect.mapError(({ cause, reason }) => new ForgeError({ operation: `GitObjects.${operation}`, reason, cause })),
      Effect.withSpan(`GitObjects.${operation}`)
    )

const verbs = (over: Over): GitObjects["Service"] => {
  const wrap = <Args extends ReadonlyArray<unknown>, A>(
    operation: string,
    work: (over: Over) => (...args: Args) => Effect.Effect<A, GitError>
  ) => {
    const [run, named] = [work(over), verb(operation)]
    return (...args: Args) => named(run(...args))
  }
  return GitObjects.of({
    head: wrap("head", Reading.head),
    branches: wrap("branches", Reading.branches),
    listTree: wrap("listTree", Reading.listTree),
    readFiles: wrap("readFiles", Reading.readFiles),
    compare: wrap("compare", Reading.compare),
    brings: wrap("brings", Reading.brings),
    line: wrap("line", Reading.line),
    commit: wrap("commit", Writing.commit),
    ensureBranch: wrap("ensureBranch", Writing.ensureBranch),
    deleteBranch: wrap("deleteBranch", Writing.deleteBranch),
    updateBranch: wrap("updateBranch", Writing.updateBranch),
    advanceBranch: wrap("advanceBranch", Writing.advanceBranch),
    exportBundle: wrap("exportBundle", Handing.exportBundle),
    importBundle: wrap("importBundle", Handing.importBundle),
    prepareHandover: wrap("prepareHandover", Handing.prepareHandover),
    importHistory: wrap("importHistory", Importing.importHistory)
  })
}

export const make = (where: Where): Effect.Effect<GitObjects["Service"], never, Git.GitProgram | Scope.Scope> =>
  Effect.gen(function* () {
    const git = yield* Git.GitProgram
    const written = counting(git, yield* Effect.scope)
    return verbs({ git, where, written, contents: GitContents.make(git) })
  })

export const layer = (where: Where): Layer.Layer<GitObjects, never, Git.GitProgram> =>
  Layer.effect(GitObjects, make(where))
