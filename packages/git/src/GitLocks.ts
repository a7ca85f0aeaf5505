/**
 * Locks that a killed process left in a bare repository. Git holds a lock for milliseconds and never takes away another's; without
 * this a server that was killed at the wrong moment could not move a branch until somebody removed a file by hand.
 *
 * A lock is stale when it is older than ten seconds and no process of this machine has it open or writes to the repository. Nothing
 * else is ever removed.
 */
import { Effect } from "effect"
import { lstat, readdir, readFile, readlink, rm } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { lockInTheWay } from "./classifyError.ts"
import { attempt, type GitError } from "./GitError.ts"

const staleMillis = 10_000
const betweenTriesMillis = 100
const tries = Math.ceil((staleMillis + 2_000) / betweenTriesMillis)

const absent = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && ["ENOENT", "ENOTDIR", "ESRCH"].includes(String(cause.code))
/** The answer, or the other one when the file is gone by now. */
const unlessGone = <A, B>(work: Promise<A>, otherwise: B): Promise<A | B> =>
  work.catch((cause: unknown) => {
    if (absent(cause)) return otherwise
    throw cause
  })

/** `HEAD.lock`, `packed-refs.lock`, `config.lock`, …, those of refs at any depth, and those of the indexes over objects. */
const locks = async (directory: string): Promise<ReadonlyArray<string>> => {
  const below = async (folder: string, recursive: boolean) =>
    (await unlessGone(readdir(join(directory, folder), { withFileTypes: true, recursive }), []))
      .filter((entry) => entry.name.endsWith(".lock") && !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
  return (
    await Promise.all([
      below("", false),
      below("refs", true),
      below("objects/info", true),
      below("objects/pack", false)
    ])
  ).flat()
}

/** Commands that only read hold no lock. */
const reads = /(?:^|\0)(?:upload-pack|cat-file|ls-tree|rev-list|merge-base|merge-tree|for-each-ref|bundle)(?:\0|$)/

/** Whether a process of this machine may still be at work on one of the locks. Other users' processes show no descriptors, but their command. */
const hasWriter = async (directory: string, found: ReadonlySet<string>): Promise<boolean> => {
  if (process.platform !== "linux") return false
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
    const command = await unlessGone(readFile(`/proc/${pid}/cmdline`, "utf8"), "")
    if (command.includes(directory) && !reads.test(command)) return true
    // Of another user's process, or of one that has just ended.
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const descriptor of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "")
      if (found.has(target)) return true
    }
  }
  return false
}

/** Removes stale locks and answers with how many there were. */
export const clear = (directory: string, olderThanMillis = staleMillis): Effect.Effect<number, GitError> =>
  attempt(async () => {
    const now = Date.now()
    const old = new Set<string>()
    for (const path of await locks(directory)) {
      const found = await unlessGone(lstat(path), null)
      if (found !== null && now - found.mtimeMs >= olderThanMillis) old.add(path)
    }
    if (old.size === 0 || (await hasWriter(directory, old))) return 0
    for (const path of old) await rm(path, { force: true })
    return old.size
  })

/** Does the work again while a lock is in its way: another's is soon gone, and one that nobody holds is removed once it is stale. */
export const patiently = <A>(directory: string, work: Effect.Effect<A, GitError>): Effect.Effect<A, GitError> => {
  const again = (left: number): Effect.Effect<A, GitError> =>
    Effect.catchIf(
      work,
      (failure) => left > 0 && lockInTheWay(failure.cause) !== null,
      () =>
        clear(directory).pipe(
          Effect.flatMap((cleared) =>
            cleared > 0
              ? Effect.logWarning(
                  `removed ${cleared} lock${cleared === 1 ? "" : "s"} that a killed process left in ${directory}`
                )
              : attempt((signal) => setTimeout(betweenTriesMillis, undefined, { signal }))
          ),
          Effect.andThen(again(left - 1))
        )
    )
  return again(tries)
}
