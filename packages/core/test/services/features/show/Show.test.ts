/** What people look at before they decide: the documents at the branch, the change against the base, and that both are what is decided. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { CurrentRequest, Principal } from "../../../../src/domain/Principal.ts"
import { BranchName } from "../../../../src/ports/infra/Forge.ts"
import { GitObjects } from "../../../../src/ports/infra/GitObjects.ts"
import * as Changes from "../../../../src/services/features/show/Changes.ts"
import * as Redactor from "../../../../src/redaction/Redactor.ts"
import { Redaction } from "../../../../src/services/redaction/Redaction.ts"
import { main, platform, project } from "../Crew.ts"

const branch = BranchName.make("feature/greeting")
const author = { name: "Ada", email: "ada@example.test" }
const secret = "s3cr3t-Value-0123456789"
const redactor = Redactor.make([secret])

const world = <A, E>(test: Effect.Effect<A, E, GitObjects | Effect.Services<typeof project>>) =>
  Effect.provide(test, platform({ shared: false }, { did: new Map(), landed: [], lookedAgain: [] })).pipe(
    Effect.provideService(Redaction, {
      of: () => Effect.succeed(redactor),
      learn: () => Effect.void,
      given: () => Effect.succeed(redactor),
      text: (text) => redactor.text(text)
    })
  )
const started = Effect.gen(function* () {
  const { features, target } = yield* project
  yield* features.create("hello", { title: "Greeting", slug: "greeting", start: false, description: "Say hello" })
  const git = yield* GitObjects
  const commit = (changes: ReadonlyArray<{ readonly path: string; readonly content: string | Uint8Array | null }>) =>
    Effect.gen(function* () {
      const head = yield* git.head(target, branch)
      return yield* git.commit(target, {
        branch,
        expectedHead: Option.getOrThrow(head),
        changes,
        message: "work",
        author
      })
    })
  return { features, target, git, commit }
})
const folder = ".sdlc/features/greeting"

describe("documents of a feature", () => {
  it.live("are those of its branch, masked, under the names that people use", () =>
    world(
      Effect.gen(function* () {
        const { commit, features } = yield* started
        const sha = yield* commit([
          { path: `${folder}/spec.md`, content: `# Greeting\nThe key is ${secret}.\n` },
          { path: `${folder}/notes.md`, content: "mine\n" },
          { path: `${folder}/picture.md`, content: new Uint8Array([0, 1, 2]) },
          { path: `${folder}/deep/more.md`, content: "not listed\n" }
        ])
        const list = yield* features.documents("hello", "greeting", null)
        assert.strictEqual(list.sha, sha)
        assert.deepStrictEqual(
          list.documents.map(({ name, paths }) => [name, ...paths]),
          [
            ["idea", `${folder}/idea.md`],
            ["spec", `${folder}/spec.md`],
            ["notes", `${folder}/notes.md`]
          ]
        )
        for (const name of ["spec", "spec.md", "requirements"]) {
          const { document } = yield* features.document("hello", "greeting", name)
          assert.strictEqual(document.text, "# Greeting\nThe key is ***.\n")
          assert.match(document.digest ?? "", /^md1:/)
        }
        assert.include((yield* features.document("hello", "greeting", "idea")).document.text, "Say hello")
        for (const name of ["design", "deep/more", "../policy", "feature.yaml", "events", "constructor", ""]) {
          const refused = yield* Effect.flip(features.document("hello", "greeting", name))
          assert.match(refused.message, /has no document .*; it has idea, spec, notes/)
        }
      })
    )
  )
  it.live("are cut at their bound, at a whole character", () =>
    world(
      Effect.gen(function* () {
        const { commit, features } = yield* started
        yield* commit([{ path: `${folder}/notes.md`, content: "é".repeat(200_000) }])
        const { document } = yield* features.document("hello", "greeting", "notes")
        assert.isTrue(document.truncated)
        assert.strictEqual(document.sizeBytes, 400_000)
        assert.match(document.text, /^é+$/)
      })
    )
  )
})

describe("the change of a feature", () => {
  it.live("is what its branch changes of where it left the base, whatever the base did since", () =>
    world(
      Effect.gen(function* () {
        const { commit, features, git, target } = yield* started
        const mainHead = Option.getOrThrow(yield* git.head(target, main))
        const seeded = yield* git.listTree(target, mainHead)
        yield* git.commit(target, {
          branch: main,
          expectedHead: mainHead,
          changes: [{ path: "elsewhere.txt", content: "x\n" }],
          message: "other",
          author
        })
        const head = yield* commit([
          { path: "src/greet.js", content: `print("hello")\nconst key = "${secret}"\n` },
          { path: "logo.bin", content: new Uint8Array([0, 255]) },
          { path: "large.txt", content: "a\n".repeat(Changes.mostFileBytes) }
        ])
        const changes = yield* features.changes("hello", "greeting", null)
        assert.strictEqual(changes.head, head)
        assert.strictEqual(changes.base, mainHead)
        assert.isAbove(seeded.length, 0)
        const by = new Map(changes.files.map((file) => [file.path, file]))
        assert.isFalse(by.has("elsewhere.txt"))
        assert.deepInclude(by.get("src/greet.js"), { status: "added", added: 2, removed: 0, truncated: false })
        assert.include(by.get("src/greet.js")?.patch, '+const key = "***"')
        assert.notInclude(JSON.stringify(changes), secret)
        assert.deepInclude(by.get("logo.bin"), { binary: true, added: null })
        assert.deepInclude(by.get("large.txt"), { patch: null, truncated: true, added: null })
        assert.isTrue(changes.truncated)
        assert.isAbove(changes.records, 0)
        assert.isFalse([...by.keys()].some((path) => path.includes("/events/")))
        const some = yield* features.changes("hello", "greeting", "src")
        assert.deepStrictEqual(
          some.files.map(({ path }) => path),
          ["src/greet.js"]
        )
        assert.isFalse(some.truncated)
        assert.lengthOf((yield* features.changes("hello", "greeting", "src/greet.js/")).files, 1)
        assert.lengthOf((yield* features.changes("hello", "greeting", "sr")).files, 0)
      })
    )
  )
  it.live("is bounded in all, in order, and says so", () =>
    world(
      Effect.gen(function* () {
        const { commit, features } = yield* started
        yield* commit(
          Array.from({ length: 1_100 }, (_, i) => ({
            path: `many/${String(i).padStart(4, "0")}.txt`,
            content: `${"x".repeat(1_000)}\n`
          }))
        )
        const changes = yield* features.changes("hello", "greeting", "many")
        assert.lengthOf(changes.files, Changes.mostFiles)
        assert.strictEqual(changes.total, 1_100)
        assert.isTrue(changes.truncated)
        const shown = changes.files.map(({ patch }) => patch !== null)
        assert.isBelow(shown.lastIndexOf(true), shown.indexOf(false))
        const bytes = changes.files.reduce((sum, { patch }) => sum + (patch?.length ?? 0), 0)
        assert.isAtMost(bytes, Changes.mostPatchBytes)
        assert.isAbove(bytes, Changes.mostPatchBytes - 2_000)
        assert.lengthOf((yield* features.changes("hello", "greeting", "many/1099.txt")).files, 1)
      })
    )
  )
})

describe("a verdict about what was looked at", () => {
  const ada: Principal = { id: "key_1", name: "ada", type: "human", scopes: [], projects: null }
  const asAda = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, CurrentRequest, { principal: ada, requestId: "req", sourceAddress: null })
  it.live("is refused when something else stands there by now", () =>
    world(
      Effect.gen(function* () {
        const { commit, features } = yield* started
        const write = (text: string) => commit([{ path: `${folder}/spec.md`, content: `# Greeting\n${text}\n` }])
        yield* write("one")
        const { due } = yield* features.documents("hello", "greeting", "spec")
        assert.deepInclude(due, { gate: "spec", documents: ["spec"], code: false })
        const seen = due?.subject ?? ""
        yield* write("two")
        const verdict = { verdict: "approve", gate: "spec", subject: seen } as const
        const refused = yield* Effect.flip(asAda(features.verdict("hello", "greeting", verdict)))
        assert.match(refused.message, /is not what was looked at any more/)
        yield* write("one")
        assert.deepStrictEqual(yield* asAda(features.verdict("hello", "greeting", verdict)), {
          gate: "spec",
          subject: seen
        })
      })
    )
  )
})
