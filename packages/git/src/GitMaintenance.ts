/** Housekeeping of a bare repository: hidden refs that nobody came back for, loose objects, many packs. Never touches a branch. */
import { Clock, Effect } from "effect"
import { readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import type { Git } from "./Git.ts"
import { updateRefs } from "./GitRefs.ts"
import { attempt } from "./GitError.ts"

/** A bundle that was taken in but not advanced to within a day was given up. */
const staleMillis = 24 * 3600 * 1000
/** Writes of one repository between two runs of `maintain`. */
export const writesBetween = 200

const staleRefs = (directory: string, nowMillis: number) =>
  attempt(async () => {
    const found: Array<string> = []
    for (const kind of ["incoming", "commits"]) {
      const folder = join(directory, "refs/rdev", kind)
      const names = await readdir(folder).catch((cause: unknown) => {
        if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return []
        throw cause
      })
      for (const name of names) {
        const { mtimeMs } = await stat(join(folder, name))
        if (nowMillis - mtimeMs > staleMillis && /^[0-9A-Za-z]+$/.test(name)) found.push(`refs/rdev/${kind}/${name}`)
      }
    }
    return found
  })

export const maintain = Effect.fn("GitMaintenance.maintain")(function* (git: Git, directory: string) {
  const stale = yield* staleRefs(directory, yield* Clock.currentTimeMillis)
  if (stale.length > 0)
    yield* updateRefs(
      git,
      directory,
      stale.map((ref) => ({ ref, to: null }))
    )
  // Refs stay loose (gc.packRefs): their age tells stale ones, and reading a head stays one file.
  yield* git.run(directory, ["-c", "gc.packRefs=false", "gc", "--quiet", "--prune=2.days.ago"], {
    timeoutMillis: 600_000
  })
})
