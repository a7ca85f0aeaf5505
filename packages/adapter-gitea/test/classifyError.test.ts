import { assert, describe, it } from "@effect/vitest"
import { ProjectId } from "@rdev/core/domain/Ids"
import { classifyAnswer, classifyConnection } from "../src/classifyError.ts"
import * as Repositories from "../src/GiteaRepositories.ts"
import { endOf, userOf } from "../src/GiteaTokens.ts"

const answers: ReadonlyArray<readonly [number, string, string]> = [
  [401, "invalid username, password or token", "Unauthorized"],
  [403, "token does not have at least one of required scope(s): [write:repository]", "Unauthorized"],
  [404, "", "NotFound"],
  [301, "", "NotFound"],
  [405, "Please try again later", "Conflict"],
  [409, "head out of date", "Conflict"],
  [413, "", "ResourceExhausted"],
  [423, "", "Unsupported"],
  [422, "user already exists [name: x]", "AlreadyExists"],
  [422, "[Name]: AlphaDashDot", "Invalid"],
  [400, "", "Invalid"],
  [429, "", "RateLimited"],
  [500, "", "Unavailable"],
  [502, "<html>bad gateway</html>", "Unavailable"],
  [418, "", "Unknown"]
]
describe("what Gitea answers", () => {
  for (const [status, message, expected] of answers)
    it(`${status} ${message} is ${expected}`, () => {
      const reason = classifyAnswer({ status, message, retryAfterMillis: 5_000 })
      assert.strictEqual(reason._tag, expected)
      if (reason._tag === "RateLimited") assert.strictEqual(reason.retryAfterMillis, 5_000)
      if (reason._tag === "Invalid" && message !== "") assert.strictEqual(reason.field, "Name")
    })
  it("and when it does not answer", () => {
    const cause = new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code: "ECONNREFUSED" }) })
    assert.deepStrictEqual(classifyConnection(cause, "git.example.org"), {
      _tag: "Unavailable",
      message: "no answer from git.example.org (ECONNREFUSED)"
    })
    const late = new DOMException("The operation was aborted due to timeout", "TimeoutError")
    assert.include(classifyConnection(late, "git.example.org"), { _tag: "Unavailable" })
  })
})

describe("the mark of a repository", () => {
  const projectId = ProjectId.make("proj_01HZZZZZZZZZZZZZZZZZZZZZZZ")
  const found = (description: string): Repositories.Found => ({
    id: 1,
    name: "a",
    full_name: "o/a",
    description,
    empty: false,
    default_branch: "main",
    clone_url: "https://git.example.org/o/a.git",
    created_at: "2026-01-01T00:00:00Z"
  })
  it("is written behind what people wrote, read again, and taken away", () => {
    for (const own of ["", "A shop", "ends in [brackets]", "x".repeat(1900)])
      for (const adopted of [false, true]) {
        const marked = Repositories.described(own, projectId, adopted)
        assert.deepInclude(Repositories.read(found(marked)), { projectId, adopted })
        assert.strictEqual(Repositories.described(marked, projectId, adopted), marked, "twice is once")
        assert.strictEqual(Repositories.described(marked, null, false), own)
        assert.isBelow(marked.length, 2048)
      }
  })
  it("is nothing else", () => {
    for (const text of [
      "",
      "[rdev:]",
      "[rdev:proj_1]",
      `[rdev:${projectId}] and more`,
      `rdev:${projectId}`,
      `[rdev:${projectId.toLowerCase()}]`,
      `[rdev:${projectId}:other]`
    ])
      assert.isNull(Repositories.read(found(text)), text)
  })
  it("a token says when it ends, and a user whose it is", () => {
    assert.strictEqual(endOf("rdev-1700000000000-01HZZZZZZZZZZZZZZZZZZZZZZZ"), 1_700_000_000_000)
    for (const name of ["", "lab", "rdev-x", "rdev-1-", "rdev--1-01HZZZZZZZZZZZZZZZZZZZZZZZ"])
      assert.isNull(endOf(name), name)
    assert.match(userOf(projectId), /^rdev-[0-9a-z]{26}$/)
  })
})
