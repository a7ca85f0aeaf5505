/** A hand-over with a secret in it is refused, and the refusal says where without saying what. */
import { assert, describe, it } from "@effect/vitest"
import * as NewId from "@rdev/core/ids/NewId"
import type { ProjectName } from "@rdev/core/domain/Project"
import * as MemoryEnvironmentStore from "@rdev/core/memory/stores/EnvironmentStore"
import * as MemoryCredentialStore from "@rdev/core/memory/stores/CredentialStore"
import * as CredentialStore from "@rdev/core/ports/stores/CredentialStore"
import * as MemoryForge from "@rdev/core/memory/infra/Forge"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import * as Redactor from "@rdev/core/redaction/Redactor"
import * as Redaction from "@rdev/core/services/redaction/Redaction"
import * as SecretCheck from "@rdev/core/services/redaction/SecretCheck"
import { Effect, Layer, Redacted } from "effect"

const secret = "postgresql://shop:Kx9q7TzW3vB8nRm@db.internal:5432/shop"
const layer = Layer.provideMerge(
  Redaction.layer({ values: [] }),
  Layer.mergeAll(MemoryCredentialStore.layer, MemoryEnvironmentStore.layer, MemoryForge.layer)
)

describe("a hand-over", () => {
  it.effect(
    "that holds a secret of the project is refused with file and line; what was there before is not looked at",
    () =>
      Effect.gen(function* () {
        const [git, repositories] = [yield* GitObjects, yield* RepositoryHost]
        const projectId = yield* NewId.make("proj")
        const target = { projectId, name: "shop" as ProjectName }
        yield* (yield* CredentialStore.CredentialStore).put(projectId, "DATABASE_URL", Redacted.make(secret))
        const main = BranchName.make("main")
        yield* repositories.ensure(target, {
          defaultBranch: main,
          files: [{ path: "a.txt", content: "a" }],
          message: "first"
        })
        const author = { name: "a", email: "a@b.example" }
        const change = Effect.fnUntraced(function* (files: Readonly<Record<string, string | Uint8Array>>) {
          const head = (yield* git.branches(target)).find(({ name }) => name === "main")?.sha ?? ""
          const before = yield* git.listTree(target, head)
          const to = yield* git.commit(target, {
            branch: main,
            expectedHead: head,
            changes: Object.entries(files).map(([path, content]) => ({ path, content })),
            message: "m",
            author
          })
          return yield* SecretCheck.problems({ target, to, before, after: yield* git.listTree(target, to) })
        })
        assert.deepStrictEqual(yield* change({ "b.txt": "nothing here\n" }), [])
        const found = yield* change({
          "config/app.ts": `one\ntwo\nconst url = "${secret}"\n`,
          "b64.txt": Buffer.from(`x${secret}`).toString("base64"),
          "app.bin": Buffer.concat([Buffer.from([0, 1, 2]), Buffer.from("Kx9q7TzW3vB8nRm")]),
          "Kx9q7TzW3vB8nRm.md": "x"
        })
        assert.deepStrictEqual(found.slice(0, 4).toSorted(), [
          "***.md: a secret stands in the file's name",
          "app.bin: a secret stands at byte 3",
          "b64.txt:1: a secret stands here",
          "config/app.ts:3: a secret stands here"
        ])
        assert.notInclude(found.join(), "Kx9q7TzW3vB8nRm")
        assert.deepStrictEqual(yield* change({ "a.txt": "b" }), [])
      }).pipe(Effect.provide(layer))
  )
})

describe("what is secret", () => {
  it.effect("is known as soon as it is stored or handed out", () =>
    Effect.gen(function* () {
      const redaction = yield* Redaction.Redaction
      const projectId = yield* NewId.make("proj")
      assert.strictEqual((yield* redaction.of(projectId)).text("tok_4f9A8c2E7b1D"), "tok_4f9A8c2E7b1D")
      yield* redaction.learn(projectId, ["tok_4f9A8c2E7b1D"])
      assert.strictEqual((yield* redaction.of(projectId)).text("tok_4f9A8c2E7b1D"), "***")
      assert.strictEqual(redaction.text("of tok_4f9A8c2E7b1D"), "of ***")
      assert.strictEqual((yield* redaction.of(yield* NewId.make("proj"))).text("tok_4f9A8c2E7b1D"), "tok_4f9A8c2E7b1D")
      const stored = yield* NewId.make("proj")
      yield* (yield* CredentialStore.CredentialStore).put(stored, "A_TOKEN", Redacted.make("tok_9e8d7C6b5A4f"))
      assert.strictEqual((yield* redaction.of(stored)).text("tok_9e8d7C6b5A4f"), "***")
    }).pipe(Effect.provide(layer))
  )

  it("is masked in a stream that runs already", () => {
    const stream = Redactor.none.textStream()
    const first = stream.push("a tok_4f9A8c2E7b1D\n")
    stream.use(Redactor.make(["tok_4f9A8c2E7b1D"]))
    assert.strictEqual(first + stream.push("b tok_4f9A8c2E7b1D\n") + stream.end(), "a tok_4f9A8c2E7b1D\nb ***\n")
  })
})
