/** The pipeline of a commit, or why there is none to run. */
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import * as Pipeline from "@rdev/runtime-node/pipeline/Pipeline"
import { Effect } from "effect"
import { attempt, LocalFailure } from "../LocalFailure.ts"

const pipelineFiles = [".woodpecker.yml", ".woodpecker.yaml"]
const maxPipelineBytes = 256 * 1024

const fromPort = <A, E extends { readonly reason: LocalFailure["reason"] }>(
  effect: Effect.Effect<A, E>
): Effect.Effect<A, LocalFailure> =>
  Effect.mapError(effect, (error) => new LocalFailure({ reason: error.reason, cause: error }))

const parsed = (text: string, file: string): Pipeline.Pipeline | string => {
  try {
    return Pipeline.parse(text, file)
  } catch (cause) {
    if (cause instanceof Pipeline.PipelineError) return cause.message
    throw cause
  }
}

/** Either the pipeline, or the sentence that says why there is none to run. */
export const read = Effect.fnUntraced(function* (git: GitObjects["Service"], target: RepositoryTarget, sha: Sha) {
  const tree = yield* fromPort(git.listTree(target, sha))
  const file = pipelineFiles.find((name) => tree.some((entry) => entry.path === name))
  if (file === undefined)
    return `the repository has no .woodpecker.yml at ${sha.slice(0, 12)}; add one with at least one step`
  const content = (yield* fromPort(git.readFiles(target, sha, ""))).get(file) ?? new Uint8Array(0)
  if (content.byteLength > maxPipelineBytes)
    return `${file} has ${content.byteLength} bytes, more than ${maxPipelineBytes}`
  return yield* attempt(async () => parsed(Buffer.from(content).toString("utf8"), file))
})
