/**
 * The data folder of the embedded engine, held by one process at a time: two engines on one folder lose data silently.
 *
 * The lock is the operating system's (a file lock taken through SQLite's locking of an otherwise empty file), so it ends with the
 * process however that ends, cannot be inherited by a reused pid, and holds between containers that share the folder.
 * The holder's pid stands in a file beside it, for the message only.
 */
import { StoreError, type StoreReason } from "@rdev/core/ports/stores/StoreError"
import { Effect, type Scope } from "effect"
import * as fs from "node:fs"
import * as path from "node:path"

const fail = (reason: StoreReason, cause?: unknown) => new StoreError({ operation: "DataFolder.open", reason, cause })
const codeOf = (cause: unknown): unknown =>
  typeof cause === "object" && cause !== null ? Reflect.get(cause, "code") : undefined
/** SQLITE_BUSY: somebody holds the lock. */
const busy = 5
const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const loadSqlite = Effect.suspend(() => {
  // Asked for by name at run time: an import would fail the whole module on a Node without it.
  const sqlite = process.getBuiltinModule("node:sqlite")
  return sqlite === undefined
    ? Effect.fail(
        fail({
          _tag: "Unavailable",
          message: `the data folder cannot be locked: this Node (${process.version}) has no node:sqlite; use Node 22.13 or newer`
        })
      )
    : Effect.succeed(sqlite)
})

const holderOf = (file: string): string => {
  try {
    const { pid, since }: { readonly pid?: unknown; readonly since?: unknown } = JSON.parse(
      fs.readFileSync(file, "utf8")
    )
    return `by process ${String(pid)} (since ${String(since)})`
  } catch {
    // Written a moment after the lock is taken; the lock itself does not depend on it.
    return "by another process"
  }
}

const prepare = (folder: string): void => {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    fs.accessSync(folder, fs.constants.W_OK | fs.constants.X_OK)
  } catch (cause) {
    const why =
      codeOf(cause) === "EEXIST" || codeOf(cause) === "ENOTDIR" ? "it is a file, not a folder" : messageOf(cause)
    throw fail(
      { _tag: "Invalid", field: "dataDir", message: `${folder} cannot be used as the data folder: ${why}` },
      cause
    )
  }
}

/** Takes the folder until the scope ends, creating it (0700) when missing. Locked names the holder and the way out. */
export const lock = (folder: string): Effect.Effect<void, StoreError, Scope.Scope> =>
  Effect.flatMap(loadSqlite, ({ DatabaseSync }) =>
    Effect.acquireRelease(
      Effect.try({
        try: () => {
          prepare(folder)
          const holder = path.join(folder, "lock.json")
          const file = new DatabaseSync(path.join(folder, "lock"), { timeout: 0 })
          try {
            file.exec("BEGIN EXCLUSIVE")
          } catch (cause) {
            file.close()
            if (typeof cause === "object" && cause !== null && Reflect.get(cause, "errcode") === busy) {
              throw fail(
                {
                  _tag: "Locked",
                  message: `the data folder ${folder} is in use ${holderOf(holder)}`
                },
                cause
              )
            }
            throw cause
          }
          fs.writeFileSync(holder, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }))
          return file
        },
        catch: (cause) =>
          cause instanceof StoreError
            ? cause
            : fail(
                { _tag: "Unavailable", message: `the data folder ${folder} cannot be locked: ${messageOf(cause)}` },
                cause
              )
      }),
      (file) => Effect.sync(() => file.close())
    )
  ).pipe(Effect.asVoid)
