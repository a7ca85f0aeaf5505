/** The data folder, made or found usable before anything else is started: one clear error instead of a failure deep inside. */
import * as Effect from "effect/Effect"
import { accessSync, constants, mkdirSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { StartError } from "../ServerConfig.ts"
import { ofCode } from "../StartFix.ts"

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : null)

/** Below a file there is nothing, like below a folder that is not there. */
const kindOf = (path: string): "none" | "folder" | "file" => {
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    return found === undefined ? "none" : found.isDirectory() ? "folder" : "file"
  } catch (cause) {
    if (codeOf(cause) === "ENOTDIR") return "none"
    throw cause
  }
}

/**
 * Makes the missing folders (0700) one by one: where the system makes none and says so by "no such entry", as below /proc, a
 * recursive mkdir never ends.
 */
const make = (path: string): void => {
  const kind = kindOf(path)
  if (kind === "file") throw new Error(`${path} is a file, not a folder`)
  if (kind === "none") {
    const parent = dirname(path)
    make(parent)
    try {
      mkdirSync(join(parent, basename(path)), { mode: 0o700 })
    } catch (cause) {
      // Another process may have been faster.
      if (codeOf(cause) !== "EEXIST")
        throw new Error(`no folder can be made in ${parent} (${String(codeOf(cause))})`, { cause })
    }
  }
}

const prepare = (path: string): void => {
  make(path)
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new Error("this user may not read and write it", { cause })
  }
}

export const ready = (dataDir: string): Effect.Effect<void, StartError> =>
  Effect.try({
    try: () => prepare(dataDir),
    catch: (cause) =>
      new StartError({
        field: "data folder",
        problem: `${dataDir} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
        fix:
          ofCode(codeOf(cause instanceof Error && cause.cause !== undefined ? cause.cause : cause))?.fix ??
          "Choose a folder that this user can write with --data-dir (RDEV_DATA_DIR)",
        cause
      })
  })
