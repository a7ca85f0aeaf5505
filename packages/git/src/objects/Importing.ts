/**
 * Brings a history from elsewhere into an empty repository. What is fetched lies under refs of rdev's own first, which nobody sees; its
 * objects are checked as those of a push are. Branches and tags are moved in pages, the default branch with the last one, so that a
 * crash before it leaves a repository that is imported anew.
 */
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { HistorySource, ImportedHistory } from "@rdev/core/ports/infra/RepositorySource"
import * as RefNames from "@rdev/core/services/pushes/RefNames"
import { Effect } from "effect"
import type { Git } from "../Git.ts"
import { type GitError, notFound } from "../GitError.ts"
import * as GitRefs from "../GitRefs.ts"
import type { GitRepository } from "../GitRepository.ts"
import * as Remote from "../mirror/Remote.ts"
import { current, maybeHead, type Over } from "./Over.ts"

/** As a mirror's largest fetch. */
const maxBytes = 2 * 1024 ** 3
/** Each is named on a command line where the forge is elsewhere. */
const pageSize = 400
const hidden = "refs/rdev/import/"
const kinds = ["heads", "tags"] as const

interface Ref {
  /** As it is to be: `refs/heads/…` or `refs/tags/…`. */
  readonly ref: string
  readonly sha: Sha
}

const brought = (git: Git, directory: string): Effect.Effect<ReadonlyArray<Ref>, GitError> =>
  Effect.map(git.text(directory, ["for-each-ref", "--format=%(objectname) %(refname)", hidden]), (text) =>
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({
        sha: line.slice(0, line.indexOf(" ")),
        ref: `refs/${line.slice(line.indexOf(" ") + 1 + hidden.length)}`
      }))
  )

/** Those with names that branches and tags may have here, and what keeps the others out. */
export const sorted = (
  refs: ReadonlyArray<Ref>
): { readonly kept: ReadonlyArray<Ref>; readonly left: ReadonlyArray<string> } => {
  const seen = new Map<string, string>()
  const [kept, left]: [Array<Ref>, Array<string>] = [[], []]
  for (const one of refs) {
    const [problem] = RefNames.problems([{ ref: one.ref, old: null, next: one.sha }], [])
    const twin = seen.get(RefNames.folded(one.ref))
    if (problem !== undefined) left.push(problem)
    else if (twin !== undefined) left.push(`${one.ref}: it differs from ${twin} in letter case or form alone`)
    else {
      seen.set(RefNames.folded(one.ref), one.ref)
      kept.push(one)
    }
  }
  return { kept, left }
}

const forget = Effect.fnUntraced(function* (git: Git, { directory }: GitRepository) {
  const there = yield* git.text(directory, ["for-each-ref", "--format=%(refname)", hidden])
  const updates = there.split("\n").flatMap((ref) => (ref === "" ? [] : [{ ref, to: null }]))
  if (updates.length > 0) yield* GitRefs.updateRefs(git, directory, updates)
})

const counted = (refs: ReadonlyArray<Ref>, head: Sha, left: ReadonlyArray<string>): ImportedHistory => ({
  head,
  branches: refs.filter(({ ref }) => ref.startsWith("refs/heads/")).length,
  tags: refs.filter(({ ref }) => ref.startsWith("refs/tags/")).length,
  left
})
const already = (git: Git, { directory }: GitRepository, head: Sha) =>
  Effect.map(
    git.text(directory, ["for-each-ref", "--format=%(objectname) %(refname)", "refs/heads/", "refs/tags/"]),
    (text) =>
      counted(
        text
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => ({ sha: line.slice(0, line.indexOf(" ")), ref: line.slice(line.indexOf(" ") + 1) })),
        head,
        []
      )
  )

export const importHistory = (over: Over) =>
  Effect.fnUntraced(function* (target: RepositoryTarget, { addresses, defaultBranch, login, url }: HistorySource) {
    const { git, where, written } = over
    const repository = yield* current(over, target)
    const { directory } = repository
    const there = yield* maybeHead(repository, defaultBranch)
    if (there !== null) return yield* already(git, repository, there)
    const remote = { url, username: login?.username ?? "", token: login?.token ?? null, addresses }
    const refspecs = kinds.map((kind) => `+refs/${kind}/*:${hidden}${kind}/*`)
    yield* forget(git, repository)
    yield* Remote.fetch(git, directory, remote, maxBytes, refspecs)
    const { kept, left } = sorted(yield* brought(git, directory))
    const main = kept.find(({ ref }) => ref === `refs/heads/${defaultBranch}`)
    if (main === undefined) return yield* notFound(`${url} has no branch ${defaultBranch}`)
    const ordered = [...kept.filter((one) => one !== main), main]
    for (let at = 0; at < ordered.length; at += pageSize)
      yield* where.move(
        repository,
        ordered.slice(at, at + pageSize).map(({ ref, sha }) => ({ ref, to: sha }))
      )
    yield* forget(git, repository)
    yield* written(repository)
    return counted(kept, main.sha, left)
  })
