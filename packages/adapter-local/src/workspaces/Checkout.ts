/**
 * Writes the files of a commit into a fresh folder, from the forge's own records. There is no `.git`: pipelines and builds see files,
 * not history. Every folder is entered by ConfinedFolder, so that nothing is written through a link of the repository, whatever a
 * crafted tree or a file system that folds case makes of two of its names; where two meet, the commit is refused.
 */
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import * as ForgePath from "@rdev/core/ports/infra/ForgePath"
import { Effect } from "effect"
import { mkdir } from "node:fs/promises"
import { dirname } from "node:path"
import * as Confined from "../confined/ConfinedFolder.ts"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt, invalid, LocalFailure } from "../LocalFailure.ts"

interface Entry {
  readonly path: string
  readonly mode: string
  readonly content: Uint8Array
}

const put = async (folder: Confined.Folder, name: string, { content, mode }: Entry): Promise<void> => {
  if (mode === "120000") return Confined.makeLink(folder, name, Buffer.from(content))
  const fd = Confined.createFile(folder, name, mode === "100755" ? 0o755 : 0o644)
  try {
    await Confined.writeAll(fd, content)
  } finally {
    Confined.close({ fd })
  }
}

/** Entries by their path's segments: a folder is opened once for all that is in it. */
const fill = async (
  folder: Confined.Folder,
  entries: ReadonlyArray<readonly [ReadonlyArray<string>, Entry]>,
  breath = Confined.breath()
): Promise<void> => {
  const below = new Map<string, Array<readonly [ReadonlyArray<string>, Entry]>>()
  for (const [[name = "", ...rest], entry] of entries) {
    if (rest.length > 0) {
      const there = below.get(name) ?? []
      there.push([rest, entry])
      below.set(name, there)
      continue
    }
    await breath()
    try {
      await put(folder, name, entry)
    } catch (cause) {
      throw ["EEXIST", "ENAMETOOLONG", "EILSEQ"].includes(Confined.codeOf(cause) ?? "")
        ? invalid(
            "path",
            `${entry.path} cannot be written beside the other files of the commit (${Confined.codeOf(cause)})`
          )
        : cause
    }
  }
  for (const [name, inner] of below) {
    let made: ReturnType<typeof Confined.makeFolder>
    try {
      made = Confined.makeFolder(folder, name, 0o755)
    } catch (cause) {
      throw Confined.isNoFolder(cause)
        ? invalid("path", `${inner[0]?.[1].path ?? name}: ${name} is a file or a link of the commit too`)
        : cause
    }
    try {
      await fill(made.folder, inner, breath)
    } finally {
      Confined.close(made.folder)
    }
  }
}

export const write = Effect.fn("Checkout.write")(function* (target: RepositoryTarget, sha: Sha, folder: string) {
  const git = yield* GitObjects
  const translate = <A, E extends { readonly reason: LocalFailure["reason"] }>(effect: Effect.Effect<A, E>) =>
    Effect.mapError(effect, (error) => new LocalFailure({ reason: error.reason, cause: error }))
  const tree = yield* translate(git.listTree(target, sha))
  const contents = yield* translate(git.readFiles(target, sha, ""))
  for (const { path } of tree) {
    const why = ForgePath.invalid(path)
    if (why !== null) return yield* invalid("path", why)
    if (path.split("/").length > ConfinedTree.maxDepth)
      return yield* invalid("path", `${path.slice(0, 80)}… is nested deeper than ${ConfinedTree.maxDepth} folders`)
  }
  // Submodules (160000) have no content here.
  const entries = tree.flatMap(({ path, mode }) => {
    const content = contents.get(path)
    return content === undefined ? [] : [[path.split("/"), { path, mode, content }] as const]
  })
  yield* attempt(async () => {
    await ConfinedTree.remove(folder)
    await mkdir(dirname(folder), { recursive: true, mode: 0o700 })
    await mkdir(folder, { mode: 0o700 })
    const root = Confined.openRoot(folder)
    try {
      await fill(root, entries)
    } finally {
      Confined.close(root)
    }
  })
})
