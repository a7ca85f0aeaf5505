/** Repositories made, adopted, let go and deleted. The mark is set by the request that creates, so that no crash leaves one without. */
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { Repository, Seed } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Option, Schedule, Schema } from "effect"
import type * as Mirror from "@rdev/git/mirror/Mirror"
import type { Access } from "./Access.ts"
import { conflict, fail, foreign, GitHubFailure, invalid, is, notFound, unsupported } from "./GitHubFailure.ts"
import * as Mark from "./Mark.ts"
import { type Found, RepositoryAnswer, type Repositories } from "./Repositories.ts"

export interface Over {
  readonly access: Access
  readonly repositories: Repositories
  readonly objects: GitObjects["Service"]
  readonly mirror: Mirror.Mirror
  readonly visibility: "private" | "public"
}

const Topics = Schema.Struct({ names: Schema.Array(Schema.String) })
const author = { name: "rdev", email: "rdev@localhost" }

const viewOf = ({ answer }: Found, created: boolean): Repository => ({
  externalId: answer.full_name,
  cloneUrl: answer.clone_url,
  defaultBranch: answer.default_branch,
  created
})
const maybe = ({ repositories }: Over, target: RepositoryTarget) =>
  repositories.find(target, true).pipe(Effect.catchIf(is("NotFound"), () => Effect.succeed(null)))
const fromGit = Effect.mapError(
  ({ reason }: { readonly reason: GitHubFailure["reason"] }) => new GitHubFailure({ reason })
)

const setTopics = ({ access }: Over, { answer }: Found, names: ReadonlyArray<string>) =>
  access.asPlatform((credential) =>
    access.client.ask(credential, "PUT /repos/{owner}/{repo}/topics", Topics, {
      owner: access.owner,
      repo: answer.name,
      names: [...names]
    })
  )
const change = (
  { access }: Over,
  { name }: RepositoryAnswer,
  changes: { readonly description?: string; readonly default_branch?: string }
) =>
  access.asPlatform((credential) =>
    access.client.ask(credential, "PATCH /repos/{owner}/{repo}", RepositoryAnswer, {
      owner: access.owner,
      repo: name,
      ...changes
    })
  )
/** GitHub keeps at most 20 topics: without room, the mark alone stands. */
const addTopic = (over: Over, found: Found) => {
  const { topics = [] } = found.answer
  return topics.includes(Mark.topic) || topics.length >= 20
    ? Effect.void
    : Effect.asVoid(setTopics(over, found, [...topics, Mark.topic]))
}

const create = Effect.fnUntraced(function* ({ access, repositories, visibility }: Over, target: RepositoryTarget) {
  const { app, organisation } = yield* access.account()
  const { client, owner } = access
  const body = {
    name: target.name,
    description: Mark.write("", { projectId: target.projectId, adopted: false }) ?? "",
    private: visibility === "private",
    auto_init: false,
    allow_merge_commit: true
  }
  if (!organisation && app !== null)
    return yield* unsupported(
      `a GitHub App cannot create repositories of a person (${owner}): use an organisation, or a personal token of ${owner}`
    )
  return yield* access
    .asPlatform((credential) =>
      organisation
        ? client.ask(credential, "POST /orgs/{org}/repos", RepositoryAnswer, { org: owner, ...body })
        : client.ask(credential, "POST /user/repos", RepositoryAnswer, body)
    )
    .pipe(
      Effect.flatMap(repositories.remember),
      Effect.map((found) => ({ found, created: true })),
      // Somebody was quicker, perhaps another process of ours.
      Effect.catchIf(is("AlreadyExists"), (failure) =>
        repositories.find(target, true).pipe(
          Effect.map((found) => ({ found, created: false })),
          Effect.catchIf(is("NotFound"), () =>
            Effect.fail(
              fail({
                _tag: "AlreadyExists",
                message: `${failure.message}; ${owner}/${target.name} is there and not shown to rdev: is the App installed for all repositories?`
              })
            )
          )
        )
      )
    )
})

/** A repository is not everywhere at once when it is new: for 8 s it may be answered that there is none. */
const untilThere = Schedule.exponential("250 millis").pipe(Schedule.upTo({ times: 5 }))

const seeded = Effect.fnUntraced(function* (over: Over, target: RepositoryTarget, seed: Seed, created: boolean) {
  const { defaultBranch, files, message } = seed
  const write = Effect.gen(function* () {
    const branches = yield* over.objects.branches(target)
    // A history that was brought in: its branch is made the default one, which GitHub chooses by itself for an empty repository.
    if (files === null) return branches.some(({ name }) => name === defaultBranch)
    if (branches.length > 0) return false
    yield* over.objects.commit(target, {
      branch: defaultBranch,
      expectedHead: null,
      changes: files,
      message,
      author
    })
    return true
  }).pipe(
    // Another process wrote the seed meanwhile.
    Effect.catchIf(
      ({ reason }) => reason._tag === "Conflict",
      () => Effect.succeed(false)
    ),
    fromGit
  )
  return yield* created ? Effect.retry(write, { schedule: untilThere, while: is("NotFound") }) : write
})

export const ensure = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, seed: Seed) {
    const there = yield* maybe(over, target)
    const { created, found } = there === null ? yield* create(over, target) : { found: there, created: false }
    yield* addTopic(over, found)
    const wrote = yield* seeded(over, target, seed, created)
    if (!wrote || found.answer.default_branch === seed.defaultBranch) return viewOf(found, created)
    const changed = yield* change(over, found.answer, { default_branch: seed.defaultBranch })
    return viewOf(yield* over.repositories.remember(changed), created)
  })

export const observe = (over: Over) => (target: RepositoryTarget) =>
  Effect.map(maybe(over, target), (found) => (found === null ? Option.none() : Option.some(viewOf(found, false))))

export const adopt = (over: Over) =>
  Effect.fnUntraced(function* ({ projectId }: RepositoryTarget, externalId: string) {
    const { access, repositories } = over
    const [owner = "", name = "", ...rest] = externalId.split("/")
    if (owner.toLowerCase() !== access.owner.toLowerCase() || !/^[\w.-]{1,100}$/.test(name) || rest.length > 0)
      return yield* notFound(
        `${JSON.stringify(externalId.slice(0, 200))} is no repository of ${access.owner}'s: expected ${access.owner}/<name>`
      )
    const answer = yield* repositories.read(name)
    const mark = Mark.read(answer.description)
    if (mark?.projectId === projectId) return viewOf(yield* repositories.remember(answer), false)
    if (mark !== null) return yield* foreign(`repository ${answer.full_name} belongs to ${mark.projectId}`)
    const other = (yield* repositories.list).find((one) => one.mark.projectId === projectId)
    if (other !== undefined)
      return yield* conflict(
        `the project has the repository ${other.fullName} already; release or remove that one first`
      )
    const description = Mark.write(answer.description ?? "", { projectId, adopted: true })
    if (description === null)
      return yield* invalid(
        "externalId",
        `the description of ${answer.full_name} is too long for rdev's mark beside it: shorten it to 290 characters`
      )
    const found = yield* repositories.remember(yield* change(over, answer, { description }))
    yield* addTopic(over, found)
    // Two may have adopted it at once: the later mark counts.
    const now = yield* repositories.read(name)
    if (Mark.read(now.description)?.projectId !== projectId) {
      repositories.forget(projectId)
      return yield* foreign(`repository ${answer.full_name} was adopted by another project at the same time`)
    }
    return viewOf(yield* repositories.remember(now), false)
  })

const gone = ({ mirror, repositories }: Over, { projectId }: RepositoryTarget) =>
  Effect.andThen(
    Effect.sync(() => repositories.forget(projectId)),
    fromGit(mirror.forget(projectId))
  )
const letGo = Effect.fnUntraced(function* (over: Over, target: RepositoryTarget, found: Found) {
  const { description, topics = [] } = found.answer
  if (topics.includes(Mark.topic))
    yield* setTopics(
      over,
      found,
      topics.filter((name) => name !== Mark.topic)
    )
  // Last, so that a crash before it is gone on with.
  yield* change(over, found.answer, { description: Mark.without(description) })
  yield* gone(over, target)
})

export const release = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget) {
    const found = yield* maybe(over, target)
    if (found === null) return yield* gone(over, target)
    if (!found.mark.adopted)
      return yield* conflict(
        `${found.answer.full_name} was made by rdev and not adopted: remove it, or keep the project`
      )
    yield* letGo(over, target, found)
  })

export const remove = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget) {
    const found = yield* maybe(over, target)
    if (found === null) return yield* gone(over, target)
    if (found.mark.adopted) return yield* letGo(over, target, found)
    const { access } = over
    yield* access
      .asPlatform((credential) =>
        access.client.tell(credential, "DELETE /repos/{owner}/{repo}", { owner: access.owner, repo: found.answer.name })
      )
      .pipe(Effect.catchIf(is("NotFound"), () => Effect.void))
    yield* gone(over, target)
  })
