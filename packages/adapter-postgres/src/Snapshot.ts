/**
 * A ready-made database folder of the embedded engine, so that a first start unpacks files (under half a second) instead of
 * running initdb and every migration (five seconds). It is looked for in the package (built with it), then in the user's cache
 * folder; when neither has one for exactly this engine and these SQL files, it is made and kept in the cache folder.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect } from "effect"
import { createHash, randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import * as zlib from "node:zlib"
import * as SqlFiles from "./SqlFiles.ts"

const cacheFolder = (): string =>
  path.join(
    process.platform === "darwin"
      ? path.join(os.homedir(), "Library", "Caches")
      : process.platform === "win32"
        ? (process.env["LOCALAPPDATA"] ?? path.join(os.homedir(), "AppData", "Local"))
        : (process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache")),
    "rdev"
  )

/** Beside the built modules; the same folder seen from src/ and from dist/. */
export const packaged = fileURLToPath(new URL("../dist/", import.meta.url))

const engineVersion = (): string => {
  // The engine's package.json is found from its entry point, as its export map need not name it.
  let folder = path.dirname(createRequire(import.meta.url).resolve("@electric-sql/pglite"))
  while (!fs.existsSync(path.join(folder, "package.json"))) folder = path.dirname(folder)
  const { version }: { readonly version: string } = JSON.parse(
    fs.readFileSync(path.join(folder, "package.json"), "utf8")
  )
  return version
}

/** `snapshot-<hash of engine and SQL files>.tar.br`. */
export const fileName = (files: SqlFiles.SqlFiles): string =>
  `snapshot-${createHash("sha256")
    .update(`${engineVersion()}\n${SqlFiles.fingerprint(files)}`)
    .digest("hex")
    .slice(0, 20)}.tar.br`

export const compress = (tar: Uint8Array): Uint8Array =>
  zlib.brotliCompressSync(tar, {
    params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 6, [zlib.constants.BROTLI_PARAM_SIZE_HINT]: tar.byteLength }
  })

const read = (file: string): Uint8Array | null => {
  try {
    return zlib.brotliDecompressSync(fs.readFileSync(file))
  } catch {
    // Missing, half-written by a killed process, or unreadable: the next place is tried, at last a new one is made.
    return null
  }
}

/** Write-then-rename, so that a concurrent reader sees all or nothing. */
export const write = (folder: string, name: string, compressed: Uint8Array): void => {
  fs.mkdirSync(folder, { recursive: true })
  const temporary = path.join(folder, `.${name}.${randomUUID()}`)
  try {
    fs.writeFileSync(temporary, compressed)
    fs.renameSync(temporary, path.join(folder, name))
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

/** Snapshots of other versions that the cache folder keeps besides the newest. */
const keptSnapshots = 3
const prune = (folder: string): void => {
  const snapshots = fs
    .readdirSync(folder)
    .filter((name) => /^snapshot-[0-9a-f]+\.tar\.br$/.test(name))
    .map((name) => ({ file: path.join(folder, name), writtenMillis: fs.statSync(path.join(folder, name)).mtimeMs }))
    .sort((a, b) => b.writtenMillis - a.writtenMillis)
  for (const { file } of snapshots.slice(1 + keptSnapshots)) fs.rmSync(file, { force: true })
}

/** The tar of a migrated, empty database; `make` is asked only when none is stored. */
export const load = (
  files: SqlFiles.SqlFiles,
  make: Effect.Effect<Uint8Array, StoreError>
): Effect.Effect<Uint8Array, StoreError> =>
  Effect.gen(function* () {
    const name = fileName(files)
    const stored = read(path.join(packaged, name)) ?? read(path.join(cacheFolder(), name))
    if (stored !== null) return stored
    const tar = yield* make
    yield* Effect.try(() => {
      write(cacheFolder(), name, compress(tar))
      prune(cacheFolder())
    }).pipe(
      Effect.catch((error) =>
        Effect.logDebug(
          "the database snapshot could not be kept; the next first start will take some seconds again",
          error
        )
      )
    )
    return tar
  })

const text = (block: Uint8Array, from: number, length: number): string => {
  const bytes = block.subarray(from, from + length)
  const end = bytes.indexOf(0)
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end)).toString("utf8")
}

/** Unpacks a ustar archive of plain files and folders into a new folder; it appears under its name only when complete. */
export const extract = (tar: Uint8Array, folder: string): Effect.Effect<void, StoreError> =>
  Effect.try({
    try: () => {
      const building = `${folder}.new`
      fs.rmSync(building, { recursive: true, force: true })
      fs.mkdirSync(building, { recursive: true, mode: 0o700 })
      for (let at = 0; at + 512 <= tar.byteLength && tar[at] !== 0;) {
        const header = tar.subarray(at, at + 512)
        const prefix = text(header, 345, 155)
        const name = prefix === "" ? text(header, 0, 100) : `${prefix}/${text(header, 0, 100)}`
        const size = Number.parseInt(text(header, 124, 12).trim() || "0", 8)
        const target = path.join(building, name)
        if (target !== building && !target.startsWith(building + path.sep))
          throw new Error(`the snapshot names a path outside of itself: ${name}`)
        if (text(header, 156, 1) === "5" || name.endsWith("/")) fs.mkdirSync(target, { recursive: true, mode: 0o700 })
        else {
          fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 })
          fs.writeFileSync(target, tar.subarray(at + 512, at + 512 + size), { mode: 0o600 })
        }
        at += 512 + Math.ceil(size / 512) * 512
      }
      fs.renameSync(building, folder)
    },
    catch: (cause) =>
      new StoreError({
        operation: "Snapshot.extract",
        reason: {
          _tag: "Unavailable",
          message: `${folder} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`
        },
        cause
      })
  })
