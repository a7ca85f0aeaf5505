/**
 * The key-encryption keys of an installation: one that encrypts and older ones that can still be read. Given (`layerOf`), else, with the
 * embedded engine, from a file in the data folder that only its owner can read and that is made on first start (`layer`). Losing the keys
 * loses the credentials: back them up apart from the data.
 */
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Context, Effect, Layer, Redacted } from "effect"
import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import * as path from "node:path"
import { Database } from "../engine/Database.ts"
import { type Kek, keyBytes } from "./Envelope.ts"

export class Keyring extends Context.Service<
  Keyring,
  {
    readonly current: Kek
    /** The current or a previous key. */
    byId(id: string): Kek | undefined
  }
>()("rdev/adapter-postgres/Keyring") {}

const invalid = (field: string, message: string, cause?: unknown) =>
  new StoreError({ operation: "Keyring.open", reason: { _tag: "Invalid", field, message }, cause })

/** Names a key without telling anything about it: 16 hex digits of its SHA-256 under a prefix. */
export const idOf = (key: Uint8Array): string =>
  createHash("sha256").update("rdev/kek-id/1\0").update(key).digest("hex").slice(0, 16)

const parse = (field: string, text: string): Effect.Effect<Kek, StoreError> =>
  Effect.suspend(() => {
    const key = Buffer.from(text.trim(), "base64")
    return key.length === keyBytes
      ? Effect.succeed({ id: idOf(key), key })
      : Effect.fail(
          invalid(
            field,
            `expected ${keyBytes} random bytes in base64 (44 characters), e.g. from: openssl rand -base64 32`
          )
        )
  })

/** The first encrypts; all can be read. */
export const make = (
  field: string,
  keys: readonly [string, ...ReadonlyArray<string>]
): Effect.Effect<Keyring["Service"], StoreError> =>
  Effect.gen(function* () {
    const current = yield* parse(field, keys[0])
    const previous = yield* Effect.forEach(keys.slice(1), (text) => parse(`${field} (previous)`, text))
    const all = new Map([...previous, current].map((kek) => [kek.id, kek]))
    return Keyring.of({ current, byId: (id) => all.get(id) })
  })

/** One key per line, the current one first. */
const readFile = (file: string): Effect.Effect<readonly [string, ...ReadonlyArray<string>], StoreError> =>
  Effect.try({
    try: () => {
      try {
        fs.writeFileSync(file, `${randomBytes(keyBytes).toString("base64")}\n`, { flag: "wx", mode: 0o600 })
      } catch (cause) {
        if (!(cause instanceof Error) || !("code" in cause) || cause.code !== "EEXIST") throw cause
      }
      if (process.platform !== "win32" && (fs.statSync(file).mode & 0o077) !== 0)
        throw invalid(file, `others can read it: run chmod 600 ${file}, and consider the key known`)
      const [first = "", ...rest] = fs
        .readFileSync(file, "utf8")
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== "")
      return [first, ...rest] as const
    },
    catch: (cause) =>
      cause instanceof StoreError
        ? cause
        : invalid(
            file,
            `the key file cannot be read or made: ${cause instanceof Error ? cause.message : String(cause)}`,
            cause
          )
  })

/** Given keys: the one that encrypts, and those it replaced, separated by commas. The fields name them in errors. */
export const layerOf = (keys: {
  readonly current: Redacted.Redacted
  readonly previous: Redacted.Redacted | undefined
}): Layer.Layer<Keyring, StoreError> =>
  Layer.effect(
    Keyring,
    Effect.suspend(() => {
      const previous = keys.previous === undefined ? [] : Redacted.value(keys.previous).split(",")
      return make("RDEV_KEK", [Redacted.value(keys.current), ...previous.filter((key) => key.trim() !== "")])
    })
  )

/** The file of the data folder, which is made when there is none; a database in memory has a key of its own. */
export const layer: Layer.Layer<Keyring, StoreError, Database> = Layer.effect(
  Keyring,
  Effect.gen(function* () {
    const database = yield* Database
    if (database.dataDir !== null) {
      const file = path.join(database.dataDir, "kek")
      return yield* Effect.flatMap(readFile(file), (keys) => make(file, keys))
    }
    if (database.engine === "embedded") return yield* make("key", [randomBytes(keyBytes).toString("base64")])
    return yield* invalid(
      "RDEV_KEK",
      "is needed with PostgreSQL to encrypt credentials: set it to 32 random bytes in base64, e.g. from: openssl rand -base64 32"
    )
  })
)
