/** Names are resolved from one listing of the refs, as `git rev-parse` resolves them one by one. */
import { assert, beforeAll, afterAll, describe, it } from "vitest"
import { change, forget, refOf } from "../../src/cli/Git.ts"
import { commit, named, remoteDefault } from "../../src/cli/GitRefs.ts"
import { repository, type Repository } from "./Cli.ts"

let repo: Repository
const resolved = (name: string): string | null => {
  try {
    return repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`).trim()
  } catch {
    return null
  }
}
beforeAll(() => {
  repo = repository()
  for (const name of ["one", "two", "three"]) {
    repo.write("file", name)
    repo.commit(name)
  }
  for (const [ref, at] of [
    ["refs/heads/feature/a", "HEAD~1"],
    ["refs/heads/twice", "HEAD~1"],
    ["refs/tags/twice", "HEAD~2"],
    ["refs/heads/abc1234", "HEAD~2"],
    ["refs/heads/RELEASE", "HEAD~1"],
    ["refs/heads/umlaut-ä", "HEAD~1"],
    ["refs/remotes/origin/main", "HEAD~2"],
    ["refs/remotes/origin/feature/far", "HEAD~1"],
    ["refs/remotes/fork/feature/far", "HEAD~2"],
    ["refs/rdev/hidden", "HEAD~2"]
  ] as const)
    repo.git("update-ref", ref, repo.git("rev-parse", at).trim())
  repo.git("tag", "-a", "-m", "annotated", "v1", "HEAD~1")
  repo.git("tag", "-a", "-m", "of a tag", "v1-again", "v1")
  repo.git("tag", "of-a-tree", "HEAD^{tree}")
  repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
})
afterAll(() => repo.remove())

describe("refs", () => {
  it("are what git takes the names for", () => {
    const full = repo.git("rev-parse", "HEAD~2").trim()
    const names = [
      "HEAD",
      "main",
      "feature/a",
      "feature",
      "twice",
      "abc1234",
      "RELEASE",
      "umlaut-ä",
      "v1",
      "v1-again",
      "of-a-tree",
      "origin/main",
      "origin",
      "origin/HEAD",
      "fork/feature/far",
      "feature/far",
      "nothing",
      "MERGE_HEAD",
      "refs/heads/main",
      "refs/heads/nothing",
      "refs/heads/",
      "refs/heads/main~1",
      "refs/heads/a..b",
      "refs/tags/v1",
      "refs/tags/nothing",
      "refs/rdev/hidden",
      "refs/remotes/origin/main",
      "main~1",
      "main^{tree}",
      "main@{0}",
      "",
      full,
      full.slice(0, 9),
      full.toUpperCase(),
      "0".repeat(40),
      `v1-1-g${full.slice(0, 9)}`,
      "heads/main"
    ]
    forget()
    for (const name of names) assert.strictEqual(commit(repo.root, name), resolved(name), JSON.stringify(name))
    assert.isNull(commit(repo.root, "--all"))
  })

  it("of a branch that was fetched from several places are all named, the local one first", () => {
    assert.deepStrictEqual(named(repo.root, "feature/far").toSorted(), [
      "refs/remotes/fork/feature/far",
      "refs/remotes/origin/feature/far"
    ])
    assert.strictEqual(refOf(repo.root, "feature/a"), "refs/heads/feature/a")
    assert.isNull(refOf(repo.root, "far"))
    assert.strictEqual(remoteDefault(repo.root), "origin/main")
  })

  it("are asked again after a change of ours, and at the next command after one of others", () => {
    const before = commit(repo.root, "feature/a")
    change(repo.root, "branch", "--force", "feature/a", "main")
    assert.strictEqual(commit(repo.root, "feature/a"), resolved("main"))
    repo.git("branch", "--force", "feature/a", before ?? "")
    assert.strictEqual(commit(repo.root, "feature/a"), resolved("main"), "a command sees one state")
    forget()
    assert.strictEqual(commit(repo.root, "feature/a"), before)
  })

  it("tell a remote's first branch that was not fetched", () => {
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    forget()
    assert.strictEqual(remoteDefault(repo.root), "origin/trunk")
  })
})
