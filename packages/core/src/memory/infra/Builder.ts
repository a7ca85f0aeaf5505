/** Artifacts as records. Nothing is built; a test decides which commits cannot be. */
import { Clock, Effect, Layer, Option } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import * as NewId from "../../ids/NewId.ts"
import { type Artifact, Builder, BuilderError } from "../../ports/infra/Builder.ts"
import type { Sha } from "../../ports/infra/Forge.ts"

export interface FakeOutcomes {
  /** Why a commit cannot be built, or null. */
  readonly refuse: (sha: Sha) => string | null
}

const make = ({ refuse }: FakeOutcomes) =>
  Effect.sync(() => {
    const projects = new Map<ProjectId, Map<Sha, Artifact>>()
    return Builder.of({
      build: Effect.fnUntraced(function* ({ name, projectId }, { sha }) {
        const there = projects.get(projectId)?.get(sha)
        if (there !== undefined) return there
        const why = refuse(sha)
        if (why !== null)
          return yield* new BuilderError({
            operation: "Builder.build",
            reason: { _tag: "Invalid", field: "build", message: why }
          })
        const builtAtMillis = yield* Clock.currentTimeMillis
        const artifact: Artifact = {
          id: NewId.makeAt("art", builtAtMillis),
          sha,
          content: { _tag: "Image", reference: `registry.test/${name}@sha256:${sha.padEnd(64, "0")}` },
          run: { kind: "node", start: "", health: "/" },
          builtAtMillis
        }
        projects.set(projectId, (projects.get(projectId) ?? new Map<Sha, Artifact>()).set(sha, artifact))
        return artifact
      }),
      observe: ({ projectId }, sha) => Effect.sync(() => Option.fromNullishOr(projects.get(projectId)?.get(sha))),
      remove: ({ projectId }) => Effect.sync(() => void projects.delete(projectId)),
      list: Effect.sync(() =>
        [...projects].map(([projectId, built]) => ({
          projectId,
          externalId: projectId,
          createdAtMillis: Math.min(...[...built.values()].map(({ builtAtMillis }) => builtAtMillis))
        }))
      )
    })
  })

export const layerWith = (outcomes: Partial<FakeOutcomes>): Layer.Layer<Builder> =>
  Layer.suspend(() => Layer.effect(Builder, make({ refuse: () => null, ...outcomes })))
/** Every commit can be built at once. */
export const layer: Layer.Layer<Builder> = layerWith({})
