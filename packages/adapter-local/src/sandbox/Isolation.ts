/** How this machine would isolate workspaces: asked by running a test command in each sandbox that fits, as a start does. */
import type { Health } from "@rdev/core/adapter/Adapter"
import { Effect } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Sandbox from "./Sandbox.ts"
import * as Walls from "./Walls.ts"

/** The name of the isolation, and which walls stand in it; fails with what was tried and what to install. Leaves nothing behind. */
export const probe = (options: Pick<Sandbox.Options, "unsafeHost"> = {}) =>
  Effect.gen(function* () {
    const dataDir = yield* Effect.acquireRelease(
      Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-isolation-"))),
      (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
    )
    const sandbox = yield* Sandbox.make({ dataDir, ...options })
    return { isolation: sandbox.isolation, walls: yield* Walls.look(sandbox, dataDir) }
  }).pipe(Effect.scoped)

export const health = (options: Pick<Sandbox.Options, "unsafeHost">): Effect.Effect<Health> =>
  Effect.match(probe({ unsafeHost: options.unsafeHost ?? false }), {
    onSuccess: ({ isolation, walls }): Health => ({
      ok: true,
      detail: `workspaces are isolated by ${isolation}`,
      checks: walls.map(({ detail, name, stands }) => ({ name, ok: stands, detail }))
    }),
    onFailure: (failure): Health => ({ ok: false, detail: failure.message })
  })
