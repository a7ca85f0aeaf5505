/** Pull requests. GitHub merges them itself, with the expected head in the request, so that nothing else is merged. */
import type { BranchName, RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { PullRequest } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, type Redacted, Schema } from "effect"
import type { Client } from "./Client.ts"
import { conflict, fail, type GitHubFailure, is, notFound } from "./GitHubFailure.ts"
import type { Over } from "./Ownership.ts"
import type { Place } from "./Repositories.ts"

const PullAnswer = Schema.Struct({
  number: Schema.Int,
  title: Schema.String,
  state: Schema.String,
  merged_at: Schema.NullOr(Schema.String),
  /** Before the merge: of a merge for trial. */
  merge_commit_sha: Schema.NullOr(Schema.String),
  head: Schema.Struct({ ref: Schema.String, sha: Schema.String }),
  base: Schema.Struct({ ref: Schema.String }),
  html_url: Schema.String,
  node_id: Schema.String,
  draft: Schema.optionalKey(Schema.Boolean),
  /** null = not known yet. */
  mergeable: Schema.optionalKey(Schema.NullOr(Schema.Boolean))
})
type PullAnswer = typeof PullAnswer.Type
const Merged = Schema.Struct({ sha: Schema.String, merged: Schema.Boolean })

const viewOf = (answer: PullAnswer): PullRequest => {
  const state = answer.merged_at !== null ? "merged" : answer.state === "open" ? "open" : "closed"
  return {
    number: answer.number,
    title: answer.title,
    state,
    head: answer.head.ref,
    base: answer.base.ref,
    headSha: answer.head.sha,
    mergeSha: state === "merged" ? answer.merge_commit_sha : null,
    url: answer.html_url,
    draft: answer.draft === true
  }
}
/** The REST API makes drafts, and has no verb for their end. */
const ready = `mutation ($id: ID!) { markPullRequestReadyForReview(input: { pullRequestId: $id }) { clientMutationId } }`
export const read = (client: Client, credential: Redacted.Redacted, place: Place, number: number) =>
  Number.isSafeInteger(number) && number > 0
    ? client.ask(credential, "GET /repos/{owner}/{repo}/pulls/{pull_number}", PullAnswer, {
        ...place,
        pull_number: number
      })
    : Effect.fail(notFound(`there is no pull request #${number}`))

interface Request {
  readonly head: BranchName
  readonly base: BranchName
  readonly title: string
  readonly body: string
  readonly draft?: boolean
}
const isNoDrafts = ({ message, reason }: GitHubFailure) => reason._tag === "Invalid" && /draft/i.test(message)
export const ensure =
  ({ access: { client }, repositories }: Over) =>
  (target: RepositoryTarget, request: Request) =>
    repositories.at(target, (credential, place) => {
      const { base, body, draft = false, head, title } = request
      const look = Effect.map(
        client.ask(credential, "GET /repos/{owner}/{repo}/pulls", Schema.Array(PullAnswer), {
          ...place,
          state: "open",
          head: `${place.owner}:${head}`,
          base
        }),
        // A head of another form than GitHub's own is no filter to it.
        (all) => all.find((one) => one.head.ref === head && one.base.ref === base)
      )
      const make = (isDraft: boolean) =>
        client.ask(credential, "POST /repos/{owner}/{repo}/pulls", PullAnswer, {
          ...place,
          head,
          base,
          title,
          body,
          ...(isDraft ? { draft: true } : {})
        })
      // Private repositories have no drafts in every plan.
      const create = draft ? Effect.catchIf(make(true), isNoDrafts, () => make(false)) : make(false)
      const finished = (pull: PullAnswer) =>
        draft || pull.draft !== true
          ? Effect.succeed(viewOf(pull))
          : Effect.as(client.change(credential, ready, { id: pull.node_id }), { ...viewOf(pull), draft: false })
      const missing = (field: string) =>
        notFound(`branch ${field === "head" ? head : base} does not exist in ${place.repo}`)
      return Effect.gen(function* () {
        const open = yield* look
        if (open !== undefined) return yield* finished(open)
        return yield* finished(
          yield* create.pipe(
            Effect.catchIf(is("AlreadyExists"), (failure) =>
              Effect.flatMap(look, (found) => (found === undefined ? Effect.fail(failure) : Effect.succeed(found)))
            ),
            Effect.catchIf(
              ({ reason }) => reason._tag === "Invalid" && (reason.field === "head" || reason.field === "base"),
              ({ reason }) => Effect.fail(missing(reason._tag === "Invalid" ? reason.field : ""))
            )
          )
        )
      })
    })

export const look =
  ({ access: { client }, repositories }: Over) =>
  (target: RepositoryTarget, number: number) =>
    Effect.map(
      repositories.at(target, (credential, place) => read(client, credential, place, number)),
      viewOf
    )

export const setState =
  ({ access: { client }, repositories }: Over) =>
  (target: RepositoryTarget, number: number, state: "open" | "closed") =>
    repositories.at(target, (credential, place) =>
      Effect.gen(function* () {
        const now = viewOf(yield* read(client, credential, place, number))
        if (now.state === "merged") return yield* conflict(`pull request #${number} is merged`)
        if (now.state === state) return now
        return viewOf(
          yield* client
            .ask(credential, "PATCH /repos/{owner}/{repo}/pulls/{pull_number}", PullAnswer, {
              ...place,
              pull_number: number,
              state
            })
            .pipe(
              Effect.catchIf(is("Invalid"), ({ message }) =>
                Effect.fail(conflict(`pull request #${number} cannot be made ${state}: ${message}`))
              )
            )
        )
      })
    )

/** GitHub tries the merge when it is asked for the pull request, and knows the outcome a moment later. */
const tries = 6
const tried = Effect.fnUntraced(function* (
  client: Client,
  credential: Redacted.Redacted,
  place: Place,
  number: number
) {
  for (let left = tries, wait = 250; ; left--, wait *= 2) {
    const answer = yield* read(client, credential, place, number)
    if (answer.mergeable !== null || answer.merged_at !== null || answer.state !== "open" || left <= 1) return answer
    yield* Effect.sleep(wait)
  }
})

export const merge =
  ({ access: { client }, mirror, repositories }: Over) =>
  (target: RepositoryTarget, number: number, expectedHead: Sha) =>
    repositories
      .at(target, (credential, place) =>
        Effect.gen(function* () {
          const answer = yield* tried(client, credential, place, number)
          const pull = viewOf(answer)
          if (pull.state === "merged") return pull.mergeSha ?? pull.headSha
          if (pull.state === "closed") return yield* conflict(`pull request #${number} is closed`)
          if (pull.headSha !== expectedHead)
            return yield* conflict(`pull request #${number} is at ${pull.headSha}, not at the expected ${expectedHead}`)
          const { merged, sha } = yield* client
            .ask(credential, "PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge", Merged, {
              ...place,
              pull_number: number,
              sha: expectedHead,
              merge_method: "merge"
            })
            .pipe(
              Effect.catchIf(is("Conflict"), ({ message, status }) =>
                Effect.fail(
                  status === 405 && answer.mergeable === false
                    ? conflict(`${message}; bring ${pull.base} into ${pull.head} first`)
                    : conflict(message)
                )
              )
            )
          return merged
            ? sha
            : yield* fail({ _tag: "Unavailable", message: `GitHub has not merged pull request #${number} yet` })
        })
      )
      .pipe(Effect.ensuring(mirror.invalidate(target.projectId)))
