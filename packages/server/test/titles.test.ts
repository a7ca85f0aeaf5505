/** Whatever a feature is called, it is called that everywhere: in the index, in its files, for the scripted agent, in its first document. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import { titleOf } from "@rdev/adapter-agents/ScriptedHarness"
import { Effect, Exit, Scope } from "effect"
import * as MemoryServer from "./MemoryServer.ts"

const scope = Scope.makeUnsafe()
let server: MemoryServer.TestServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(MemoryServer.make(), scope))
  const made = await server.call("POST", "/projects", { body: { name: "shop" }, headers: { prefer: "wait=30" } })
  assert.strictEqual(made.status, 202, made.text)
}, 60_000)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const features = "/projects/shop/sdlc/features"
const create = (body: Readonly<Record<string, unknown>>) =>
  server.call("POST", features, { body: { start: false, ...body } })
type Body = Readonly<Record<string, unknown>>

const odd: ReadonlyArray<string> = [
  "-5 °C shows as 5",
  "--- three dashes",
  "---",
  "--yes",
  "two\nlines",
  "two\r\nlines\tand a tab",
  "\n",
  "quotes \" and ' and ` and \\ back",
  "emoji 👩‍🚀 and ünïcode 日本",
  "colon: here",
  ": ",
  "key: [a, {b: c}]",
  "# leading",
  "a # comment",
  "%TAG ! tag:x,2000:",
  "@file",
  "!!binary x",
  "&anchor *alias",
  "| block",
  "> folded",
  "null",
  "true",
  "007",
  "1e3",
  "$(touch x) `touch x` ${HOME}",
  "<script>alert(1)</script>",
  "a\u202eb \u001b[2J",
  " leading and trailing ",
  "é".repeat(200),
  "x".repeat(200)
]

describe("a title", () => {
  odd.forEach((title, at) => {
    it(JSON.stringify(title.slice(0, 40)), async () => {
      const slug = `odd-${at}`
      if (title.trim() === "") {
        const refused = await create({ title, slug })
        assert.strictEqual(refused.status, 422, refused.text)
        assert.include(refused.text, "/title")
        assert.strictEqual((await server.call("GET", `${features}/${slug}`)).status, 404)
        return
      }
      const made = await create({ title, slug })
      assert.strictEqual(made.status, 201, made.text)
      assert.strictEqual(made.body["title"], title)
      const shown = await server.call("GET", `${features}/${slug}`)
      assert.strictEqual((shown.body["feature"] as Body)["title"], title)
      assert.deepInclude(shown.body["next"], { action: "create-spec" })
      const file = `.sdlc/features/${slug}/feature.yaml`
      const change = await server.call("GET", `${features}/${slug}/diff?path=${encodeURIComponent(file)}`)
      const [only] = change.body["files"] as ReadonlyArray<Body>
      const text = String(only?.["patch"])
        .split("\n")
        .filter((line) => line.startsWith("+") && !line.startsWith("+++ "))
        .map((line) => line.slice(1))
        .join("\n")
      assert.strictEqual(titleOf(text, slug), title)
      const idea = await server.call("GET", `${features}/${slug}/documents/idea`)
      assert.include(String(idea.body["text"]), title)
    })
  })

  const refused: ReadonlyArray<readonly [what: string, title: unknown, status: number]> = [
    ["nothing", "", 400],
    ["only spaces", "   ", 422],
    ["201 characters", "x".repeat(201), 400],
    ["NUL", "a\u0000b", 400],
    ["no text", 5, 400]
  ]
  for (const [what, title, status] of refused) {
    it(`of ${what} is refused, and makes nothing`, async () => {
      const answer = await create({ title, slug: "refused" })
      assert.strictEqual(answer.status, status, answer.text)
      assert.include(answer.text, "title")
      assert.strictEqual((await server.call("GET", `${features}/refused`)).status, 404)
    })
  }

  it("without a slug gets one from its letters, or is told to be given one", async () => {
    const made = await create({ title: "-- Ünïcode: 5 °C! --" })
    assert.strictEqual(made.body["slug"], "unicode-5-c")
    const long = await create({ title: `${"a".repeat(62)} b` })
    assert.strictEqual(long.body["slug"], "a".repeat(62))
    const none = await create({ title: "👩‍🚀" })
    assert.strictEqual(none.status, 422)
    assert.include(none.text, "give one")
  })
})
