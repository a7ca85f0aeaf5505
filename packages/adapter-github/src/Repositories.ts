/**
 * Which repository is the project's, and may it be touched: found by its name, or by its mark where a person renamed it or it was
 * adopted under another one. What was found is believed for a minute; who creates, adopts or deletes looks first.
 */
import type { ProjectId } from "@rdev/core/domain/Ids"
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitError } from "@rdev/git/GitError"
import type * as Mirror from "@rdev/git/mirror/Mirror"
import { Clock, Effect, type Redacted, Schema } from "effect"
import type { Access } from "./Access.ts"
import { fail, foreign, type GitHubFailure, is, notFound } from "./GitHubFailure.ts"
import * as Mark from "./Mark.ts"

export const RepositoryAnswer = Schema.Struct({
  id: Schema.Int,
  name: Schema.String,
  full_name: Schema.String,
  owner: Schema.Struct({ login: Schema.String }),
  description: Schema.NullOr(Schema.String),
  clone_url: Schema.String,
  default_branch: Schema.String,
  topics: Schema.optionalKey(Schema.Array(Schema.String))
})
export type RepositoryAnswer = typeof RepositoryAnswer.Type
const Listed = Schema.Struct({
  name: Schema.String,
  full_name: Schema.String,
  owner: Schema.Struct({ login: Schema.String }),
  description: Schema.NullOr(Schema.String),
  created_at: Schema.optional(Schema.NullOr(Schema.String))
})
const ListedPage = Schema.Array(Listed)
const InstallationPage = Schema.Struct({ repositories: ListedPage })

export interface Found {
  readonly answer: RepositoryAnswer
  readonly mark: Mark.Mark
}
/** Parameters of a route about one repository. */
export interface Place {
  readonly owner: string
  readonly repo: string
}
export interface Repositories {
  /** NotFound when there is none, Foreign when it is not the project's. */
  find(target: RepositoryTarget, anew: boolean): Effect.Effect<Found, GitHubFailure>
  /** By its name at GitHub; Foreign where it was transferred to another owner. */
  read(name: string): Effect.Effect<RepositoryAnswer, GitHubFailure>
  readonly list: Effect.Effect<
    ReadonlyArray<{ readonly mark: Mark.Mark; readonly fullName: string; readonly createdAtMillis: number }>,
    GitHubFailure
  >
  /** Work on the project's repository, again where it has moved since it was looked for. */
  at<A>(
    target: RepositoryTarget,
    work: (credential: Redacted.Redacted, place: Place) => Effect.Effect<A, GitHubFailure>
  ): Effect.Effect<A, GitHubFailure>
  remember(answer: RepositoryAnswer): Effect.Effect<Found, GitHubFailure>
  forget(projectId: ProjectId): void
  readonly remote: Mirror.Options["remote"]
}

const believedMillis = 60_000
/** Of an answer about a repository: it may have another name by now. Nothing has happened. */
const isElsewhere = ({ reason, status }: GitHubFailure): boolean =>
  reason._tag === "NotFound" || (typeof status === "number" && status >= 300 && status < 400)

/** A token goes to the place that the API is at, and on github.com to the host without `api.`; nowhere else. */
const isOwnHost = (cloneUrl: string, api: string): boolean => {
  if (!URL.canParse(cloneUrl)) return false
  const [clone, own] = [new URL(cloneUrl), new URL(api)]
  return (
    clone.protocol === own.protocol &&
    clone.username === "" &&
    clone.password === "" &&
    (clone.host === own.host || `api.${clone.host}` === own.host)
  )
}

const lister = ({ account, asPlatform, client, owner }: Access) =>
  Effect.gen(function* () {
    const { app, organisation } = yield* account()
    const all = yield* asPlatform((credential) =>
      app !== null
        ? client.all(credential, "GET /installation/repositories", InstallationPage, (page) => page.repositories, {})
        : organisation
          ? client.all(credential, "GET /orgs/{org}/repos", ListedPage, (page) => page, { org: owner, type: "all" })
          : client.all(credential, "GET /user/repos", ListedPage, (page) => page, { affiliation: "owner" })
    )
    return all.flatMap((one) => {
      const mark = Mark.read(one.description)
      return mark === null || one.owner.login.toLowerCase() !== owner.toLowerCase()
        ? []
        : [
            {
              mark,
              name: one.name,
              fullName: one.full_name,
              createdAtMillis: Date.parse(one.created_at ?? "") || 0
            }
          ]
    })
  })

export const make = (access: Access): Repositories => {
  const { asPlatform, client, owner } = access
  const believed = new Map<ProjectId, { readonly found: Found; readonly atMillis: number }>()
  const list = lister(access)

  const read = (name: string) =>
    Effect.flatMap(
      asPlatform((credential) =>
        client.ask(credential, "GET /repos/{owner}/{repo}", RepositoryAnswer, { owner, repo: name })
      ),
      (answer) =>
        answer.owner.login.toLowerCase() === owner.toLowerCase()
          ? Effect.succeed(answer)
          : Effect.fail(
              foreign(
                `${owner}/${name} was transferred: it is ${answer.full_name} now. Transfer it back, or remove the project`
              )
            )
    )
  const maybe = (name: string) => read(name).pipe(Effect.catchIf(is("NotFound"), () => Effect.succeed(null)))

  const remember = Effect.fnUntraced(function* (answer: RepositoryAnswer) {
    const mark = Mark.read(answer.description)
    if (mark === null) return yield* foreign(`repository ${answer.full_name} is nobody's project's`)
    if (!isOwnHost(answer.clone_url, client.origin))
      return yield* fail({
        _tag: "Unknown",
        message: `${client.host} gave a clone URL at another place; no token is sent there`
      })
    const found = { answer, mark } satisfies Found
    believed.set(mark.projectId, { found, atMillis: yield* Clock.currentTimeMillis })
    return found
  })

  const look = Effect.fnUntraced(function* ({ name, projectId }: RepositoryTarget) {
    const before = believed.get(projectId)?.found.answer.name ?? name
    believed.delete(projectId)
    const named = yield* maybe(before)
    if (named !== null && Mark.read(named.description)?.projectId === projectId) return yield* remember(named)
    const elsewhere = (yield* list).find(({ mark }) => mark.projectId === projectId)
    const marked = elsewhere === undefined ? null : yield* maybe(elsewhere.name)
    if (marked !== null && Mark.read(marked.description)?.projectId === projectId) return yield* remember(marked)
    const other = before === name ? named : yield* maybe(name)
    if (other === null) return yield* notFound(`repository ${owner}/${name} does not exist`)
    const whose = Mark.read(other.description)?.projectId
    return yield* foreign(
      `repository ${other.full_name} ${whose === undefined ? "is not rdev's" : `belongs to ${whose}`}`
    )
  })
  const find = Effect.fnUntraced(function* (target: RepositoryTarget, anew: boolean) {
    const there = believed.get(target.projectId)
    const now = yield* Clock.currentTimeMillis
    return there !== undefined && !anew && now - there.atMillis < believedMillis ? there.found : yield* look(target)
  })
  const placeOf = ({ answer }: Found): Place => ({ owner, repo: answer.name })

  return {
    find,
    read,
    list,
    remember,
    forget: (projectId) => void believed.delete(projectId),
    at: (target, work) =>
      Effect.gen(function* () {
        const found = yield* find(target, false)
        return yield* asPlatform((credential) => work(credential, placeOf(found))).pipe(
          Effect.catchIf(isElsewhere, (failure) =>
            Effect.flatMap(find(target, true), (now) =>
              now.answer.full_name === found.answer.full_name
                ? Effect.fail(failure)
                : asPlatform((credential) => work(credential, placeOf(now)))
            )
          )
        )
      }),
    remote: (target, anew) =>
      Effect.gen(function* () {
        const { answer } = yield* find(target, anew)
        const token = yield* access.git(answer.name, anew)
        return { url: answer.clone_url, defaultBranch: answer.default_branch, username: "x-access-token", token }
      }).pipe(Effect.mapError(({ reason }) => new GitError({ reason })))
  }
}
