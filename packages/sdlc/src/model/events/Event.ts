/** The envelope of every event: one file each, append-only, ordered by `parents` (the heads its writer saw), then by id. */
import type { Principal } from "../Principal.ts"

/** Ed25519 over the canonical JSON of the event without this field. */
export interface Signature {
  readonly key: string
  readonly ed25519: string
}

export interface Envelope {
  readonly v: 1
  /** ULID: sorts by time of creation. */
  readonly id: string
  readonly parents: ReadonlyArray<string>
  /** Digest over the canonical JSON of the parents, so that an altered event breaks every later one. Files must have it. */
  readonly chain?: string
  readonly actor: Principal
  /** UTC instant as ISO 8601 with a trailing Z. */
  readonly at: string
  readonly signature?: Signature
}
