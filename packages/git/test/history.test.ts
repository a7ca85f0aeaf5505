import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { sorted } from "../src/objects/Importing.ts"
import { parse } from "../src/Source.ts"

const sha = "a".repeat(40)

describe("what a host says of its refs", () => {
  it("is its own branch, its branches, and its tags counted once", () => {
    const text = [
      "ref: refs/heads/trunk\tHEAD",
      `${sha}\tHEAD`,
      `${sha}\trefs/heads/feature/a`,
      `${sha}\trefs/heads/trunk`,
      `${sha}\trefs/tags/v1`,
      `${sha}\trefs/tags/v1^{}`
    ].join("\n")
    const found = parse(text)
    assert.deepStrictEqual([found.head, [...found.branches.keys()], found.tags], ["trunk", ["feature/a", "trunk"], 1])
  })
  it("is nothing where it is no list", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const { branches, head, tags } = parse(text)
        assert.deepStrictEqual([branches.size, head, tags], [0, null, 0])
      })
    )
  })
})

describe("refs that come in", () => {
  it("are those with names that may be pushed, and of twins the first", () => {
    const { kept, left } = sorted(
      ["refs/heads/a", "refs/heads/A", "refs/heads/-x", "refs/heads/HEAD", "refs/tags/a", "refs/tags/x.lock"].map(
        (ref) => ({ ref, sha })
      )
    )
    assert.deepStrictEqual(
      kept.map(({ ref }) => ref),
      ["refs/heads/a", "refs/tags/a"]
    )
    assert.lengthOf(left, 4)
    assert.match(left.join("\n"), /refs\/heads\/A: it differs from refs\/heads\/a/)
  })
  it("are looked at in a moment, however many there are", () => {
    const many = Array.from({ length: 20_000 }, (_, n) => ({ ref: `refs/heads/b${n}`, sha }))
    assert.lengthOf(sorted(many).kept, 20_000)
  })
})
