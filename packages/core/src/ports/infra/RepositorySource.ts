/**
 * A history that lies elsewhere and is to become a project's: looked at before anything is made, then brought in by
 * `GitObjects.importHistory`. A reference: an installation that brings nothing in answers Unsupported.
 */
import { Context, Effect, type Redacted, Schema } from "effect"
import { BranchName, ForgeError, type Sha } from "./Forge.ts"

export interface SourceLogin {
  /** Most hosts take any name beside a token. */
  readonly username: string
  readonly token: Redacted.Redacted
}
export interface SourceRequest {
  /** http or https clone URL without credentials. */
  readonly url: string
  readonly login: SourceLogin | null
  /** null = the branch that the source's HEAD names. */
  readonly branch: BranchName | null
}
/** Where it was found, for `GitObjects.importHistory`. */
export interface HistorySource {
  /** The clone URL that answered; the host may have wanted `.git` at its end. */
  readonly url: string
  readonly login: SourceLogin | null
  /** Addresses of its host that were judged; the connection goes to one of these. */
  readonly addresses: ReadonlyArray<string>
  /** The branch that has to be there, and becomes the project's. */
  readonly defaultBranch: BranchName
}
export interface FoundSource extends HistorySource {
  /** Commit of that branch. */
  readonly head: Sha
  readonly branches: number
  readonly tags: number
}
/** What came in. */
export interface ImportedHistory {
  /** Commit of the default branch. */
  readonly head: Sha
  readonly branches: number
  readonly tags: number
  /** Branches and tags that stayed out, each with the reason; their commits are there only as far as others reach them. */
  readonly left: ReadonlyArray<string>
}

const isBranch = Schema.is(BranchName)
const field = (name: string, message: string) =>
  new ForgeError({ operation: "RepositorySource.look", reason: { _tag: "Invalid", field: name, message } })

/** What is wrong with the form of a request, before anybody is asked. */
export const checked = ({ branch, url }: Pick<SourceRequest, "branch" | "url">): Effect.Effect<URL, ForgeError> => {
  const parsed = URL.parse(url)
  if (parsed === null || (parsed.protocol !== "https:" && parsed.protocol !== "http:") || parsed.pathname === "/")
    return Effect.fail(field("repository.url", "expected a clone URL such as https://git.example.org/team/shop.git"))
  if (parsed.username !== "" || parsed.password !== "")
    return Effect.fail(
      field("repository.url", "leave user name and password out of the URL, and give repository.token")
    )
  if (parsed.search !== "" || parsed.hash !== "" || /\s/.test(url))
    return Effect.fail(field("repository.url", "a clone URL has no query, no fragment and no spaces"))
  if (branch !== null && !isBranch(branch))
    return Effect.fail(field("repository.branch", `${JSON.stringify(branch)} is not a branch name`))
  return Effect.succeed(parsed)
}

export const RepositorySource = Context.Reference<{
  /**
   * Invalid(repository.url): the form. Unauthorized: the token, or an address that may not be talked to. NotFound: no such repository or
   * branch. Unavailable: no answer.
   */
  look(request: SourceRequest): Effect.Effect<FoundSource, ForgeError>
}>("rdev/ports/RepositorySource", {
  defaultValue: () => ({
    look: () =>
      Effect.fail(
        new ForgeError({
          operation: "RepositorySource.look",
          reason: { _tag: "Unsupported", message: "this installation brings in no history from elsewhere" }
        })
      )
  })
})
