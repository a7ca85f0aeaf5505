/**
 * Tokens to clone, fetch and push one repository over HTTP. What is stored is HMAC-SHA-256 under the installation's key
 * (`<dataDir>/git/token.key`, 0600), compared in constant time; a copy of the records opens nothing.
 */
import * as NewId from "@rdev/core/ids/NewId"
import type { Token } from "@rdev/core/ports/infra/RepositoryHost"
import { Clock, Effect, Redacted, Schema } from "effect"
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Damaged from "../records/Damaged.ts"
import { type LocalRepository, recordOf, rootOf } from "./LocalRepositories.ts"
import { attempt, fail, invalid, type LocalFailure } from "../LocalFailure.ts"
import * as RecordFile from "../records/RecordFile.ts"

/** Live tokens of one repository; more are refused until some expire. */
const maxTokens = 1000
const maxTtlSeconds = 366 * 24 * 3600
/** The only user name; the token is the password. */
export const username = "rdev"

export type Access = "read" | "write"
const StoredToken = Schema.Struct({
  id: Schema.String,
  digest: Schema.String,
  access: Schema.Literals(["read", "write"]),
  expiresAtMillis: Schema.Int,
  /** Principal in whose name it was made; a record of an earlier version has none, and opens nothing. */
  issuer: Schema.optionalKey(Schema.String)
})
const decode = Schema.decodeUnknownSync(Schema.Array(StoredToken))
const shape = /^rdevgit_([0-9A-HJKMNP-TV-Z]{26})_([A-Za-z0-9_-]{43})$/

/** The record of one repository's tokens. Only one process at a time may issue or revoke (see FileLock): each writes the whole. */
export interface GitTokens {
  /** `issuer`: id of the principal in whose name it is made. */
  issue(
    repository: LocalRepository,
    access: Access,
    ttlSeconds: number,
    issuer: string
  ): Effect.Effect<Token, LocalFailure>
  /** Also makes a damaged record anew. */
  revokeAll(repository: LocalRepository): Effect.Effect<void, LocalFailure>
  /** What the token allows on this repository now, and in whose name; null when it is not one of its live tokens. */
  check(
    repository: LocalRepository,
    token: string
  ): Effect.Effect<{ readonly access: Access; readonly issuer: string } | null, LocalFailure>
}

const whose = ({ name, projectId }: LocalRepository): Damaged.Whose => ({
  projectId,
  part: `git tokens of ${name}`,
  repair: `Remove git/${name}.git/rdev/tokens.json in the data folder and make new tokens; all that were made before open nothing any more`
})

const loadKey = async (dataDir: string): Promise<Buffer> => {
  const path = join(rootOf(dataDir), "token.key")
  await mkdir(rootOf(dataDir), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(6).toString("hex")}`
  await writeFile(temporary, randomBytes(32), { mode: 0o600, flag: "wx" })
  try {
    // A link fails when the key is there: of two first starts one wins, and both read the same key.
    await link(temporary, path)
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
  } finally {
    await rm(temporary, { force: true })
  }
  const key = await readFile(path)
  if (key.byteLength !== 32)
    throw fail({
      _tag: "Unknown",
      message: `${path} has ${key.byteLength} bytes instead of 32; remove it to make a new one (all git tokens become invalid)`
    })
  return key
}

export const make = Effect.fn("GitTokens.make")(function* (dataDir: string) {
  const key = yield* attempt(() => loadKey(dataDir))
  const digestOf = (token: string) => createHmac("sha256", key).update(token).digest()
  const pathOf = ({ directory }: LocalRepository) => recordOf(directory, "tokens.json")
  const load = (repository: LocalRepository) =>
    Damaged.told(
      whose(repository),
      attempt(() => RecordFile.read(pathOf(repository), decode))
    )

  const issue: GitTokens["issue"] = Effect.fn("GitTokens.issue")(function* (repository, access, ttlSeconds, issuer) {
    if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds) {
      return yield* invalid("ttlSeconds", `expected a whole number of seconds from 1 to ${maxTtlSeconds}`)
    }
    const now = yield* Clock.currentTimeMillis
    const live = ((yield* load(repository)) ?? []).filter((stored) => stored.expiresAtMillis > now)
    if (live.length >= maxTokens)
      return yield* fail({
        _tag: "ResourceExhausted",
        message: `the repository has ${live.length} live tokens; revoke them or wait until some expire`
      })
    const id = yield* NewId.ulid
    const token = `rdevgit_${id}_${randomBytes(32).toString("base64url")}`
    const expiresAtMillis = now + ttlSeconds * 1000
    yield* attempt(() =>
      RecordFile.write(pathOf(repository), [
        ...live,
        { id, digest: digestOf(token).toString("hex"), access, expiresAtMillis, issuer }
      ])
    )
    return { token: Redacted.make(token), username, expiresAtMillis }
  })

  const check: GitTokens["check"] = Effect.fn("GitTokens.check")(function* (repository, token) {
    const id = shape.exec(token)?.[1]
    if (id === undefined) return null
    const now = yield* Clock.currentTimeMillis
    const stored = ((yield* load(repository)) ?? []).find((one) => one.id === id)
    const expected = Buffer.from(stored?.digest ?? "0".repeat(64), "hex")
    const equal = expected.byteLength === 32 && timingSafeEqual(expected, digestOf(token))
    if (stored?.issuer === undefined || !equal || stored.expiresAtMillis <= now) return null
    return { access: stored.access, issuer: stored.issuer }
  })

  return {
    issue,
    check,
    revokeAll: (repository) =>
      Effect.andThen(
        attempt(() => RecordFile.write(pathOf(repository), [])),
        Damaged.clear(whose(repository))
      )
  } satisfies GitTokens
})
