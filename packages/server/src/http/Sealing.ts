/** Stored answers as they may lie in a database: some show a secret, such as a new API key, which no dump may hold. */
import type { ClaimKey } from "@rdev/core/ports/stores/IdempotencyStore"
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto"

const ivBytes = 12
const tagBytes = 16

/** AES-256-GCM under a key of its own, bound to the claim: an answer that was moved to another one does not open. */
export const make = (pepper: Uint8Array) => {
  const secret = Buffer.from(hkdfSync("sha256", pepper, "", "rdev/idempotency", 32))
  const bound = ({ key, principal, route }: ClaimKey) => Buffer.from(JSON.stringify([principal, route, key]))
  return {
    seal: (claim: ClaimKey, text: string): string => {
      const iv = randomBytes(ivBytes)
      const cipher = createCipheriv("aes-256-gcm", secret, iv, { authTagLength: tagBytes }).setAAD(bound(claim))
      return Buffer.concat([iv, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]).toString("base64")
    },
    open: (claim: ClaimKey, sealed: string): string => {
      const bytes = Buffer.from(sealed, "base64")
      const cipher = createDecipheriv("aes-256-gcm", secret, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
        .setAAD(bound(claim))
        .setAuthTag(bytes.subarray(-tagBytes))
      return Buffer.concat([cipher.update(bytes.subarray(ivBytes, -tagBytes)), cipher.final()]).toString("utf8")
    }
  }
}
