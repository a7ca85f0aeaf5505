/**
 * What the server's own bare repositories rest on. Only the server writes their `config` and `HEAD`: a crash or somebody else may have
 * left others, so both are looked at and written anew. A repository that borrows objects or settings from another folder is refused.
 */
import { Effect } from "effect"
import { lstat, readFile, rename, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { randomBytes } from "node:crypto"
import * as GitLocks from "./GitLocks.ts"
import { attempt, foreign, type GitError } from "./GitError.ts"

export const config = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"
const borrowed = ["commondir", "objects/info/alternates", "objects/info/http-alternates"]

/** How long one look is believed: heads are asked for many times a second. */
const freshMillis = 1_000
const betweenSweepsMillis = 30_000

interface Look {
  readonly at: number
  readonly sweptAt: number
  readonly signature: string
}
const looks = new Map<string, Look>()

const missing = (cause: unknown) => {
  if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null
  throw cause
}
const signatureOf = async (directory: string): Promise<string> =>
  (
    await Promise.all(
      ["config", "HEAD"].map((name) =>
        lstat(join(directory, name)).then(
          (found) => `${found.ino} ${found.size} ${found.mtimeMs} ${found.mode}`,
          missing
        )
      )
    )
  ).join(", ")

const restore = async (directory: string, name: string, content: string): Promise<void> => {
  const path = join(directory, name)
  const plain = await lstat(path).then((found) => found.isFile(), missing)
  if (plain === true && (await readFile(path, "utf8")) === content) return
  const aside = `${path}.${randomBytes(6).toString("hex")}`
  if (plain === false) await rename(path, `${aside}.replaced`)
  await writeFile(aside, content, { mode: 0o644, flag: "wx" })
  await rename(aside, path)
}

const look = async (directory: string, defaultBranch: string, now: number, before: Look | undefined): Promise<Look> => {
  for (const name of borrowed) {
    if ((await stat(join(directory, name)).then(() => true, missing)) === true)
      throw foreign(
        `${join(directory, name)} was not made by rdev: it lets the repository read another folder's objects; take it away`
      )
  }
  const seen = await signatureOf(directory)
  if (seen === before?.signature) return { ...before, at: now }
  await restore(directory, "config", config)
  await restore(directory, "HEAD", `ref: refs/heads/${defaultBranch}\n`)
  return { at: now, sweptAt: before?.sweptAt ?? Number.NEGATIVE_INFINITY, signature: await signatureOf(directory) }
}

/** To be run before git is; costs nothing while the last look is fresh. */
export const check = (directory: string, defaultBranch: string): Effect.Effect<void, GitError> =>
  Effect.suspend(() => {
    const now = performance.now()
    const before = looks.get(directory)
    if (before !== undefined && now - before.at < freshMillis) return Effect.void
    return Effect.flatMap(
      attempt(() => look(directory, defaultBranch, now, before)),
      (found) => {
        const due = now - found.sweptAt >= betweenSweepsMillis
        looks.set(directory, due ? { ...found, sweptAt: now } : found)
        return due ? Effect.asVoid(GitLocks.clear(directory)) : Effect.void
      }
    )
  })

export const forget = (directory: string): void => {
  looks.delete(directory)
}
