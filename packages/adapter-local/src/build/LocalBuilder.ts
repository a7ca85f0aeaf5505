/**
 * The Builder port on one machine: checks the commit out and runs what its rdev.yaml says in the sandbox. The artifact is the folder
 * afterwards; a commit is built once for all environments.
 */
import { type Artifact, Builder, BuilderError } from "@rdev/core/ports/infra/Builder"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import * as NewId from "@rdev/core/ids/NewId"
import { Clock, Effect, Layer, Option, Semaphore } from "effect"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt, type LocalFailure } from "../LocalFailure.ts"
import * as ProjectRedactor from "../output/ProjectRedactor.ts"
import * as FileLock from "../records/FileLock.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import * as ArtifactBuild from "./ArtifactBuild.ts"
import * as Artifacts from "./Artifacts.ts"

export interface BuildOptions {
  readonly dataDir: string
  /** Default 15 minutes. */
  readonly buildTimeoutMillis?: number
}
export type Options = BuildOptions & Sandbox.Options

const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, BuilderError> =>
  effect.pipe(
    Effect.mapError(
      (failure) => new BuilderError({ operation: `Builder.${operation}`, reason: failure.reason, cause: failure.cause })
    ),
    Effect.withSpan(`Builder.${operation}`)
  )

/** One change of a project's artifacts at a time, in all processes. */
const locks = (dataDir: string) => {
  const held = new Map<string, Semaphore.Semaphore>()
  return <A, E>({ projectId }: RepositoryTarget, effect: Effect.Effect<A, E>) => {
    const lock = held.get(projectId) ?? Semaphore.makeUnsafe(1)
    held.set(projectId, lock)
    return lock.withPermit(FileLock.exclusively(dataDir, `build-${projectId}`)(effect))
  }
}

const build = Effect.fnUntraced(function* (place: ArtifactBuild.Place, target: RepositoryTarget, sha: Sha) {
  const { dataDir } = place
  const { projectId } = target
  const there = yield* attempt(() => Artifacts.ofCommit(dataDir, projectId, sha))
  if (there !== null) return there
  const id = yield* NewId.make("art")
  const folder = Artifacts.folderOf(dataDir, projectId, id)
  const built = Effect.gen(function* () {
    yield* place.sandbox.mayWrite
    const { commands, run } = yield* ArtifactBuild.readConfig(place, target, sha)
    yield* ArtifactBuild.build(place, target, sha, folder, commands)
    const builtAtMillis = yield* Clock.currentTimeMillis
    const content = { _tag: "Folder" as const, path: Artifacts.filesOf(folder) }
    const artifact: Artifact = { id, sha, content, run, builtAtMillis }
    yield* attempt(() => Artifacts.write(dataDir, projectId, artifact))
    return artifact
  })
  const artifact = yield* Effect.onError(built, () => Effect.ignore(attempt(() => ConfinedTree.remove(folder))))
  yield* attempt(() => Artifacts.prune(dataDir, projectId))
  return artifact
})

export const make = Effect.fn("LocalBuilder.make")(function* ({ buildTimeoutMillis, dataDir }: BuildOptions) {
  const place: ArtifactBuild.Place = {
    dataDir,
    buildTimeoutMillis: buildTimeoutMillis ?? 15 * 60_000,
    git: yield* GitObjects,
    sandbox: yield* Sandbox.Sandbox,
    redactorOf: yield* ProjectRedactor.make,
    building: yield* Semaphore.make(2)
  }
  const exclusive = locks(dataDir)
  return Builder.of({
    build: (target, { sha }) => verb("build", exclusive(target, build(place, target, sha))),
    observe: ({ projectId }, sha) =>
      verb(
        "observe",
        Effect.map(
          attempt(() => Artifacts.ofCommit(dataDir, projectId, sha)),
          Option.fromNullishOr
        )
      ),
    remove: (target) =>
      verb(
        "remove",
        exclusive(
          target,
          attempt(() => ConfinedTree.remove(Artifacts.projectFolder(dataDir, target.projectId)))
        )
      ),
    list: verb(
      "list",
      Effect.map(
        attempt(() => Artifacts.projects(dataDir)),
        (found) =>
          found.map(({ artifactId, projectId }) => ({
            projectId,
            externalId: projectId,
            createdAtMillis: NewId.timeMillis(artifactId)
          }))
      )
    )
  })
})

export const layerNoDeps = (options: BuildOptions): Layer.Layer<Builder, never, GitObjects | Sandbox.Sandbox> =>
  Layer.effect(Builder, make(options))

/** With a sandbox of its own. The forge can be any. */
export const layer = (options: Options): Layer.Layer<Builder, BuilderError, GitObjects> =>
  Layer.provide(
    layerNoDeps(options),
    Layer.effect(
      Sandbox.Sandbox,
      Effect.mapError(
        Sandbox.make(options),
        (failure) => new BuilderError({ operation: "LocalBuilder.layer", reason: failure.reason, cause: failure.cause })
      )
    )
  )
