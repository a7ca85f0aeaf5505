/**
 * What is said of commits and pull requests of this machine's forge, as JSON records beside the repository
 * (`rdev/statuses/<commit>.json`, `rdev/comments/<number>.json`). Callers serialise what writes per repository.
 */
import type { Sha } from "@rdev/core/ports/infra/Forge"
import * as ForgeSpeech from "@rdev/core/ports/infra/ForgeSpeech"
import type { Comment, CommitStatus } from "@rdev/core/ports/infra/RepositoryHost"
import type { Git } from "@rdev/git/Git"
import * as GitRefs from "@rdev/git/GitRefs"
import { Clock, Effect, Schema } from "effect"
import { join } from "node:path"
import { attempt, fail, invalid, notFound } from "../LocalFailure.ts"
import * as Damaged from "../records/Damaged.ts"
import * as RecordFile from "../records/RecordFile.ts"
import { type LocalRepository, recordOf } from "./LocalRepositories.ts"
import * as PullRequests from "./PullRequests.ts"

/** Of one commit, and of one pull request. */
const most = 1_000

const Statuses = Schema.Array(
  Schema.Struct({
    context: Schema.String,
    state: Schema.Literals(["pending", "success", "failure", "error"]),
    description: Schema.String,
    url: Schema.NullOr(Schema.String)
  })
)
const Comments = Schema.Array(
  Schema.Struct({
    id: Schema.String,
    author: Schema.String,
    body: Schema.String,
    key: Schema.NullOr(Schema.String),
    createdAtMillis: Schema.Int
  })
)

const record = <A>(
  repository: LocalRepository,
  part: string,
  path: readonly [folder: string, name: string],
  decode: (json: unknown) => ReadonlyArray<A>
) => {
  const file = join(recordOf(repository.directory, path[0]), `${path[1]}.json`)
  const whose: Damaged.Whose = {
    projectId: repository.projectId,
    part,
    repair: `Remove git/${repository.name}.git/rdev/${path[0]}/${path[1]}.json in the data folder; what was said there is said anew by and by`
  }
  return {
    read: Effect.map(
      Damaged.told(
        whose,
        attempt(() => RecordFile.read(file, decode))
      ),
      (found) => found ?? []
    ),
    write: (all: ReadonlyArray<A>) => attempt(() => RecordFile.write(file, all))
  }
}
const full = (what: string) =>
  fail({ _tag: "ResourceExhausted", message: `${what} has ${most} of them already; nothing more is kept` })

const statusesOf = (repository: LocalRepository, sha: Sha) =>
  record<CommitStatus>(repository, `statuses of ${sha}`, ["statuses", sha], Schema.decodeUnknownSync(Statuses))

const requireCommit = Effect.fnUntraced(function* (git: Git, repository: LocalRepository, sha: Sha) {
  if (!GitRefs.isSha(sha)) return yield* invalid("sha", `${JSON.stringify(sha)} is not a commit id`)
  const { stdout } = yield* git.run(repository.directory, ["cat-file", "--batch-check=%(objecttype)"], {
    stdin: `${sha}\n`
  })
  if (stdout.toString("utf8").trim() !== "commit")
    return yield* notFound(`commit ${sha} does not exist in ${repository.name}`)
})

export const statuses = Effect.fnUntraced(function* (git: Git, repository: LocalRepository, sha: Sha) {
  yield* requireCommit(git, repository, sha)
  return (yield* statusesOf(repository, sha).read).toSorted((a, b) => (a.context < b.context ? -1 : 1))
})

export const setStatus = Effect.fnUntraced(function* (
  git: Git,
  repository: LocalRepository,
  sha: Sha,
  status: CommitStatus
) {
  const problem = ForgeSpeech.statusProblem(status)
  if (problem !== null) return yield* invalid(problem.field, problem.message)
  yield* requireCommit(git, repository, sha)
  const kept = statusesOf(repository, sha)
  const others = (yield* kept.read).filter(({ context }) => context !== status.context)
  if (others.length >= most) return yield* full(`commit ${sha}`)
  yield* kept.write([...others, { ...status, description: ForgeSpeech.line(status.description) }])
})

const commentsOf = (repository: LocalRepository, number: number) =>
  record<Comment>(
    repository,
    `comments on pull request #${number}`,
    ["comments", String(number)],
    Schema.decodeUnknownSync(Comments)
  )

export const comments = (repository: LocalRepository, number: number) =>
  Effect.andThen(PullRequests.read(repository, number), commentsOf(repository, number).read)

export const ensureComment = Effect.fnUntraced(function* (
  repository: LocalRepository,
  number: number,
  { body, key }: { readonly key: string; readonly body: string }
) {
  const problem = ForgeSpeech.commentProblem({ key, body })
  if (problem !== null) return yield* invalid(problem.field, problem.message)
  yield* PullRequests.read(repository, number)
  const kept = commentsOf(repository, number)
  const all = yield* kept.read
  const there = all.find((one) => one.key === key)
  if (there === undefined && all.length >= most) return yield* full(`pull request #${number}`)
  const comment: Comment = {
    id: there?.id ?? String(all.length + 1),
    author: "rdev",
    body: body.trimEnd(),
    key,
    createdAtMillis: there?.createdAtMillis ?? (yield* Clock.currentTimeMillis)
  }
  yield* kept.write(there === undefined ? [...all, comment] : all.map((one) => (one === there ? comment : one)))
  return comment
})
