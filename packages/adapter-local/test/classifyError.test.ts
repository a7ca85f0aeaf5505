import { assert, describe, it } from "@effect/vitest"
import { classifyError, GitFailure } from "../src/classifyError.ts"

const errno = (code: string) => Object.assign(new Error(`${code}: something`), { code })
const git = (stderr: string, exitCode: number | null = 128) => new GitFailure(["update-ref"], exitCode, stderr)

describe("classifyError", () => {
  it.each([
    [errno("ENOENT"), "NotFound"],
    [errno("EEXIST"), "AlreadyExists"],
    [errno("EACCES"), "Unauthorized"],
    [errno("EPERM"), "Unauthorized"],
    [errno("EROFS"), "Unsupported"],
    [errno("ELOOP"), "Invalid"],
    [errno("ENOSPC"), "ResourceExhausted"],
    [errno("EDQUOT"), "ResourceExhausted"],
    [errno("EMFILE"), "ResourceExhausted"],
    [errno("EAGAIN"), "ResourceExhausted"],
    [errno("E2BIG"), "Invalid"],
    [errno("ETIMEDOUT"), "Unavailable"],
    [errno("ECONNRESET"), "Unavailable"],
    [errno("ESOMETHING"), "Unknown"],
    [Object.assign(new Error("late"), { name: "TimeoutError" }), "Unavailable"],
    [new Error("odd"), "Unknown"],
    ["text", "Unknown"],
    [git("fatal: cannot lock ref 'refs/heads/main': is at aaa but expected bbb"), "Conflict"],
    [git("fatal: cannot lock ref 'refs/heads/main': reference already exists"), "Conflict"],
    [git("fatal: cannot lock ref 'refs/heads/main': unable to resolve reference 'refs/heads/main'"), "Conflict"],
    [git("fatal: cannot lock ref 'refs/heads/a/b': 'refs/heads/a' exists; cannot create 'refs/heads/a/b'"), "Invalid"],
    [git("fatal: Unable to create '/x/refs/heads/main.lock': File exists."), "Unavailable"],
    [git("fatal: write error: No space left on device"), "ResourceExhausted"],
    [git("fatal: Out of memory, malloc failed"), "ResourceExhausted"],
    [git("fatal: Not a valid object name 1234"), "NotFound"],
    [git("fatal: not a git repository: 'x'"), "NotFound"],
    [git("error: Repository lacks these prerequisite commits:"), "Conflict"],
    [git("error: object 12: hasDotgit: contains '.git'\nfatal: fsck error in packed object"), "Invalid"],
    [git("fatal: early EOF"), "Invalid"],
    [git("error: insufficient permission: Permission denied"), "Unauthorized"],
    [git("fatal: something new"), "Unknown"],
    [git("", null), "Unknown"]
  ])("%s", (cause, expected) => {
    const reason = classifyError(cause)
    assert.strictEqual(reason._tag, expected)
    assert.isAbove(reason.message.length, 2)
  })

  it("keeps the last lines of git's message", () => {
    assert.strictEqual(git("a\nb\nc\nfatal: d").message, "git update-ref exited 128: b c fatal: d")
  })
})
