import { describe, expect, it } from "vitest"
import { codeTreeDigest } from "../../src/repo/CodeTree.ts"
import { canonicalJson, md1, normalMarkdown } from "../../src/repo/Digest.ts"
import * as Ulid from "../../src/repo/Ulid.ts"

describe("md1", () => {
  const text = "---\nsdlc: { v: 1 }\nstatus: draft\n---\n# Caf\u00e9\n\n- [ ] one\n"
  const same: ReadonlyArray<readonly [string, string]> = [
    ["line ends", text.replace(/\n/g, "\r\n")],
    ["composition", text.normalize("NFD")],
    ["trailing space", text.replace(/\n/g, "  \n") + "\n\n"],
    ["ticked box", text.replace("[ ]", "[x]")],
    ["status", text.replace("status: draft", "status:\n  approved: true\napproved_by: eve")],
    ["byte order mark", `\uFEFF${text}`]
  ]
  it.each(same)("ignores %s", (_name, variant) => {
    expect(normalMarkdown(variant)).toBe(normalMarkdown(text))
    expect(md1(variant)).toBe(md1(text))
  })
  const other: ReadonlyArray<readonly [string, string]> = [
    ["a word", text.replace("one", "two")],
    ["another front-matter key", text.replace("status: draft", "owner: eve")],
    ["a ticked box in a fence", text + "```\n- [x] a\n```\n"],
    ["an unknown marker", text.replace("[ ]", "[~]")]
  ]
  it.each(other)("sees %s", (_name, variant) => expect(md1(variant)).not.toBe(md1(text)))
  it("sees ticks in fences as content", () => {
    expect(md1("```\n- [x] a\n```")).not.toBe(md1("```\n- [ ] a\n```"))
  })
})

describe("canonical JSON", () => {
  it("sorts keys and drops undefined", () => {
    expect(canonicalJson({ b: [1, { z: null, a: "\u00e9" }], a: undefined, A: true })).toBe(
      '{"A":true,"b":[1,{"a":"\u00e9","z":null}]}'
    )
  })
})

describe("code tree", () => {
  const a = "100644 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\tsrc/a.ts\0"
  const b = "100755 blob e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\tline\nbreak\0"
  const state = "100644 blob 257cc5642cb1a054f08cc83f2d943e56fd3ebe99\t.sdlc/policy.yaml\0"
  it("leaves the feature state out and the order of entries too", () => {
    expect(codeTreeDigest(a + b + state)).toBe(codeTreeDigest(b + a))
    expect(codeTreeDigest(a)).not.toBe(codeTreeDigest(a + b))
    expect(codeTreeDigest(a.replace("100644", "100755"))).not.toBe(codeTreeDigest(a))
  })
  it("refuses foreign output", () => {
    expect(() => codeTreeDigest("fatal: not a tree")).toThrow(/git ls-tree -r -z/)
  })
})

describe("ULID", () => {
  it("carries its time and sorts by it", () => {
    const random = new Uint8Array([255, 0, 1, 2, 3, 4, 5, 6, 7, 8])
    const early = Ulid.make(1_469_918_176_385, random)
    expect(early.slice(0, 10)).toBe("01ARYZ6S41")
    expect(Ulid.isUlid(early)).toBe(true)
    expect(Ulid.time(early)).toBe(1_469_918_176_385)
    expect(Ulid.make(1_469_918_176_386, random) > early).toBe(true)
    expect(Ulid.time("81ARYZ6S41AAAAAAAAAAAAAAAA")).toBeNull()
  })
})
