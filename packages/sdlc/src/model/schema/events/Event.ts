/** The envelope of every event: one file each, append-only, ordered by `parents` (the heads its writer saw), then by id. */
import { Schema } from "effect"
import { Principal } from "../Principal.ts"
import { Digest, Instant, Ulid } from "../Scalars.ts"

/** Ed25519 over the canonical JSON of the event without this field. */
export const Signature = Schema.Struct({ key: Schema.NonEmptyString, ed25519: Schema.NonEmptyString })
export type Signature = typeof Signature.Type

export const event = <const T extends string, F extends Schema.Struct.Fields>(type: T, fields: F) =>
  Schema.Struct({
    v: Schema.Literal(1),
    id: Ulid,
    parents: Schema.Array(Ulid),
    /** Digest over the canonical JSON of the parents, so that an altered event breaks every later one. Files must have it. */
    chain: Schema.optionalKey(Digest),
    actor: Principal,
    type: Schema.Literal(type),
    at: Instant,
    data: Schema.Struct(fields),
    signature: Schema.optionalKey(Signature)
  })

export const text = Schema.String
export const maybeText = Schema.optionalKey(Schema.String)
