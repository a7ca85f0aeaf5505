/**
 * Certificates as files, for a server on this machine that ends TLS: `<host>.crt` (the chain) and `<host>.key`, which its owner alone can
 * read. Each file is written whole and then put in its place.
 */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type AcmeFailure, fail } from "./AcmeFailure.ts"
import type { Issued } from "./Records.ts"

const attempt = <A>(folder: string, work: () => Promise<A>): Effect.Effect<A, AcmeFailure> =>
  Effect.tryPromise({
    try: work,
    catch: (cause) =>
      fail({
        _tag: "Unavailable",
        message: `the folder of certificates ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  })
const contentOf = (file: string): Promise<string | null> =>
  readFile(file, "utf8").catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null
    throw cause
  })

const put = async (file: string, text: string, mode: number) => {
  if ((await contentOf(file)) === text) return
  const part = `${file}.${randomUUID()}.part`
  try {
    await writeFile(part, text, { flag: "wx", mode })
    await chmod(part, mode)
    await rename(part, file)
  } catch (cause) {
    await rm(part, { force: true })
    throw cause
  }
}

export interface PemFolder {
  readonly write: (base: string, issued: Issued) => Effect.Effect<void, AcmeFailure>
  readonly remove: (base: string) => Effect.Effect<void, AcmeFailure>
}
/** `base` is a host name: it has no slash. */
export const make = (folder: string): PemFolder => ({
  write: (base, { chain, key }) =>
    attempt(folder, async () => {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      // A server that reads between the two finds a key that is not the certificate's, and keeps what it has.
      await put(join(folder, `${base}.key`), key, 0o600)
      await put(join(folder, `${base}.crt`), chain, 0o644)
    }),
  remove: (base) =>
    attempt(folder, async () => {
      for (const ending of ["crt", "key"]) await rm(join(folder, `${base}.${ending}`), { force: true })
    })
})
export const none: PemFolder = { write: () => Effect.void, remove: () => Effect.void }
