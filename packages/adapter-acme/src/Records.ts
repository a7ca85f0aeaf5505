/**
 * What is remembered of certificates and of the account: encrypted with the credentials of the installation, as keys are in it. A record
 * names its project; it is written before each step that leaves something at the authority or in the zone.
 */
import { ProjectId } from "@rdev/core/domain/Ids"
import { system } from "@rdev/core/domain/Owner"
import * as Renewal from "@rdev/core/queue/Renewal"
import type { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Effect, Option, Redacted, Schema } from "effect"
import { createHash } from "node:crypto"
import { type AcmeFailure, fail } from "./AcmeFailure.ts"

const Issued = Schema.Struct({
  /** PEM, the certificate itself first. */
  chain: Schema.String,
  key: Schema.String,
  serial: Schema.String,
  names: Schema.Array(Schema.String),
  fromMillis: Schema.Int,
  untilMillis: Schema.Int
})
export type Issued = typeof Issued.Type

/** An order that is under way: after a crash it goes on from here. */
const Pending = Schema.Struct({
  url: Schema.String,
  /** Of the certificate to come. */
  key: Schema.String,
  /** Names of TXT records that may stand in the zone because of it. */
  texts: Schema.Array(Schema.String)
})
export type Pending = typeof Pending.Type

export const Certificate = Schema.Struct({
  projectId: ProjectId,
  /** Names the certificate; the first of its names. */
  base: Schema.String,
  names: Schema.Array(Schema.String),
  /** Host names that it was asked for. */
  hosts: Schema.Array(Schema.String),
  issued: Schema.NullOr(Issued),
  order: Schema.NullOr(Pending),
  /** Of failures in a row. */
  failure: Schema.NullOr(Schema.Struct({ count: Schema.Int, message: Schema.String, retryAtMillis: Schema.Int }))
})
export type Certificate = typeof Certificate.Type

const Account = Schema.Struct({ directory: Schema.String, key: Schema.String, url: Schema.NullOr(Schema.String) })
export type Account = typeof Account.Type

const prefix = "acme.certificate."
const nameOf = (base: string) => `${prefix}${base}`
const accountOf = (directory: string) =>
  `acme.account.${createHash("sha256").update(directory).digest("hex").slice(0, 16)}`

export const term = ({ fromMillis, serial, untilMillis }: Issued): Renewal.Term => ({
  seed: serial,
  fromMillis,
  untilMillis
})
/** When it is renewed, or renewed again after a failure. */
export const dueAt = ({ failure }: Certificate, issued: Issued): number =>
  failure === null ? Renewal.dueAt(term(issued)) : failure.retryAtMillis

const ofStore = (error: StoreError): AcmeFailure =>
  fail({ _tag: "Unavailable", message: `what is known of certificates: ${error.message}` })

export const make = (store: CredentialStore["Service"]) => {
  const read = <A, I>(name: string, schema: Schema.Codec<A, I>): Effect.Effect<A | null, AcmeFailure> =>
    Effect.flatMap(Effect.mapError(store.get(system, name), ofStore), (found) =>
      Option.isNone(found)
        ? Effect.succeed(null)
        : Effect.mapError(
            Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(Redacted.value(found.value)),
            // The message of a schema shows what it found: keys.
            () =>
              fail({ _tag: "Unknown", message: `the record ${name} of ${system} is damaged: restore it from a backup` })
          )
    )
  const write = (name: string, value: unknown) =>
    Effect.mapError(store.put(system, name, Redacted.make(JSON.stringify(value))), ofStore)
  return {
    find: (base: string) => read(nameOf(base), Certificate),
    save: (record: Certificate) => write(nameOf(record.base), record),
    forget: (base: string) => Effect.mapError(store.remove(system, nameOf(base)), ofStore),
    all: Effect.gen(function* () {
      const listed = yield* Effect.mapError(store.list(system), ofStore)
      const names = listed.map(({ name }) => name).filter((name) => name.startsWith(prefix))
      const found = yield* Effect.forEach(names, (name) => read(name, Certificate))
      return found.filter((one) => one !== null)
    }),
    account: (directory: string) => read(accountOf(directory), Account),
    saveAccount: (account: Account) => write(accountOf(account.directory), account)
  }
}
export type Records = ReturnType<typeof make>
