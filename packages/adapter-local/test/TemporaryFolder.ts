/** A folder that lives as long as a layer's scope. */
import { Effect, Layer } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

export const make = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-local-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true, maxRetries: 5 }))
)

/** A layer over a fresh folder, removed after the layer's own finalizers have run. */
export const withFolder = <A, E, R>(build: (dataDir: string) => Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.unwrap(Effect.map(make, build))
