/**
 * Commits without a work tree: one `git fast-import` writes blobs, trees and the commit under a hidden ref, one
 * transaction moves the branch if its head is still the expected one. Nothing else changes when it is not.
 */
import * as NewId from "@rdev/core/ids/NewId"
import type { Sha } from "@rdev/core/ports/infra/Forge"
import type { CommitRequest, FileChange } from "@rdev/core/ports/infra/GitObjects"
import * as ForgePath from "@rdev/core/ports/infra/ForgePath"
import { Clock, Effect } from "effect"
import type { Git } from "./Git.ts"
import { type Move, type RefUpdate, updateRefs } from "./GitRefs.ts"
import { conflict, invalid } from "./GitError.ts"

export interface Person {
  readonly name: string
  readonly email: string
}
/** Author of commits that rdev itself makes (first commits, merges). */
export const platform: Person = { name: "rdev", email: "rdev@localhost" }

/** Names and e-mails must not break the commit header. */
const clean = (text: string, fallback: string): string => {
  // eslint-disable-next-line no-control-regex -- control characters are what is removed here
  const safe = text.replace(/[\u0000-\u001f\u007f<>]/g, " ").trim()
  return safe === "" ? fallback : safe
}
const stamp = (person: Person, nowMillis: number) =>
  `${clean(person.name, "unknown")} <${clean(person.email, "unknown")}> ${Math.floor(nowMillis / 1000)} +0000`

const quoted = (path: string): string => `"${path.replace(/["\\]/g, (c) => `\\${c}`)}"`

const data = (content: Uint8Array | string): ReadonlyArray<Uint8Array> => {
  const body = typeof content === "string" ? Buffer.from(content) : content
  return [Buffer.from(`data ${body.byteLength}\n`), body, Buffer.from("\n")]
}

const changeLines = (change: FileChange, modes: ReadonlyMap<string, string>): ReadonlyArray<Uint8Array> => {
  if (change.content === null) return [Buffer.from(`D ${quoted(change.path)}\n`)]
  const executable = change.executable ?? modes.get(change.path) === "100755"
  return [Buffer.from(`M ${executable ? "100755" : "100644"} inline ${quoted(change.path)}\n`), ...data(change.content)]
}

/** A commit of a tree that is there, on no branch yet. */
export const ofTree = Effect.fn("GitCommit.ofTree")(function* (
  git: Git,
  directory: string,
  commit: {
    readonly tree: Sha
    readonly parents: ReadonlyArray<Sha>
    readonly message: string
    readonly author: Person
  }
) {
  const date = `${Math.floor((yield* Clock.currentTimeMillis) / 1000)} +0000`
  const [name, email] = [clean(commit.author.name, "unknown"), clean(commit.author.email, "unknown")]
  return yield* git.text(
    directory,
    ["commit-tree", commit.tree, ...commit.parents.flatMap((parent) => ["-p", parent])],
    {
      stdin: `${commit.message.replace(/\0/g, "").trimEnd()}\n`,
      env: {
        GIT_AUTHOR_NAME: name,
        GIT_AUTHOR_EMAIL: email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: name,
        GIT_COMMITTER_EMAIL: email,
        GIT_COMMITTER_DATE: date
      }
    }
  )
})

/** `modes` are those of the expected head's files: a change keeps a file's mode unless it says otherwise. */
export const commit = Effect.fn("GitCommit.commit")(function* (
  git: Git,
  directory: string,
  request: CommitRequest,
  modes: ReadonlyMap<string, string>,
  move: Move
) {
  for (const change of request.changes) {
    const why = ForgePath.invalid(change.path)
    if (why !== null) return yield* invalid("changes.path", why)
  }
  const now = yield* Clock.currentTimeMillis
  const hidden = `refs/rdev/commits/${yield* NewId.ulid}`
  const header = [
    `commit ${hidden}\nmark :1\n`,
    `author ${stamp(request.author, now)}\ncommitter ${stamp(request.author, now)}\n`
  ]
  const script = Buffer.concat([
    ...header.map((line) => Buffer.from(line)),
    ...data(`${request.message.replace(/\0/g, "").trimEnd()}\n`),
    ...(request.expectedHead === null ? [] : [Buffer.from(`from ${request.expectedHead}\n`)]),
    ...request.changes.flatMap((change) => changeLines(change, modes)),
    Buffer.from("\nget-mark :1\ndone\n")
  ])
  const sha = yield* git.text(directory, ["fast-import", "--quiet", "--done"], { stdin: script })
  const updates: ReadonlyArray<RefUpdate> = [
    { ref: `refs/heads/${request.branch}`, to: sha, old: request.expectedHead },
    { ref: hidden, to: null }
  ]
  yield* move(updates).pipe(
    Effect.tapError(() => Effect.ignore(updateRefs(git, directory, [{ ref: hidden, to: null }]))),
    Effect.catchIf(
      (failure) => failure.reason._tag === "Conflict",
      () =>
        Effect.fail(
          conflict(
            request.expectedHead === null
              ? `branch ${request.branch} exists already`
              : `branch ${request.branch} is no longer at ${request.expectedHead}`
          )
        )
    )
  )
  return sha
})
