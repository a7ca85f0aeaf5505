/** What the suites of a forge begin with: a repository of its own for each test, so that tests do not depend on their order. */
import { ProjectName } from "@rdev/core/domain/Project"
import * as NewId from "@rdev/core/ids/NewId"
import { BranchName, type ForgeError, type RepositoryTarget, type Sha } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Option } from "effect"

export const main = BranchName.make("main")
export const topic = BranchName.make("feature/topic")
export const author = { name: "Ada", email: "ada@example.org" }
export const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : Buffer.from(content).toString("utf8")

export const reasonOf = <A, R>(effect: Effect.Effect<A, ForgeError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)

/** A hosted forge keeps what an earlier run of the same suite left. */
const run = Math.random().toString(36).slice(2, 8)
let counter = 0
export const freshTarget = Effect.gen(function* () {
  counter += 1
  return {
    projectId: yield* NewId.make("proj"),
    name: ProjectName.make(`suite-${run}-${counter}`)
  } satisfies RepositoryTarget
})

export const fresh = Effect.gen(function* () {
  const repositories = yield* RepositoryHost
  const git = yield* GitObjects
  const target = yield* freshTarget
  yield* repositories.ensure(target, {
    defaultBranch: main,
    message: "Start",
    files: [
      { path: "README.md", content: "one\ntwo\nthree\nfour\nfive\nsix\nseven\n" },
      { path: "src/index.js", content: "export const a = 1\n" },
      { path: "run.sh", content: "#!/bin/sh\necho hi\n", executable: true }
    ]
  })
  const head = Option.getOrThrow(yield* git.head(target, main))
  const write = (branch: BranchName, expectedHead: Sha | null, path: string, content: string | null) =>
    git.commit(target, { branch, expectedHead, changes: [{ path, content }], message: `Change ${path}`, author })
  const branchOff = (branch: BranchName, path: string, content: string) =>
    Effect.flatMap(git.ensureBranch(target, branch, head), (at) => write(branch, at, path, content))
  return { repositories, git, target, head, write, branchOff }
})
