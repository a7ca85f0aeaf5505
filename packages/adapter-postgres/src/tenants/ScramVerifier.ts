/** What a server stores of a password for SCRAM-SHA-256 (RFC 5802, RFC 7677), in PostgreSQL's notation. */
import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto"

/** PostgreSQL's default `scram_iterations`. Our passwords are 192 random bits: more rounds would not make them safer. */
const iterations = 4096

/** `password` must be ASCII (ours are base64url), so that no normalisation is needed. */
export const make = (password: string, salt: Uint8Array = randomBytes(16)): string => {
  const salted = pbkdf2Sync(password, salt, iterations, 32, "sha256")
  const hmac = (text: string) => createHmac("sha256", salted).update(text).digest()
  const storedKey = createHash("sha256").update(hmac("Client Key")).digest("base64")
  return `SCRAM-SHA-256$${iterations}:${Buffer.from(salt).toString("base64")}$${storedKey}:${hmac("Server Key").toString("base64")}`
}
