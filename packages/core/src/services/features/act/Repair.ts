/**
 * Restores a feature's damaged files from the last commit at which they were intact. Files that no intact commit knows are taken
 * away; nothing else is touched.
 */
import { Effect } from "effect"
import { ForgeError } from "../../../ports/infra/Forge.ts"
import { type FileChange, GitObjects } from "../../../ports/infra/GitObjects.ts"
import { platformPrincipal, type Snapshot } from "../read/FeatureFiles.ts"
import { RepositoryReader } from "../read/RepositoryReader.ts"

const cannot = (message: string) =>
  new ForgeError({ operation: "Repair.run", reason: { _tag: "Invalid", field: "integrity", message } })

export const run = Effect.fn("Repair.run")(function* (snapshot: Snapshot) {
  const git = yield* GitObjects
  const reader = yield* RepositoryReader
  const { intactSha } = snapshot.index
  if (intactSha === null)
    return yield* cannot("no intact version of the feature's files is known; restore them from git by hand")
  const own = `.sdlc/features/${snapshot.index.slug}/`
  const [was, is] = yield* Effect.all([
    reader.state(snapshot.target, intactSha),
    reader.state(snapshot.target, snapshot.sha)
  ])
  const damaged = [...new Set(snapshot.loaded.errors.map((error) => error.file))].filter(
    (file) => file.startsWith(own) || file === ".sdlc/policy.yaml"
  )
  // A broken chain is named at the event that no longer fits, so the altered parent has to be found by its content.
  const altered = [...was.keys()].filter(
    (file) =>
      file.startsWith(own) &&
      /\/(?:events|evidence)\/|feature\.yaml$/.test(file) &&
      Buffer.compare(was.get(file) ?? new Uint8Array(), is.get(file) ?? new Uint8Array()) !== 0
  )
  const files = new Set([...damaged, ...altered])
  if (files.size === 0)
    return yield* cannot(
      `nothing to restore: ${snapshot.loaded.errors.map((error) => `${error.file}: ${error.problem}`).join("; ")}`
    )
  const changes = [...files].flatMap((path): ReadonlyArray<FileChange> => {
    const content = was.get(path)
    if (content !== undefined) return [{ path, content }]
    return is.has(path) ? [{ path, content: null }] : []
  })
  yield* git.commit(snapshot.target, {
    branch: snapshot.branch,
    expectedHead: snapshot.sha,
    changes,
    message: `sdlc(${snapshot.index.slug}): restore ${changes.length} damaged file${changes.length === 1 ? "" : "s"} from ${intactSha.slice(0, 12)}`,
    author: { name: platformPrincipal.id, email: "platform@rdev" }
  })
})
