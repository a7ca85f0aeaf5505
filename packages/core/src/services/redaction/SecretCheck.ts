/**
 * Looks through what an agent hands over before any branch moves: a commit cannot be cleaned afterwards, so one that holds a secret is
 * refused as a whole, with the places. Looked at are names and contents of files that are new or changed, binary ones too; author and
 * message of a hand-over are the platform's own.
 */
import { Effect } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { RepositoryTarget, Sha } from "../../ports/infra/Forge.ts"
import { GitObjects, type TreeEntry } from "../../ports/infra/GitObjects.ts"
import type { Redactor } from "../../redaction/Redactor.ts"
import { Redaction } from "./Redaction.ts"
import * as Turns from "./Turns.ts"

export interface Change {
  readonly target: RepositoryTarget & { readonly projectId: ProjectId }
  /** The commit, and what it contains. */
  readonly to: Sha
  readonly after: ReadonlyArray<TreeEntry>
  /** What was there before: the branch, and what the work may bring in from others. */
  readonly before: ReadonlyArray<TreeEntry>
}

const places = 5

/** Pure: where secrets stand in one file. Yields as the search does. */
export const inFile = function* (
  redactor: Redactor,
  path: string,
  content: Uint8Array
): Generator<void, ReadonlyArray<string>> {
  const shown = redactor.text(path)
  const named = shown === path ? [] : [`${shown}: a secret stands in the file's name`]
  const isText = !content.subarray(0, 8_000).includes(0)
  let [at, line] = [0, 1]
  const found = (yield* redactor.find(content)).map(({ from }) => {
    if (!isText) return `${shown}: a secret stands at byte ${from}`
    for (; at < from; at++) if (content[at] === 0x0a) line += 1
    return `${shown}:${line}: a secret stands here`
  })
  return [...named, ...new Set(found)]
}

/** Everything that must not land; empty = no secret that is known. */
export const problems = Effect.fn("SecretCheck.problems")(function* ({ after, before, target, to }: Change) {
  const known = new Set(before.map(({ oid, path }) => `${oid} ${path}`))
  const changed = after.filter(({ oid, path }) => !known.has(`${oid} ${path}`))
  if (changed.length === 0) return []
  const redactor = yield* (yield* Redaction).of(target.projectId)
  const contents = yield* (yield* GitObjects).readFiles(target, to, "")
  const found = yield* Turns.run(function* () {
    const all: Array<string> = []
    for (const { path } of changed)
      all.push(...(yield* inFile(redactor, path, contents.get(path) ?? new Uint8Array(0))))
    return all
  })
  if (found.length === 0) return []
  const rest = found.length > places ? [`and ${found.length - places} more places hold secrets`] : []
  return [
    ...found.slice(0, places),
    ...rest,
    "take the secrets out of the files: a program gets them from its environment"
  ]
})
