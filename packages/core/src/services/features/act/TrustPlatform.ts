/**
 * Pure: makes a new repository's policy trust the platform's key. From then on an event that carries authority (a verdict, a CI
 * result, a merge) counts only if the platform signed it, so that an approval file somebody pushes by hand is worth nothing.
 */
import * as Layout from "@rdev/sdlc/repo/Layout"
import { entryOf, type SigningKey } from "@rdev/sdlc/repo/Trust"
import type { FileChange } from "../../../ports/infra/GitObjects.ts"

const section = (key: SigningKey) => {
  const { ed25519, id } = entryOf(key)
  return `\n# Whose word counts: events that open a gate need a signature by one of these keys.\nkeyring:\n  - id: ${JSON.stringify(id)}\n    ed25519: ${JSON.stringify(ed25519)}\n`
}

/** The seed files with the key in `.sdlc/policy.yaml`; a policy that names a keyring of its own is left alone. */
export const trustPlatform = (files: ReadonlyArray<FileChange>, key: SigningKey | null): ReadonlyArray<FileChange> =>
  key === null
    ? files
    : files.map((file) => {
        if (file.path !== Layout.policyPath || file.content === null) return file
        const text = typeof file.content === "string" ? file.content : Buffer.from(file.content).toString("utf8")
        return /^keyring:/m.test(text) ? file : { ...file, content: `${text.trimEnd()}\n${section(key)}` }
      })
