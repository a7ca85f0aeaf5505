/**
 * Locks between the processes that share a data folder: the operating system's (taken through SQLite's locking of an otherwise empty
 * file), so that one ends with its process however that ends, is not inherited by a reused pid, and holds between containers.
 * A lock's file must not be opened by anything else: closing it there would give the lock up.
 */
import { Effect, type Scope } from "effect"
import { existsSync, mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { attempt, fail, type LocalFailure } from "../LocalFailure.ts"

/** SQLITE_BUSY: somebody holds it. */
const busy = 5
const pauses = { firstMillis: 5, maxMillis: 100 }

const sqlite = () => {
  // Asked for by name at run time: an import would fail the whole module on a Node without it.
  const found = process.getBuiltinModule("node:sqlite")
  if (found === undefined)
    throw fail({
      _tag: "Unsupported",
      message: `processes cannot share the data folder: this Node (${process.version}) has no node:sqlite; use Node 22.13 or newer`
    })
  return found
}

/** Of the real clock, as other processes do not wait for a test's. */
const pause = (millis: number) =>
  Effect.callback<void>((resume) => {
    const timer = setTimeout(() => resume(Effect.void), millis)
    return Effect.sync(() => clearTimeout(timer))
  })

/** Gives the lock up, once; null when another holder has it. */
export const tryTake = (path: string): (() => void) | null => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const file = new (sqlite().DatabaseSync)(path, { timeout: 0 })
  try {
    file.exec("BEGIN EXCLUSIVE")
  } catch (cause) {
    file.close()
    if (typeof cause === "object" && cause !== null && Reflect.get(cause, "errcode") === busy) return null
    throw cause
  }
  let held = true
  return () => {
    if (held) file.close()
    held = false
  }
}

/** Whether any process holds it. */
export const isHeld = (path: string): boolean => {
  if (!existsSync(path)) return false
  const release = tryTake(path)
  release?.()
  return release === null
}

/** Held until the scope ends; waits for as long as another holder has it. */
export const take = (path: string): Effect.Effect<void, LocalFailure, Scope.Scope> => {
  const wait = (millis: number): Effect.Effect<() => void, LocalFailure> =>
    Effect.flatMap(
      attempt(async () => tryTake(path)),
      (release) =>
        release === null
          ? Effect.andThen(pause(millis), wait(Math.min(pauses.maxMillis, millis * 2)))
          : Effect.succeed(release)
    )
  return Effect.asVoid(
    Effect.acquireRelease(wait(pauses.firstMillis), (release) => Effect.sync(release), { interruptible: true })
  )
}

export const pathOf = (dataDir: string, name: string): string => join(dataDir, "locks", name)
/** One process at a time, by name. */
export const exclusively =
  (dataDir: string, name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | LocalFailure, Exclude<R, Scope.Scope>> =>
    Effect.scoped(Effect.andThen(take(pathOf(dataDir, name)), effect))
