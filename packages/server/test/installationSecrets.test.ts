/** 53 the installation's key files are masked as they stand in the file, and as the bytes that they mean. */
import { assert, describe, it } from "@effect/vitest"
import * as Redactor from "@rdev/core/redaction/Redactor"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as InstallationSecrets from "../src/data/InstallationSecrets.ts"

const withFiles = (
  files: Readonly<Record<string, string | Uint8Array>>,
  look: (redactor: Redactor.Redactor) => void
) => {
  const folder = mkdtempSync(join(tmpdir(), "rdev-secrets-"))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
    look(Redactor.make(InstallationSecrets.all(folder, {})))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe("the installation's key files", () => {
  const bytes = randomBytes(32)
  const spellings = {
    hex: bytes.toString("hex"),
    upper: bytes.toString("hex").toUpperCase(),
    base64: bytes.toString("base64"),
    base64url: bytes.toString("base64url"),
    spaced: bytes.toString("hex").replace(/../g, "$& ")
  }
  const files: Readonly<Record<string, string | Uint8Array>> = {
    bytes,
    hex: `${bytes.toString("hex")}\n`,
    base64: `${bytes.toString("base64")}\n`
  }
  for (const [kind, content] of Object.entries(files)) {
    it(`a key that is kept as ${kind} is masked in every spelling of its bytes`, () =>
      withFiles({ kek: content }, (redactor) => {
        for (const [name, text] of Object.entries(spellings)) assert.isTrue(redactor.holds(`key = ${text};`), name)
        assert.isFalse(redactor.holds(randomBytes(32).toString("hex")))
      }))
  }
  it("no files are no secrets", () => withFiles({}, (redactor) => assert.isFalse(redactor.holds(spellings.hex))))
})
