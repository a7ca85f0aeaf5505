/** Refs of a bare repository: read from git's own files, moved by one transaction of `git update-ref`. */
import type { Sha } from "@rdev/core/ports/infra/Forge"
import { Effect } from "effect"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Git } from "./Git.ts"
import { attempt, fail, type GitError } from "./GitError.ts"
import * as GitLocks from "./GitLocks.ts"

const hex = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/
export const isSha = (text: string): boolean => hex.test(text)

/** Commit of a branch, read from git's own files (loose first, then packed), because it is asked for at every request. */
export const head = (repository: { readonly directory: string }, branch: string): Effect.Effect<Sha | null, GitError> =>
  attempt(async () => {
    const ref = `refs/heads/${branch}`
    const loose = await readFile(join(repository.directory, ref), "utf8").catch((cause: unknown) => {
      if (cause instanceof Error && "code" in cause && ["ENOENT", "ENOTDIR", "EISDIR"].includes(String(cause.code)))
        return null
      throw cause
    })
    // A ref that is there counts, also when it is damaged: the packed one beside it is older.
    if (loose !== null && !hex.test(loose.trim()))
      throw fail({
        _tag: "Unknown",
        message: `${ref} is damaged (${loose.length} bytes that are no commit id); restore it by hand: git update-ref ${ref} <commit>, git fsck --lost-found names candidates`
      })
    if (loose !== null) return loose.trim()
    const packed = await readFile(join(repository.directory, "packed-refs"), "utf8").catch((cause: unknown) => {
      if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return ""
      throw cause
    })
    for (const line of packed.split("\n")) {
      const [sha, name] = line.split(" ")
      if (name === ref && sha !== undefined && hex.test(sha)) return sha
    }
    return null
  })

/** `old` null = must not exist, undefined = whatever it is. */
export interface RefUpdate {
  readonly ref: string
  readonly to: Sha | null
  readonly old?: Sha | null
}
const zero = "0".repeat(40)
/** Updates several refs at once, or none. A ref that moved is a Conflict. */
export const updateRefs = (
  git: Git,
  directory: string,
  updates: ReadonlyArray<RefUpdate>
): Effect.Effect<void, GitError> => {
  const commands = updates.map(({ ref, to, old }) => {
    const before = old === undefined ? "" : (old ?? zero)
    return to === null ? `delete ${ref}\0${before}\0` : `update ${ref}\0${to}\0${before}\0`
  })
  return GitLocks.patiently(
    directory,
    Effect.asVoid(git.run(directory, ["update-ref", "--no-deref", "--stdin", "-z"], { stdin: commands.join("") }))
  )
}
/** Moves refs, all or none, where the repository lies: a Conflict when a branch has another head by now. */
export type Move = (updates: ReadonlyArray<RefUpdate>) => Effect.Effect<void, GitError>
