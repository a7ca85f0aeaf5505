/** How this machine would isolate workspaces: asked by running a test command in each sandbox that fits, as a start does. */
import * as Sandbox from "@rdev/adapter-local/sandbox/Sandbox"
import * as Walls from "@rdev/adapter-local/sandbox/Walls"
import * as Effect from "effect/Effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** The name of the isolation, and which walls stand in it; fails with what was tried and what to install. Leaves nothing behind. */
export const probe = Effect.gen(function* () {
  const dataDir = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-isolation-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
  )
  const sandbox = yield* Sandbox.make({ dataDir })
  return { isolation: sandbox.isolation, walls: yield* Walls.look(sandbox, dataDir) }
}).pipe(Effect.scoped)
