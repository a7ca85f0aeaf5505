import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { classifyError, GitFailure } from "../src/classifyError.ts"
import * as Advertised from "../src/mirror/Advertised.ts"
import * as Remote from "../src/mirror/Remote.ts"

const packet = (line: string) => `${(Buffer.byteLength(line) + 4).toString(16).padStart(4, "0")}${line}`
const sha = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 40, maxLength: 40 })
const name = fc
  .array(fc.constantFrom("a", "feature", "ü", "x-1"), { minLength: 1, maxLength: 3 })
  .map((all) => all.join("/"))

describe("the list of branches that a forge sends", () => {
  const whole = (heads: ReadonlyMap<string, string>) =>
    Buffer.from([...heads].map(([ref, id]) => packet(`${id} ${ref}\n`)).join("") + "0000")
  const lists = fc
    .array(fc.tuple(name, sha), { maxLength: 8 })
    .map((all) => new Map(all.map(([one, id]) => [`refs/heads/${one}`, id])))
  it("is read whole, and no part of it is taken for the whole", () => {
    fc.assert(
      fc.property(lists, (heads) => {
        const bytes = whole(heads)
        assert.deepStrictEqual(Advertised.parse(bytes), heads)
        for (let cut = 0; cut < bytes.byteLength; cut++) assert.isString(Advertised.parse(bytes.subarray(0, cut)))
        assert.isString(Advertised.parse(Buffer.concat([bytes, Buffer.from("0")])))
      }),
      { numRuns: 50 }
    )
  })
  it("is nothing else", () => {
    for (const text of [
      "",
      "<html>a login page</html>",
      "0000<html>",
      packet(`${"0".repeat(40)} refs/tags/x\n`) + "0000",
      packet("not-a-sha refs/heads/x\n") + "0000",
      packet("ERR no such repository") + "0000",
      "ffff",
      "0001",
      "zzzz"
    ])
      assert.isString(Advertised.parse(Buffer.from(text)), text)
  })
})

describe("what a push was answered", () => {
  const rows = (text: string) => Remote.parsePorcelain(text)
  const cases: ReadonlyArray<readonly [string, string, string | null]> = [
    [" \tabc:refs/heads/a\tabc..def", "", null],
    ["*\tabc:refs/heads/a\t[new branch]", "", null],
    ["!\tabc:refs/heads/a\t[rejected] (stale info)", "", "Conflict"],
    ["!\tabc:refs/heads/a\t[rejected] (fetch first)", "", "Conflict"],
    ["!\tabc:refs/heads/a\t[remote rejected] (failed to update ref)", "", "Conflict"],
    [
      "!\tabc:refs/heads/a\t[remote rejected] (pre-receive hook declined)",
      "remote: Not allowed to push to protected branch main",
      "Unauthorized"
    ]
  ]
  for (const [text, said, expected] of cases)
    it(text.slice(2), () => {
      const refused = Remote.refusal(rows(`To http://x/y.git\n${text}\nDone`), said)
      assert.strictEqual(refused?.reason._tag ?? null, expected)
      if (expected === "Unauthorized") assert.include(refused?.message, "protected branch")
    })
})

describe("git over the network", () => {
  const words: ReadonlyArray<readonly [string, string]> = [
    ["fatal: unable to access 'https://x/': Could not resolve host: x", "Unavailable"],
    ["fatal: unable to access 'https://x/': The requested URL returned error: 503", "Unavailable"],
    ["fatal: unable to access 'https://x/': The requested URL returned error: 403", "Unauthorized"],
    ["fatal: Authentication failed for 'https://x/'", "Unauthorized"],
    ["fatal: repository 'https://x/' not found", "NotFound"],
    ["fatal: unable to access 'https://x/': The requested URL returned error: 301", "NotFound"],
    ["error: RPC failed; curl 18 transfer closed\nfatal: early EOF", "Unavailable"],
    ["error: object abc: hasDotgit: contains '.git'\nfatal: fsck error in packed object", "Invalid"]
  ]
  for (const [stderr, expected] of words)
    it(stderr, () => assert.strictEqual(classifyError(new GitFailure(["fetch"], 128, stderr))._tag, expected))
})
