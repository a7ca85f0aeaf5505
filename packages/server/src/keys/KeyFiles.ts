/** Small files of the installation in its data folder, readable by the owner alone: the pepper, the key that signs the platform's events, the first admin key for the CLI, and the folder's name. */
import { generate, type SigningKey, signingKey } from "@rdev/sdlc/repo/Trust"
import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { StartError } from "../ServerConfig.ts"

export const adminKeyFile = (dataDir: string): string => join(dataDir, "admin.key")
const platformKeyFile = (dataDir: string): string => join(dataDir, "platform.pem")
const pepperFile = (dataDir: string): string => join(dataDir, "pepper")
/** Those whose content is a secret. */
export const secretFiles = (dataDir: string): ReadonlyArray<string> => [
  adminKeyFile(dataDir),
  platformKeyFile(dataDir),
  pepperFile(dataDir),
  join(dataDir, "kek")
]
const folderIdFile = (dataDir: string): string => join(dataDir, "folder.id")

const attempt = <A>(path: string, run: () => A) =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new StartError({
        field: "data folder",
        problem: `${path} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
        fix: "Give this user read and write access to it, or choose another data folder with --data-dir (RDEV_DATA_DIR)",
        cause
      })
  })

/** Written whole or not at all; of two writers the first wins. */
const createOnce = (path: string, content: string): void => {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`
  writeFileSync(temporary, content, { mode: 0o600, flag: "wx" })
  try {
    linkSync(temporary, path)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** `RDEV_KEY_PEPPER` (64 hex digits; replicas must share it), else a file made on the first start. */
export const pepper = (dataDir: string, fromEnvironment: string | undefined): Effect.Effect<Buffer, StartError> =>
  Effect.gen(function* () {
    const given = fromEnvironment?.trim()
    if (given !== undefined && given !== "") {
      if (/^[0-9a-fA-F]{64}$/.test(given)) return Buffer.from(given, "hex")
      return yield* new StartError({
        field: "RDEV_KEY_PEPPER",
        problem: "it is not 64 hexadecimal digits",
        fix: "Make one with `openssl rand -hex 32`"
      })
    }
    const path = pepperFile(dataDir)
    const text = yield* attempt(path, () => {
      mkdirSync(dataDir, { recursive: true, mode: 0o700 })
      if (!existsSync(path)) createOnce(path, `${randomBytes(32).toString("hex")}\n`)
      return readFileSync(path, "utf8").trim()
    })
    if (/^[0-9a-f]{64}$/.test(text)) return Buffer.from(text, "hex")
    return yield* new StartError({
      field: "data folder",
      problem: `${path} does not hold 64 hexadecimal digits`,
      fix: "Restore it from a backup; without it no API key of this installation works. Removing it makes a new one and voids all keys"
    })
  })

/**
 * `RDEV_PLATFORM_KEY` (an Ed25519 private key, PKCS#8 PEM; replicas must share it), else a file made on the first start. Every new
 * project's policy trusts its public half (see services/features/TrustPlatform).
 */
export const platformKey = (
  dataDir: string,
  fromEnvironment: string | undefined
): Effect.Effect<SigningKey, StartError> =>
  Effect.gen(function* () {
    const path = platformKeyFile(dataDir)
    const given = fromEnvironment !== undefined && fromEnvironment.trim() !== ""
    const pem = given
      ? fromEnvironment
      : yield* attempt(path, () => {
          mkdirSync(dataDir, { recursive: true, mode: 0o700 })
          if (!existsSync(path)) createOnce(path, generate().privatePem)
          return readFileSync(path, "utf8")
        })
    return yield* Effect.try({
      try: () => signingKey("platform", pem),
      catch: (cause) =>
        new StartError({
          field: given ? "RDEV_PLATFORM_KEY" : "data folder",
          problem: `${given ? "it" : path} does not hold an Ed25519 private key in PEM form`,
          fix: given
            ? "Make one with `openssl genpkey -algorithm ed25519`"
            : "Restore it from a backup; without it no event of this installation's projects counts. A new key has to be put into every project's policy",
          cause
        })
    })
  })

/** Names this folder for as long as it lives; made on the first start. No secret. */
export const folderId = (dataDir: string): Effect.Effect<string, StartError> => {
  const path = folderIdFile(dataDir)
  return attempt(path, () => {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    if (!existsSync(path)) createOnce(path, `${randomBytes(16).toString("hex")}\n`)
    return readFileSync(path, "utf8").trim()
  })
}

export const readAdminKey = (dataDir: string): string | null => {
  try {
    return readFileSync(adminKeyFile(dataDir), "utf8").trim()
  } catch {
    // Absent or unreadable: the caller falls back to RDEV_API_KEY or says that there is none.
    return null
  }
}

export const writeAdminKey = (dataDir: string, key: string): Effect.Effect<void, StartError> =>
  attempt(adminKeyFile(dataDir), () => {
    writeFileSync(adminKeyFile(dataDir), `${key}\n`, { mode: 0o600 })
    // The mode of writeFile counts for a new file only.
    chmodSync(adminKeyFile(dataDir), 0o600)
  })
