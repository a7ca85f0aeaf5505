/**
 * Bare repositories in the data folder: `<dataDir>/git/<name>.git`, each with a mark `rdev/repository.json` that names its project.
 * A folder without our mark, or with another project's, is never read or changed.
 */
import * as Ids from "@rdev/core/domain/Ids"
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName, type RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Seed } from "@rdev/core/ports/infra/RepositoryHost"
import type { Git } from "@rdev/git/Git"
import * as GitCommit from "@rdev/git/GitCommit"
import type { GitError } from "@rdev/git/GitError"
import * as GitGuard from "@rdev/git/GitGuard"
import * as GitRefs from "@rdev/git/GitRefs"
import { Clock, Effect, Schema } from "effect"
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Damaged from "../records/Damaged.ts"
import { attempt, foreign, invalid, type LocalFailure, notFound } from "../LocalFailure.ts"
import * as RecordFile from "../records/RecordFile.ts"

export const Mark = Schema.Struct({
  format: Schema.Literal(1),
  projectId: Ids.ProjectId,
  name: ProjectName,
  defaultBranch: BranchName,
  createdAtMillis: Schema.Int
})
export type Mark = typeof Mark.Type
const decodeMark = Schema.decodeUnknownSync(Mark)

export interface LocalRepository extends Mark {
  readonly directory: string
}

export const rootOf = (dataDir: string): string => join(dataDir, "git")
export const directoryOf = (dataDir: string, name: string): string => join(rootOf(dataDir), `${name}.git`)
/** rdev's records beside git's files. */
export const recordOf = (directory: string, name: string): string => join(directory, "rdev", name)

const isName = Schema.is(ProjectName)
const exists = (path: string) =>
  stat(path).then(
    () => true,
    (cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return false
      throw cause
    }
  )

/** The repository with its mark, or null when nothing is there. Foreign when something else is. */
export const observe = (
  dataDir: string,
  name: string
): Effect.Effect<LocalRepository | null, GitError | LocalFailure> =>
  Effect.tap(
    attempt(async () => {
      if (!isName(name)) throw invalid("name", `${JSON.stringify(name)} is not a project name`)
      const directory = directoryOf(dataDir, name)
      const mark = await RecordFile.read(recordOf(directory, "repository.json"), decodeMark)
      if (mark !== null) return { ...mark, directory }
      if (await exists(directory))
        throw foreign(`${directory} exists and was not made by rdev; move it away or choose another project name`)
      return null
    }),
    (found) => (found === null ? Effect.void : GitGuard.check(found.directory, found.defaultBranch))
  )

/** The target's repository; NotFound or Foreign otherwise. */
export const open = (
  dataDir: string,
  target: RepositoryTarget
): Effect.Effect<LocalRepository, GitError | LocalFailure> =>
  Effect.flatMap(observe(dataDir, target.name), (found) => {
    if (found === null) return Effect.fail(notFound(`repository ${target.name} does not exist`))
    if (found.projectId !== target.projectId)
      return Effect.fail(foreign(`repository ${target.name} belongs to ${found.projectId}`))
    return Effect.succeed(found)
  })

const firstCommit = (git: Git, directory: string, { defaultBranch, files, message }: Seed) =>
  files === null
    ? Effect.void
    : GitCommit.commit(
        git,
        directory,
        { branch: defaultBranch, expectedHead: null, changes: files, message, author: GitCommit.platform },
        new Map(),
        (updates) => GitRefs.updateRefs(git, directory, updates)
      )

/** Builds the repository aside and renames it into place, so that a crash leaves no half-made one. */
export const create = Effect.fn("LocalRepositories.create")(function* (
  git: Git,
  dataDir: string,
  target: RepositoryTarget,
  seed: Seed
) {
  const now = yield* Clock.currentTimeMillis
  const aside = join(rootOf(dataDir), `.new-${yield* NewId.ulid}`)
  const final = directoryOf(dataDir, target.name)
  const mark: Mark = {
    format: 1,
    projectId: target.projectId,
    name: target.name,
    defaultBranch: seed.defaultBranch,
    createdAtMillis: now
  }
  const build = Effect.gen(function* () {
    yield* attempt(() => mkdir(rootOf(dataDir), { recursive: true, mode: 0o700 }))
    yield* git.run(aside, [
      "init",
      "--quiet",
      "--bare",
      "--template=",
      `--initial-branch=${seed.defaultBranch}`,
      "--",
      aside
    ])
    yield* attempt(() => writeFile(join(aside, "config"), GitGuard.config))
    yield* firstCommit(git, aside, seed)
    yield* attempt(() => RecordFile.write(recordOf(aside, "repository.json"), mark))
    yield* attempt(() => rename(aside, final))
  })
  yield* build.pipe(Effect.tapError(() => Effect.ignore(attempt(() => rm(aside, { recursive: true, force: true })))))
  return { ...mark, directory: final } satisfies LocalRepository
})

/** Removes in two steps, so that a crash never leaves a marked but partly deleted repository. */
export const remove = (dataDir: string, repository: LocalRepository): Effect.Effect<void, GitError | LocalFailure> =>
  Effect.flatMap(NewId.ulid, (id) =>
    attempt(async () => {
      const aside = join(rootOf(dataDir), `.gone-${id}`)
      await rename(repository.directory, aside)
      GitGuard.forget(repository.directory)
      await rm(aside, { recursive: true, force: true, maxRetries: 3 })
    })
  )

/** Every repository with our mark. */
export const list = (dataDir: string): Effect.Effect<ReadonlyArray<LocalRepository>, GitError | LocalFailure> =>
  Effect.gen(function* () {
    const names = yield* attempt(async () => {
      const root = rootOf(dataDir)
      return (await exists(root)) ? (await readdir(root)).filter((n) => n.endsWith(".git") && !n.startsWith(".")) : []
    })
    const found = yield* Effect.forEach(
      names,
      (name) =>
        Damaged.unless(
          {
            projectId: null,
            part: `repository ${name}`,
            repair: `Restore rdev/repository.json in its folder from a backup`
          },
          observe(dataDir, name.slice(0, -4)).pipe(
            Effect.catchIf(
              (failure) => failure.reason._tag === "Foreign" || failure.reason._tag === "Invalid",
              () => Effect.succeed(null)
            )
          )
        ),
      { concurrency: 8 }
    )
    return found.filter((repository) => repository !== null)
  })

/** Making a repository takes seconds; of a process that runs, nothing is as old. */
const staleMillis = 3_600_000
/** Half-made and half-removed folders of an earlier process: another one may be making a repository now. */
export const sweep = (dataDir: string): Effect.Effect<void, GitError | LocalFailure> =>
  attempt(async () => {
    const root = rootOf(dataDir)
    if (!(await exists(root))) return
    for (const name of await readdir(root)) {
      const found = /^\.(new|gone)-([0-9A-Z]{26})$/.exec(name)
      if (found !== null && (found[1] === "gone" || NewId.timeMillis(found[2] ?? "") < Date.now() - staleMillis))
        await rm(join(root, name), { recursive: true, force: true })
    }
  })
