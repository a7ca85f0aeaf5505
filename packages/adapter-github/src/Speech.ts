/** Statuses of commits and comments on pull requests. */
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import * as ForgeSpeech from "@rdev/core/ports/infra/ForgeSpeech"
import type { Comment, CommitStatus } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Schema } from "effect"
import { invalid, is, notFound } from "./GitHubFailure.ts"
import type { Over } from "./Ownership.ts"

const shaPattern = /^[0-9a-f]{40}$/
const StatusAnswer = Schema.Struct({
  context: Schema.String,
  state: Schema.Literals(["error", "failure", "pending", "success"]),
  description: Schema.NullOr(Schema.String),
  target_url: Schema.NullOr(Schema.String)
})
const StatusPage = Schema.Struct({ statuses: Schema.Array(StatusAnswer) })

const checked = (sha: Sha) =>
  shaPattern.test(sha)
    ? Effect.succeed(sha)
    : Effect.fail(invalid("sha", `${JSON.stringify(sha.slice(0, 80))} is not a commit id`))

export const setStatus =
  ({ access: { client }, repositories }: Over) =>
  (target: RepositoryTarget, sha: Sha, status: CommitStatus) =>
    Effect.gen(function* () {
      const problem = ForgeSpeech.statusProblem(status)
      if (problem !== null) return yield* invalid(problem.field, problem.message)
      yield* checked(sha)
      yield* repositories.at(target, (credential, place) =>
        client.ask(credential, "POST /repos/{owner}/{repo}/statuses/{sha}", StatusAnswer, {
          ...place,
          sha,
          context: status.context,
          state: status.state,
          description: ForgeSpeech.line(status.description),
          ...(status.url === null ? {} : { target_url: status.url })
        })
      )
    })

export const statuses =
  ({ access: { client }, repositories }: Over) =>
  (target: RepositoryTarget, sha: Sha) =>
    Effect.gen(function* () {
      yield* checked(sha)
      const all = yield* repositories.at(target, (credential, place) =>
        client
          .all(credential, "GET /repos/{owner}/{repo}/commits/{ref}/status", StatusPage, (page) => page.statuses, {
            ...place,
            ref: sha
          })
          .pipe(
            // GitHub's word for a commit that there is none of.
            Effect.catchIf(is("Invalid"), () => Effect.fail(notFound(`commit ${sha} does not exist in ${place.repo}`)))
          )
      )
      return all
        .map(({ context, description, state, target_url }): CommitStatus => ({
          context,
          state,
          description: description ?? "",
          url: target_url === "" ? null : target_url
        }))
        .sort((a, b) => (a.context < b.context ? -1 : 1))
    })

const CommentAnswer = Schema.Struct({
  id: Schema.Int,
  body: Schema.optional(Schema.NullOr(Schema.String)),
  user: Schema.NullOr(Schema.Struct({ login: Schema.String })),
  created_at: Schema.String
})
type CommentAnswer = typeof CommentAnswer.Type

/** A key counts in a comment of the platform's own account alone: anybody can write a mark. */
const viewOf = (login: string, { body, created_at, id, user }: CommentAnswer): Comment => {
  const text = (body ?? "").replaceAll("\r\n", "\n")
  const own = user?.login === login
  const read = own ? ForgeSpeech.unmarked(text) : { key: null, body: text }
  return { id: String(id), author: user?.login ?? "ghost", ...read, createdAtMillis: Date.parse(created_at) }
}

export const comments =
  ({ access: { account, client }, repositories }: Over) =>
  (target: RepositoryTarget, number: number) =>
    Effect.gen(function* () {
      const { login } = yield* account()
      const all = yield* repositories.at(target, (credential, place) =>
        client.all(
          credential,
          "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
          Schema.Array(CommentAnswer),
          (page) => page,
          { ...place, issue_number: number }
        )
      )
      return all.map((one) => viewOf(login, one))
    })

export const ensureComment = (over: Over) => {
  const {
    access: { account, client },
    repositories
  } = over
  const list = comments(over)
  return Effect.fnUntraced(function* (
    target: RepositoryTarget,
    number: number,
    comment: { readonly key: string; readonly body: string }
  ) {
    const problem = ForgeSpeech.commentProblem(comment)
    if (problem !== null) return yield* invalid(problem.field, problem.message)
    const { login } = yield* account()
    const body = ForgeSpeech.marked(comment.key, comment.body)
    const there = (yield* list(target, number)).find(({ key }) => key === comment.key)
    if (there !== undefined && there.body === comment.body.trimEnd()) return there
    const answer = yield* repositories.at(target, (credential, place) =>
      there === undefined
        ? client.ask(credential, "POST /repos/{owner}/{repo}/issues/{issue_number}/comments", CommentAnswer, {
            ...place,
            issue_number: number,
            body
          })
        : client.ask(credential, "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}", CommentAnswer, {
            ...place,
            comment_id: Number(there.id),
            body
          })
    )
    return viewOf(login, answer)
  })
}
