/** What is said of commits and pull requests: statuses and comments. */
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import * as ForgeSpeech from "@rdev/core/ports/infra/ForgeSpeech"
import type { Comment, CommitStatus } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Schema } from "effect"
import * as GiteaClient from "./GiteaClient.ts"
import { invalid, notFound } from "./GiteaError.ts"
import type { Place } from "./GiteaPlace.ts"
import { pathOf } from "./GiteaRepositories.ts"

const Status = Schema.Struct({
  id: Schema.Int,
  context: Schema.String,
  status: Schema.String,
  description: Schema.String,
  target_url: Schema.String
})
const Said = Schema.Struct({
  id: Schema.Int,
  body: Schema.String,
  created_at: Schema.String,
  user: Schema.Struct({ login: Schema.String })
})
const Commit = Schema.Struct({ sha: Schema.String })
const Numbered = Schema.Struct({ number: Schema.Int })

const isSha = (sha: string) => /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(sha)
const requireCommit = Effect.fnUntraced(function* (place: Place, path: string, sha: Sha) {
  if (!isSha(sha)) return yield* invalid("sha", `${JSON.stringify(sha)} is not a commit id`)
  // Gitea stores what is said of a commit that it does not have as an error of its own, 500.
  if (
    (yield* place.client.find(`${path}/git/commits/${sha}?stat=false&files=false&verification=false`, Commit)) === null
  )
    return yield* notFound(`commit ${sha} does not exist`)
})

/** Gitea takes any word; the port's own are all that is read. */
const stateOf = (status: string): CommitStatus["state"] =>
  status === "success" || status === "pending" || status === "failure" ? status : "error"

export const setStatus = Effect.fn("GiteaSpeech.setStatus")(function* (
  place: Place,
  target: RepositoryTarget,
  sha: Sha,
  status: CommitStatus
) {
  const problem = ForgeSpeech.statusProblem(status)
  if (problem !== null) return yield* invalid(problem.field, problem.message)
  const path = pathOf((yield* place.at(target)).found)
  yield* requireCommit(place, path, sha)
  yield* place.client.call("POST", `${path}/statuses/${sha}`, {
    body: {
      context: status.context,
      state: status.state,
      description: ForgeSpeech.line(status.description),
      target_url: status.url ?? ""
    }
  })
})

export const statuses = Effect.fn("GiteaSpeech.statuses")(function* (place: Place, target: RepositoryTarget, sha: Sha) {
  const path = pathOf((yield* place.at(target)).found)
  yield* requireCommit(place, path, sha)
  const all = yield* place.client.all(`${path}/commits/${sha}/statuses`, Status)
  const newest = new Map<string, typeof Status.Type>()
  for (const one of all.toSorted((a, b) => a.id - b.id)) newest.set(one.context, one)
  return [...newest.values()]
    .sort((a, b) => (a.context < b.context ? -1 : 1))
    .map(({ context, description, status, target_url }): CommitStatus => ({
      context,
      state: stateOf(status),
      description,
      url: target_url === "" ? null : target_url
    }))
})

/** A mark of ours counts in our own account's comments only: anybody can write one. */
const view = (me: string, { body, created_at, id, user }: typeof Said.Type): Comment => {
  const own = user.login === me ? ForgeSpeech.unmarked(body) : { key: null, body }
  return { id: String(id), author: user.login, ...own, createdAtMillis: Date.parse(created_at) }
}

const all = Effect.fnUntraced(function* (place: Place, target: RepositoryTarget, number: number) {
  const path = `${pathOf((yield* place.at(target)).found)}/issues`
  const { me } = yield* place.owner
  const missing = notFound(`there is no pull request or issue #${number}`)
  if (!Number.isSafeInteger(number) || number < 1) return yield* missing
  const found = yield* place.client.find(`${path}/${number}/comments`, Schema.Array(Said)).pipe(
    // Of one that does not exist Gitea says 500.
    Effect.catchIf(
      ({ answer }) => (answer?.status ?? 0) >= 500,
      (failure) =>
        Effect.flatMap(place.client.find(`${path}/${number}`, Numbered), (there) =>
          there === null ? Effect.succeed(null) : Effect.fail(failure)
        )
    )
  )
  if (found === null) return yield* missing
  return { path, me, found }
})

export const comments = (place: Place, target: RepositoryTarget, number: number) =>
  Effect.map(all(place, target, number), ({ found, me }) => found.map((one) => view(me, one)))

export const ensureComment = Effect.fn("GiteaSpeech.ensureComment")(function* (
  place: Place,
  target: RepositoryTarget,
  number: number,
  comment: { readonly key: string; readonly body: string }
) {
  const problem = ForgeSpeech.commentProblem(comment)
  if (problem !== null) return yield* invalid(problem.field, problem.message)
  const { found, me, path } = yield* all(place, target, number)
  const there = found.find((one) => view(me, one).key === comment.key)
  const body = ForgeSpeech.marked(comment.key, comment.body)
  if (there?.body === body) return view(me, there)
  const { json } =
    there === undefined
      ? yield* place.client.call("POST", `${path}/${number}/comments`, { body: { body } })
      : yield* place.client.call("PATCH", `${path}/comments/${there.id}`, { body: { body } })
  return view(me, yield* GiteaClient.decode(Said, path)(json))
})
