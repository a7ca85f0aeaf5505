/** Schema of `.sdlc/policy.yaml`: a patch over the standard policy, with its keys and presets. */
import { Schema } from "effect"
import { KeyringEntry, PolicyPatch, writing } from "../model/schema/Policy.ts"

export const PolicyFile = Schema.Struct({
  v: Schema.optionalKey(Schema.Literal(1)),
  ...PolicyPatch.fields,
  ...writing,
  keyring: Schema.optionalKey(Schema.Array(KeyringEntry)),
  presets: Schema.optionalKey(Schema.Record(Schema.String, PolicyPatch))
})
