import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { folded, problems, type RefCommand } from "../../../src/services/pushes/RefNames.ts"

const sha = "1".repeat(40)
const make = (ref: string): RefCommand => ({ ref, old: null, next: sha })
const refused = (ref: string, existing: ReadonlyArray<string> = []) => problems([make(ref)], existing).length > 0

describe("refs of a push", () => {
  it("are branches and tags with plain names", () => {
    for (const name of [
      "main",
      "feature/contact-page",
      "v1.2.3",
      "user@feature",
      "fix/#12",
      "renovate/foo-1.x",
      "notes",
      "perf/overhead",
      "größe",
      "release/2026.1",
      "a".repeat(200)
    ]) {
      for (const kind of ["heads", "tags"])
        assert.deepStrictEqual(problems([make(`refs/${kind}/${name}`)], []), [], name)
    }
  })

  it("are nothing else under refs, and no name of git's own", () => {
    for (const ref of [
      "HEAD",
      "main",
      "refs/replace/1",
      `refs/replace/${sha}`,
      "refs/rdev/incoming/x",
      "refs/notes/commits",
      "refs/remotes/origin/main",
      "refs/stash",
      "refs/heads",
      "refs/heads/",
      "refs/tags/",
      "refs/Heads/main",
      "REFS/heads/main",
      "refs//heads/main",
      "refs/heads//main",
      "refs/changes/1/1",
      "refs/meta/config",
      "refs/for/main",
      "refs/bisect/bad",
      "refs/worktree/x",
      "refs/original/refs/heads/main",
      "refs/pull/1/head",
      "../refs/heads/main",
      "refs/heads/../replace/x",
      "refs/heads/./x",
      "refs/heads/.x",
      "refs/heads/x.",
      "refs/heads/x.lock",
      "refs/heads/x.LOCK/y",
      "refs/heads/x/"
    ])
      assert.isTrue(refused(ref), ref)
  })

  it("cannot be taken for another thing", () => {
    for (const name of [
      "HEAD",
      "head",
      "a/HEAD",
      "FETCH_HEAD",
      "@",
      "refs/heads/main",
      "heads/main",
      "tags/v1",
      "Refs/x",
      "remotes/origin/main",
      "replace/x",
      "notes/commits",
      sha,
      sha.toUpperCase().replaceAll("1", "A"),
      "-x",
      "a/--upload-pack=x",
      "a b",
      "a\tb",
      "a\u0007b",
      "a\u007fb",
      "ma\u200bin",
      "\u202emain",
      "main\ufeff",
      "a\u00a0b",
      "e\u0301",
      "a~1",
      "a^",
      "a:b",
      "a?",
      "a*",
      "a[b",
      "a\\b",
      "a@{1}",
      "b".repeat(201)
    ])
      assert.isTrue(refused(`refs/heads/${name}`), JSON.stringify(name))
  })

  it("have no twin that differs in case or form alone", () => {
    assert.isTrue(refused("refs/heads/Main", ["refs/heads/main"]))
    assert.isTrue(refused("refs/heads/ﬁx", ["refs/heads/fix"]))
    assert.isTrue(problems([make("refs/heads/a"), make("refs/heads/A")], []).length > 0)
    assert.isTrue(problems([make("refs/heads/a"), make("refs/heads/a")], []).length > 0)
    assert.isFalse(refused("refs/heads/main", ["refs/heads/main", "refs/tags/main"]))
    assert.deepStrictEqual(
      problems([{ ref: "refs/heads/Main", old: sha, next: null }, make("refs/heads/MAIN")], ["refs/heads/Main"]),
      []
    )
  })

  it("may be deleted under a bad name that is there", () => {
    assert.deepStrictEqual(problems([{ ref: "refs/heads/-x", old: sha, next: null }], ["refs/heads/-x"]), [])
    assert.isTrue(problems([{ ref: "refs/replace/x", old: sha, next: null }], []).length > 0)
  })

  it("that are accepted are printable, inside their kind, and twins of nothing", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 30 }),
        fc.array(fc.constantFrom("main", "Ab", "x/y")),
        (name, there) => {
          const ref = `refs/heads/${name}`
          const existing = there.map((one) => `refs/heads/${one}`)
          if (refused(ref, existing)) return
          assert.notMatch(name, /[\p{C}\p{Z}~^:?*[\\]|\.\.|(^|\/)[-.]|\/\/|\.lock(\/|$)|^refs\//u)
          assert.isTrue(existing.every((other) => other === ref || folded(other) !== folded(ref)))
        }
      ),
      { numRuns: 2_000 }
    )
  })
})
