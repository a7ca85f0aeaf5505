/** The pipeline file of a commit: read, or the sentence that says why there is none to run. */
import type { RepositoryTarget, Sha, ForgeError } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { Effect } from "effect"
import * as Pipeline from "./Pipeline.ts"

export const names: ReadonlyArray<string> = [".woodpecker.yml", ".woodpecker.yaml"]
export const maxBytes = 256 * 1024

const parsed = (text: string, file: string): Pipeline.Pipeline | string => {
  try {
    return Pipeline.parse(text, file)
  } catch (cause) {
    if (cause instanceof Pipeline.PipelineError) return cause.message
    throw cause
  }
}

export const read = Effect.fnUntraced(function* (
  git: GitObjects["Service"],
  target: RepositoryTarget,
  sha: Sha
): Effect.fn.Return<Pipeline.Pipeline | string, ForgeError> {
  const files = yield* git.readFiles(target, sha, names)
  const file = names.find((name) => files.has(name))
  if (file === undefined)
    return `the repository has no .woodpecker.yml at ${sha.slice(0, 12)}; add one with at least one step`
  const content = files.get(file) ?? new Uint8Array(0)
  if (content.byteLength > maxBytes) return `${file} has ${content.byteLength} bytes, more than ${maxBytes}`
  return parsed(Buffer.from(content).toString("utf8"), file)
})
