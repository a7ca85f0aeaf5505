/** The platform's signature under what was said about a policy: whoever can write to the database cannot accept a policy. Pure. */
import { canonicalJson } from "@rdev/sdlc/model/Digest"
import { sha256 } from "@rdev/sdlc/repo/Digest"
import type { SigningKey } from "@rdev/sdlc/repo/Trust"
import { createPublicKey, type KeyObject, sign, verify } from "node:crypto"
import { PolicyEntry } from "../../domain/PolicyEntry.ts"

export type Unsigned = Omit<typeof PolicyEntry.Type, "signature">

const payload = ({ atMillis, by, digest, number, projectId, reason, text, word }: Unsigned): Buffer =>
  Buffer.from(
    canonicalJson([
      "policy",
      { atMillis, by, digest, number, projectId, reason, word, text: text === null ? null : sha256(text) }
    ])
  )

export const seal = (entry: Unsigned, key: SigningKey | null): PolicyEntry =>
  new PolicyEntry({
    ...entry,
    signature: key === null ? null : sign(null, payload(entry), key.privateKey as KeyObject).toString("base64url")
  })

/** Whether the platform said it. An installation without a key signs nothing and believes what is there. */
export const isSealed = (entry: PolicyEntry, key: SigningKey | null): boolean => {
  if (key === null) return true
  if (entry.signature === null) return false
  return verify(
    null,
    payload(entry),
    createPublicKey(key.privateKey as KeyObject),
    Buffer.from(entry.signature, "base64url")
  )
}
