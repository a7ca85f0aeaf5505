/** API keys as they are stored: never the key itself, only its keyed hash. */
import { Schema } from "effect"
import { KeyId } from "./Ids.ts"
import { Scope } from "./Principal.ts"

export class ApiKey extends Schema.Class<ApiKey>("rdev/ApiKey")({
  id: KeyId,
  name: Schema.String,
  /** Hex HMAC-SHA-256(pepper, key). */
  digest: Schema.String,
  /** First characters, to recognise it by. */
  hint: Schema.String,
  /** Who speaks with it; absent = a human. */
  type: Schema.optionalKey(Schema.Literals(["human", "agent", "ci"])),
  scopes: Schema.Array(Scope),
  projects: Schema.NullOr(Schema.Array(Schema.String)),
  cidrs: Schema.Array(Schema.String),
  expiresAtMillis: Schema.NullOr(Schema.Int),
  revokedAtMillis: Schema.NullOr(Schema.Int),
  /** Coarse (5 minutes), so that reading does not write. */
  lastUsedAtMillis: Schema.NullOr(Schema.Int),
  createdAtMillis: Schema.Int
}) {}
