/** The repository that a new project is to begin with: looked at before anything is made, so that one that cannot be brought in changes nothing. */
import { Effect, type Redacted, Schema } from "effect"
import { BranchName, type ForgeError } from "../../ports/infra/Forge.ts"
import { RepositorySource } from "../../ports/infra/RepositorySource.ts"
import { ProjectError, type ProjectReason } from "./ProjectError.ts"
import { ProjectSettings } from "./ProjectSettings.ts"

export interface NewRepository {
  /** http or https clone URL without credentials; null = it is pushed into the empty repository within an hour. */
  readonly url: string | null
  /** Default: the branch that the source's HEAD names, or the installation's. It becomes the project's default branch. */
  readonly branch?: string
  /** Kept encrypted until the history has come in. */
  readonly token?: Redacted.Redacted
  /** Beside the token; default `rdev`: most hosts take any name beside a token. */
  readonly username?: string
}
const fail = (verb: string, reason: ProjectReason) => new ProjectError({ operation: `Projects.${verb}`, reason })

const defaultUsername = "rdev"
/** What a source's answer means for whoever named it; what may pass stays as it is. */
const refusedSource = (verb: string, hasToken: boolean, failure: ForgeError): ForgeError | ProjectError => {
  const { reason } = failure
  const url = "repository.url"
  if (reason._tag === "Invalid") return fail(verb, reason)
  if (reason._tag === "NotFound")
    return fail(verb, {
      _tag: "Invalid",
      field: url,
      message: `${reason.message}${hasToken ? "" : "; a private one is seen with repository.token"}`
    })
  if (reason._tag === "Unauthorized")
    return fail(verb, { _tag: "Invalid", field: hasToken ? "repository.token" : url, message: reason.message })
  return failure
}
const isBranch = Schema.is(BranchName)
const pushed = Effect.fnUntraced(function* (
  verb: string,
  { branch, token, username = defaultUsername }: NewRepository
) {
  const { defaultBranch } = yield* ProjectSettings
  const wanted = branch ?? defaultBranch
  if (token !== undefined)
    return yield* fail(verb, {
      _tag: "Invalid",
      field: "repository.token",
      message: "a repository that is pushed is not read anywhere, so it needs no token"
    })
  if (!isBranch(wanted))
    return yield* fail(verb, {
      _tag: "Invalid",
      field: "repository.branch",
      message: `${JSON.stringify(wanted)} is not a branch name`
    })
  return { defaultBranch: wanted as string, source: { url: null, username, branch: wanted as string } }
})
/** Looks at the repository that is to be brought in, so that one that cannot be changes nothing. */
export const sought = Effect.fnUntraced(function* (verb: string, request: NewRepository) {
  const { branch, token, url, username = defaultUsername } = request
  if (url === null) return yield* pushed(verb, request)
  const login = token === undefined ? null : { username, token }
  const found = yield* (yield* RepositorySource)
    .look({ url, login, branch: (branch as BranchName | undefined) ?? null })
    .pipe(Effect.mapError((failure) => refusedSource(verb, token !== undefined, failure)))
  const defaultBranch: string = found.defaultBranch
  return { defaultBranch, source: { url: found.url, username, branch: defaultBranch } }
})
