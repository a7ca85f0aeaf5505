/** Looks at a repository elsewhere that somebody wants to bring in: whether it answers, which branch is its own, and how much there is. */
import { type BranchName, ForgeError } from "@rdev/core/ports/infra/Forge"
import {
  checked,
  type FoundSource,
  RepositorySource,
  type SourceRequest
} from "@rdev/core/ports/infra/RepositorySource"
import type { OutboundHttp } from "@rdev/runtime-node/http/OutboundHttp"
import { Effect, Layer } from "effect"
import type { Git } from "./Git.ts"
import * as GitProgram from "./Git.ts"
import { fail, GitError, invalid, notFound } from "./GitError.ts"
import { isSha } from "./GitRefs.ts"
import * as Remote from "./mirror/Remote.ts"

/** Refs that are listed; a repository with more is not one that people work in. */
const maxRefs = 20_000

export interface Listed {
  /** The branch that HEAD names; null when it names none. */
  readonly head: string | null
  readonly branches: ReadonlyMap<string, string>
  readonly tags: number
}
/** The lines of `git ls-remote --symref`. */
export const parse = (text: string): Listed => {
  let head: string | null = null
  let tags = 0
  const branches = new Map<string, string>()
  for (const line of text.split("\n")) {
    const [first = "", name = ""] = line.split("\t")
    const symbolic = /^ref: refs\/heads\/(.+)$/.exec(first)
    if (symbolic !== null && name === "HEAD") head = symbolic[1] ?? null
    else if (isSha(first) && name.startsWith("refs/heads/")) branches.set(name.slice("refs/heads/".length), first)
    else if (isSha(first) && name.startsWith("refs/tags/") && !name.endsWith("^{}")) tags += 1
  }
  return { head, branches, tags }
}

const branchOf = ({ branches, head }: Listed, wanted: string | null): Effect.Effect<string, GitError> => {
  const some = [...branches.keys()].slice(0, 10).join(", ")
  if (branches.size === 0)
    return Effect.fail(notFound("what answered has no branches: it is an empty repository, or no git repository"))
  if (wanted !== null)
    return branches.has(wanted)
      ? Effect.succeed(wanted)
      : Effect.fail(invalid("repository.branch", `the repository has no branch ${wanted}; there are ${some}`))
  return head !== null && branches.has(head)
    ? Effect.succeed(head)
    : Effect.fail(
        invalid("repository.branch", `the repository does not say which branch is its own; choose one of ${some}`)
      )
}

const candidates = (url: string): ReadonlyArray<string> => {
  const plain = url.replace(/\/+$/, "")
  return plain.endsWith(".git") ? [plain] : [plain, `${plain}.git`]
}

/** What git says of a host is for those who run it; what a person can do about it is this. */
const explained = (url: string, hasToken: boolean, { cause, reason }: GitError): GitError => {
  const words: Partial<Record<typeof reason._tag, string>> = {
    Unauthorized: hasToken
      ? "it refuses the token: is it still valid, and may it read the repository?"
      : "it asks for a login: give repository.token",
    NotFound: `there is no git repository at ${url}`
  }
  const message = words[reason._tag]
  return message === undefined || !("message" in reason)
    ? new GitError({ reason, cause })
    : new GitError({ reason: { ...reason, message }, cause })
}

const asked = (git: Git, { login }: SourceRequest, url: string, addresses: ReadonlyArray<string>) =>
  Remote.list(git, "/nonexistent", {
    url,
    username: login?.username ?? "",
    token: login?.token ?? null,
    addresses
  })

const look = (program: Effect.Effect<Git, GitError>, http: Pick<OutboundHttp, "addresses">) =>
  Effect.fnUntraced(function* (request: SourceRequest) {
    const git = yield* program
    const addresses = yield* Effect.mapError(
      http.addresses(request.url),
      ({ cause, reason }) =>
        new GitError({
          reason:
            reason._tag === "Invalid" || reason._tag === "Unauthorized"
              ? { _tag: "Invalid", field: "repository.url", message: reason.message }
              : reason,
          cause
        })
    )
    const [first, second] = candidates(request.url)
    // Hosts that want `.git` answer a redirect or nothing without it.
    const found = yield* asked(git, request, first ?? request.url, addresses).pipe(
      Effect.map((text) => ({ text, url: first ?? request.url })),
      Effect.catchIf(
        ({ reason }) => reason._tag === "NotFound" && second !== undefined,
        (failure) =>
          asked(git, request, second ?? "", addresses).pipe(
            Effect.map((text) => ({ text, url: second ?? "" })),
            Effect.mapError(() => failure)
          )
      ),
      Effect.mapError((failure) => explained(request.url, request.login !== null, failure))
    )
    const listed = parse(found.text)
    if (listed.branches.size + listed.tags > maxRefs)
      return yield* fail({
        _tag: "ResourceExhausted",
        message: `the repository has ${listed.branches.size + listed.tags} branches and tags; ${maxRefs} are the limit`
      })
    const branch = yield* branchOf(listed, request.branch)
    return {
      url: found.url,
      login: request.login,
      addresses,
      defaultBranch: branch as BranchName,
      head: listed.branches.get(branch) ?? "",
      branches: listed.branches.size,
      tags: listed.tags
    } satisfies FoundSource
  })

export const make = (
  program: Effect.Effect<Git, GitError>,
  http: Pick<OutboundHttp, "addresses">
): (typeof RepositorySource)["Service"] => {
  const ask = look(program, http)
  return {
    look: (request) =>
      Effect.andThen(
        checked(request),
        Effect.mapError(
          ask(request),
          ({ cause, reason }) => new ForgeError({ operation: "RepositorySource.look", reason, cause })
        )
      ).pipe(Effect.withSpan("RepositorySource.look"))
  }
}

/** `http`: which addresses may be talked to. Git is looked for when the first repository is. */
export const layer = (http: Pick<OutboundHttp, "addresses">): Layer.Layer<never> =>
  Layer.effect(
    RepositorySource,
    Effect.map(Effect.cached(GitProgram.make()), (program) => make(program, http))
  )
