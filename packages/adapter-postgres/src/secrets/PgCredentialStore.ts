/** Credentials, encrypted before they reach the database (see Envelope). Rotation rewraps row by row and can be stopped anywhere. */
import type { OwnerId } from "@rdev/core/domain/Owner"
import { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { isUnreadable, StoreError } from "@rdev/core/ports/stores/StoreError"
import { Clock, Effect, Layer, Option, Redacted } from "effect"
import { Database } from "../engine/Database.ts"
import * as Envelope from "./Envelope.ts"
import { Keyring } from "./Keyring.ts"
import { Quarantine } from "@rdev/core/ports/stores/Quarantine"
import { fail, operation, reportDamage } from "../stores/StoreOperation.ts"

const putSql = `
  INSERT INTO rdev.credential (owner, name, kek_id, wrapped_key, ciphertext, updated_at_millis) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (owner, name) DO UPDATE SET
    kek_id = excluded.kek_id, wrapped_key = excluded.wrapped_key, ciphertext = excluded.ciphertext, updated_at_millis = excluded.updated_at_millis`
const getSql = `SELECT kek_id, wrapped_key, ciphertext FROM rdev.credential WHERE owner = $1 AND name = $2`
const listSql = `SELECT name, updated_at_millis FROM rdev.credential WHERE owner = $1 ORDER BY name`
const removeSql = `DELETE FROM rdev.credential WHERE owner = $1 AND name = $2`
const removeAllSql = `DELETE FROM rdev.credential WHERE owner = $1`
const staleSql = `
  SELECT owner, name, kek_id, wrapped_key FROM rdev.credential
  WHERE kek_id <> $1 AND (owner, name) > ($2, $3) ORDER BY owner, name LIMIT 100`
/** The old wrapping stands in the condition: a value that was replaced meanwhile is left alone. */
const rewrapSql = `UPDATE rdev.credential SET kek_id = $4, wrapped_key = $5 WHERE owner = $1 AND name = $2 AND wrapped_key = $3 RETURNING name`

interface Row {
  readonly kek_id: string
  readonly wrapped_key: Buffer
  readonly ciphertext: Buffer
}
const placeOf = (owner: string, record: string): Envelope.Place => ({ project: owner, record, field: "value" })

const kekOf = (keyring: Keyring["Service"], id: string, name: string): Effect.Effect<Envelope.Kek, StoreError> => {
  const kek = keyring.byId(id)
  return kek === undefined
    ? fail("CredentialStore", {
        _tag: "Invalid",
        field: "RDEV_KEK_PREVIOUS",
        message: `credential ${name} is encrypted with key ${id}, which is not among the keys given: add the key that was used before`
      })
    : Effect.succeed(kek)
}
const partOf = (name: string) => `credential ${name}`
/** What cannot be opened with any key that is given is reported with its owner; everything else passes by. */
const reported =
  (owner: string, name: string) =>
  <A>(opened: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
    opened.pipe(
      Effect.tap(() => Effect.flatMap(Quarantine, (quarantine) => quarantine.clear(owner, partOf(name)))),
      Effect.tapError((error) =>
        isUnreadable(error)
          ? reportDamage({
              owner,
              part: partOf(name),
              message: error.message,
              repair:
                error.reason._tag === "Invalid"
                  ? "Add the key that it was encrypted with to RDEV_KEK_PREVIOUS and start again"
                  : "Restore its row in table credential from a backup, or delete the row and run project.sync, which makes a new one"
            })
          : Effect.void
      )
    )
const opening = <A>(owner: string, name: string, run: () => A): Effect.Effect<A, StoreError> =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new StoreError({
        operation: "CredentialStore",
        reason: {
          _tag: "Corrupt",
          message: `credential ${name} of ${owner} cannot be decrypted: it was changed, or moved from another record`
        },
        cause
      })
  })

export const layer: Layer.Layer<CredentialStore, never, Database | Keyring> = Layer.effect(
  CredentialStore,
  Effect.gen(function* () {
    const { query } = yield* Database
    const keyring = yield* Keyring

    const put = (owner: OwnerId, name: string, value: Redacted.Redacted) =>
      Effect.gen(function* () {
        const sealed = Envelope.seal(keyring.current, placeOf(owner, name), Redacted.value(value))
        const now = yield* Clock.currentTimeMillis
        yield* query(putSql, [owner, name, keyring.current.id, sealed.wrappedKey, sealed.ciphertext, now])
        yield* (yield* Quarantine).clear(owner, partOf(name))
      })
    const get = (owner: OwnerId, name: string) =>
      Effect.gen(function* () {
        const row = (yield* query<Row>(getSql, [owner, name], { prepare: true }))[0]
        if (row === undefined) return Option.none<Redacted.Redacted>()
        const value = yield* reported(
          owner,
          name
        )(
          Effect.flatMap(kekOf(keyring, row.kek_id, name), (kek) =>
            opening(owner, name, () =>
              Envelope.open(kek, placeOf(owner, name), { wrappedKey: row.wrapped_key, ciphertext: row.ciphertext })
            )
          )
        )
        return Option.some(Redacted.make(value, { label: name }))
      })

    return CredentialStore.of({
      put: (owner, name, value) => operation("CredentialStore.put")(put(owner, name, value)),
      get: (owner, name) => operation("CredentialStore.get")(get(owner, name)),
      list: (owner) =>
        operation("CredentialStore.list")(
          Effect.map(query<{ readonly name: string; readonly updated_at_millis: number }>(listSql, [owner]), (rows) =>
            rows.map((row) => ({ name: row.name, updatedAtMillis: row.updated_at_millis }))
          )
        ),
      remove: (owner, name) =>
        operation("CredentialStore.remove")(
          Effect.andThen(
            query(removeSql, [owner, name]),
            Effect.flatMap(Quarantine, (quarantine) => quarantine.clear(owner, partOf(name)))
          )
        ),
      removeAll: (owner) => operation("CredentialStore.removeAll")(Effect.asVoid(query(removeAllSql, [owner])))
    })
  })
)

/**
 * Rewraps everything that is not under the current key; returns how many records. Each is committed on its own: a run that was
 * killed is continued by the next one, and meanwhile everything stays readable. Afterwards the previous keys can be forgotten: what
 * could not be opened with any of them is reported, and keeps nobody else's from being rewrapped.
 */
export const rotate: Effect.Effect<number, StoreError, Database | Keyring> = operation("CredentialStore.rotate")(
  Effect.gen(function* () {
    const { query } = yield* Database
    const keyring = yield* Keyring
    let count = 0
    for (let at = { owner: "", name: "" }; ;) {
      const rows = yield* query<Row & { readonly owner: string; readonly name: string }>(staleSql, [
        keyring.current.id,
        at.owner,
        at.name
      ])
      for (const row of rows) {
        at = row
        const wrapped = yield* Effect.flatMap(kekOf(keyring, row.kek_id, row.name), (kek) =>
          opening(row.owner, row.name, () =>
            Envelope.rewrap(kek, keyring.current, placeOf(row.owner, row.name), row.wrapped_key)
          )
        ).pipe(
          reported(row.owner, row.name),
          Effect.catchIf(isUnreadable, () => Effect.succeed(null))
        )
        if (wrapped !== null)
          count += (yield* query(rewrapSql, [row.owner, row.name, row.wrapped_key, keyring.current.id, wrapped])).length
      }
      if (rows.length === 0) return count
    }
  })
)
