/** A project's repository from outside: a token over the API, then git itself over HTTP. */
import { assert, beforeAll, afterAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Server from "../src/Server.ts"
import { fromEnvironment } from "../src/ServerConfig.ts"

const dataDir = mkdtempSync(join(tmpdir(), "rdev-git-tokens-"))
const work = mkdtempSync(join(tmpdir(), "rdev-git-tokens-work-"))
const scope = Scope.makeUnsafe()
let server: Server.Running
beforeAll(async () => {
  const environment = { RDEV_PORT: "0", RDEV_DATA_DIR: dataDir, RDEV_UNSAFE_HOST: "true", RDEV_DRAIN_SECONDS: "1" }
  server = await Effect.runPromise(Scope.provide(Effect.flatMap(fromEnvironment(environment), Server.start), scope))
  assert.strictEqual((await call("/projects", { name: "hello" }, { prefer: "wait=60" })).status, 202)
}, 60_000)
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  for (const dir of [dataDir, work]) rmSync(dir, { recursive: true, force: true })
})

const call = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
  const response = await fetch(server.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${server.newKey?.key ?? ""}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body)
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const token = async (access: "read" | "write") => {
  const made = await call("/projects/hello/git-tokens", { access, ttl_seconds: 600 })
  assert.strictEqual(made.status, 201, JSON.stringify(made.body))
  return made.body
}
const git = (
  cwd: string,
  ...args: ReadonlyArray<string>
): Promise<{ readonly code: number | null; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: work, GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" }
    const child = spawn("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"]
    })
    let text = ""
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        text += String(chunk)
      })
    child.on("error", reject).on("close", (code) => resolve({ code, text }))
  })
const done = async (cwd: string, ...args: ReadonlyArray<string>) => {
  const { code, text } = await git(cwd, ...args)
  assert.strictEqual(code, 0, `git ${args[0]}: ${text}`)
  return text
}

describe("a git token", () => {
  it("clones with the printed command, and pushes when it may write", async () => {
    const made = await token("write")
    const [program, ...args] = String(made["clone_command"]).split(" ")
    assert.strictEqual(program, "git")
    await done(work, ...args, "writer")
    const clone = join(work, "writer")
    assert.include(readFileSync(join(clone, "package.json"), "utf8"), "hello")
    await done(clone, "switch", "-q", "-c", "notes")
    writeFileSync(join(clone, "NOTES.md"), "from outside\n")
    await done(clone, "add", "NOTES.md")
    await done(clone, "commit", "-q", "-m", "Add notes")
    await done(clone, "push", "-q", "origin", "notes")
    const sha = (await done(clone, "rev-parse", "HEAD")).trim()
    assert.include(await done(work, "ls-remote", String(args[1]), "refs/heads/notes"), sha)
  }, 60_000)

  it("that may only read does not push, and the refusal names the way out", async () => {
    const made = await token("read")
    const url = String(made["clone_command"]).split(" ")[2] ?? ""
    await done(work, "clone", "-q", url, "reader")
    const clone = join(work, "reader")
    await done(clone, "commit", "-q", "--allow-empty", "-m", "Nothing")
    const pushed = await git(clone, "push", "origin", "HEAD:refs/heads/other")
    assert.notStrictEqual(pushed.code, 0)
    assert.include(pushed.text, "rdev git-token hello --write")
    const wrong = await fetch(`${String(made["clone_url"])}/info/refs?service=git-upload-pack`)
    assert.strictEqual(wrong.status, 401)
    assert.include(await wrong.text(), "rdev git-token hello")
  }, 60_000)

  it("is refused with what is wrong", async () => {
    assert.strictEqual((await call("/projects/hello/git-tokens", { access: "all" })).status, 400)
    const long = await call("/projects/hello/git-tokens", { access: "read", ttl_seconds: 1e9 })
    assert.strictEqual(long.status, 400)
    assert.include(JSON.stringify(long.body), "ttl_seconds")
    assert.strictEqual((await call("/projects/nobody/git-tokens", { access: "read" })).status, 404)
  })
})
