/**
 * Writes the files of a commit into a fresh folder, from the forge's own records. Plain files first and links last, so that no file
 * is ever written through a link of the repository. There is no `.git`: pipelines and builds see files, not history.
 */
import { Forge, type RepositoryTarget, type Sha } from "@rdev/core/ports/Forge"
import * as ForgePath from "@rdev/core/ports/ForgePath"
import { Effect } from "effect"
import { mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { attempt, invalid, LocalFailure } from "./LocalFailure.ts"

export const write = Effect.fn("Checkout.write")(function*(target: RepositoryTarget, sha: Sha, folder: string) {
  const forge = yield* Forge
  const translate = <A, E extends { readonly reason: LocalFailure["reason"] }>(effect: Effect.Effect<A, E>) =>
    Effect.mapError(effect, (error) => new LocalFailure({ reason: error.reason, cause: error }))
  const tree = yield* translate(forge.listTree(target, sha))
  const contents = yield* translate(forge.readFiles(target, sha, ""))
  for (const { path } of tree) {
    const why = ForgePath.invalid(path)
    if (why !== null) return yield* invalid("path", why)
  }
  yield* attempt(async () => {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const links of [false, true]) {
      for (const { path, mode } of tree) {
        const content = contents.get(path)
        // Submodules (160000) have no content here.
        if (content === undefined || (mode === "120000") !== links) continue
        const full = join(folder, path)
        await mkdir(dirname(full), { recursive: true, mode: 0o755 })
        if (links) await symlink(Buffer.from(content), full)
        else await writeFile(full, content, { flag: "wx", mode: mode === "100755" ? 0o755 : 0o644 })
      }
    }
  })
})
