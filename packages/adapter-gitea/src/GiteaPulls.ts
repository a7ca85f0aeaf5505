/** Pull requests of Gitea. */
import type { ForgeError, RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { PullRequest, RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Duration, Effect, Schedule, Schema } from "effect"
import * as GiteaClient from "./GiteaClient.ts"
import { conflict, fail, GiteaError, notFound } from "./GiteaError.ts"
import type { Place } from "./GiteaPlace.ts"
import { pathOf } from "./GiteaRepositories.ts"

const Side = Schema.Struct({ ref: Schema.String, label: Schema.String, sha: Schema.String })
const Pull = Schema.Struct({
  number: Schema.Int,
  title: Schema.String,
  state: Schema.String,
  merged: Schema.Boolean,
  merge_commit_sha: Schema.NullOr(Schema.String),
  html_url: Schema.String,
  draft: Schema.optionalKey(Schema.Boolean),
  head: Side,
  base: Side
})
type Pull = typeof Pull.Type

/** How long Gitea may take to hear of a push, and to find out whether a pull request can be merged: 12 s. */
const soonAgain = Schedule.spaced(Duration.millis(300)).pipe(Schedule.upTo({ times: 40 }))

/** Of a branch that is gone only the label has its name. */
const branchOf = ({ label, ref }: (typeof Side)["Type"]) => (ref.startsWith("refs/") ? label : ref)
const view = (pull: Pull): PullRequest => ({
  number: pull.number,
  title: pull.title,
  state: pull.merged ? "merged" : pull.state === "open" ? "open" : "closed",
  head: branchOf(pull.head),
  base: branchOf(pull.base),
  headSha: pull.head.sha,
  mergeSha: pull.merged ? pull.merge_commit_sha : null,
  url: pull.html_url,
  draft: pull.draft === true || isDraft(pull.title)
})

/** Gitea knows a draft by the beginning of its title; this is the first of those that it knows by default. */
const draftMark = "WIP: "
const isDraft = (title: string) => /^(?:WIP:|\[WIP\])/i.test(title)

const read = Effect.fnUntraced(function* (place: Place, target: RepositoryTarget, number: number) {
  const path = pathOf((yield* place.at(target)).found)
  const valid = Number.isSafeInteger(number) && number > 0
  const found = valid ? yield* place.client.find(`${path}/pulls/${number}`, Pull) : null
  return found ?? (yield* notFound(`pull request #${number} does not exist`))
})

type Request = Parameters<RepositoryHost["Service"]["ensurePullRequest"]>[1]

export const ensure = Effect.fn("GiteaPulls.ensure")(function* (
  place: Place,
  target: RepositoryTarget,
  { base, body, draft = false, head, title: given }: Request
) {
  const title = draft ? `${draftMark}${given}` : given
  const { client } = place
  const path = `${pathOf((yield* place.at(target)).found)}/pulls`
  const made = yield* client.call("POST", path, { body: { base, body, head, title }, accept: [201, 409] })
  if (made.status === 201) return view(yield* GiteaClient.decode(Pull, path)(made.json))
  const open = yield* client.all(path, Pull, { state: "open" })
  const there = open.find((one) => branchOf(one.head) === head && branchOf(one.base) === base)
  if (there === undefined)
    return yield* conflict(`there is a pull request of ${head} into ${base} that is not open, and Gitea makes no other`)
  if (draft || !isDraft(there.title)) return view(there)
  const { json } = yield* client.call("PATCH", `${path}/${there.number}`, { body: { title } })
  return view(yield* GiteaClient.decode(Pull, path)(json))
})

export const get = (place: Place, target: RepositoryTarget, number: number) =>
  Effect.map(read(place, target, number), view)

export const setState = Effect.fn("GiteaPulls.setState")(function* (
  place: Place,
  target: RepositoryTarget,
  number: number,
  state: "open" | "closed"
) {
  const pull = view(yield* read(place, target, number))
  if (pull.state === "merged") return yield* conflict(`pull request #${number} is merged`)
  if (pull.state === state) return pull
  const path = `${pathOf((yield* place.at(target)).found)}/pulls/${number}`
  const { json } = yield* place.client.call("PATCH", path, { body: { state } })
  return view(yield* GiteaClient.decode(Pull, path)(json))
})

/** Gitea says only that it cannot; which paths stand in the way is known here. */
const conflicts = Effect.fnUntraced(function* (
  git: GitObjects["Service"],
  target: RepositoryTarget,
  pull: PullRequest
) {
  const asOurs = Effect.mapError(({ reason }: ForgeError) => fail(reason))
  const base = (yield* asOurs(git.branches(target))).find(({ name }) => name === pull.base)?.sha
  if (base === undefined) return yield* notFound(`branch ${pull.base} does not exist`)
  const compared = yield* asOurs(git.compare(target, base, pull.headSha))
  if (compared.conflicts.length > 0) return yield* conflict(`conflicting paths: ${compared.conflicts.join(", ")}`)
})

/**
 * The pull request with the head that its branch has. Gitea hears of a push to the branch a moment after it, and says the head before
 * until then: that is no other head, and is waited for.
 */
const caughtUp = Effect.fnUntraced(function* (
  place: Place,
  git: GitObjects["Service"],
  target: RepositoryTarget,
  number: number,
  expectedHead: Sha
) {
  const look = Effect.map(read(place, target, number), view)
  const isThere = (pull: PullRequest) => pull.state !== "open" || pull.headSha === expectedHead
  const first = yield* look
  if (isThere(first)) return first
  const branches = yield* Effect.mapError(git.branches(target), ({ reason }) => fail(reason))
  if (branches.find(({ name }) => name === first.head)?.sha !== expectedHead) return first
  const later = Effect.flatMap(look, (pull) =>
    isThere(pull)
      ? Effect.succeed(pull)
      : Effect.fail(
          fail({ _tag: "Unavailable", message: `Gitea has not heard of the last push to pull request #${number} yet` })
        )
  )
  return yield* Effect.retry(later, { while: ({ reason }) => reason._tag === "Unavailable", schedule: soonAgain })
})

export const merge = Effect.fn("GiteaPulls.merge")(function* (
  place: Place,
  git: GitObjects["Service"],
  target: RepositoryTarget,
  number: number,
  expectedHead: Sha
) {
  const pull = yield* caughtUp(place, git, target, number, expectedHead)
  if (pull.state === "merged") return pull.mergeSha ?? pull.headSha
  if (pull.state === "closed") return yield* conflict(`pull request #${number} is closed`)
  if (pull.headSha !== expectedHead)
    return yield* conflict(`pull request #${number} is at ${pull.headSha}, not at the expected ${expectedHead}`)
  yield* conflicts(git, target, pull)
  const path = `${pathOf((yield* place.at(target)).found)}/pulls/${number}/merge`
  const body = {
    Do: "merge",
    head_commit_id: expectedHead,
    MergeTitleField: `Merge pull request #${number}: ${pull.title}`,
    delete_branch_after_merge: false
  }
  const isNotYet = ({ answer }: GiteaError) =>
    answer?.status === 405 && !/status|approv|review|protected|not allowed/i.test(answer.message)
  const once = Effect.gen(function* () {
    const done = yield* Effect.result(place.client.call("POST", path, { body }))
    // Its answer may have been lost, or somebody else was quicker: what counts is what is there.
    const after = view(yield* read(place, target, number))
    if (after.state === "merged") return after.mergeSha ?? after.headSha
    return yield* done._tag === "Failure"
      ? Effect.fail(done.failure)
      : Effect.fail(
          fail({ _tag: "Unavailable", message: `Gitea has taken the merge of #${number} and not done it yet` })
        )
  })
  return yield* Effect.retry(once, { while: isNotYet, schedule: soonAgain })
})
