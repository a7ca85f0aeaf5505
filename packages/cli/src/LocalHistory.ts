/** A git repository on this machine whose history becomes a project's: looked at here, and pushed with a token that no command line shows. */
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { resolve } from "node:path"
import { type CliFailure, fail } from "./Failure.ts"

/** A server takes pushes of up to 200 branches. */
const pageSize = 150

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}
const git = (
  folder: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {}
): Effect.Effect<Ended, CliFailure> =>
  Effect.callback((resume) => {
    const child = spawn("git", ["-C", folder, ...args], {
      env: { ...process.env, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"]
    })
    let [stdout, stderr] = ["", ""]
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString("utf8")))
    child.stderr.on("data", (chunk: Buffer) => (stderr = `${stderr}${chunk.toString("utf8")}`.slice(-8_192)))
    child.on("error", (cause) => resume(Effect.fail(fail("failed", `git could not be started: ${cause.message}`))))
    child.on("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => child.kill())
  })

export interface LocalHistory {
  readonly folder: string
  /** Becomes the project's default branch. */
  readonly branch: string
  /** Whole names of branches and tags, that of `branch` last. */
  readonly refs: ReadonlyArray<string>
}

/** `branch`: null = the one that is checked out. */
export const look = Effect.fn("LocalHistory.look")(function* (path: string, branch: string | null) {
  const folder = resolve(path)
  const listed = yield* git(folder, ["for-each-ref", "--format=%(refname)", "refs/heads/", "refs/tags/"])
  if (listed.code !== 0) return yield* fail("usage", `--from: ${folder} is no git repository, and no http or https URL`)
  const shallow = yield* git(folder, ["rev-parse", "--is-shallow-repository"])
  if (shallow.stdout.trim() === "true")
    return yield* fail("usage", `--from: ${folder} is a shallow clone: git -C ${folder} fetch --unshallow, then again`)
  const head = branch ?? (yield* git(folder, ["symbolic-ref", "--short", "--quiet", "HEAD"])).stdout.trim()
  if (head === "")
    return yield* fail("usage", `--from: no branch is checked out in ${folder}; name one with --from-branch`)
  const refs = listed.stdout.split("\n").filter((ref) => ref !== "")
  const main = `refs/heads/${head}`
  if (!refs.includes(main)) return yield* fail("usage", `--from: ${folder} has no branch ${head}, or no commit on it`)
  return { folder, branch: head, refs: [...refs.filter((ref) => ref !== main), main] } satisfies LocalHistory
})

export interface Access {
  readonly clone_url: string
  readonly username: string
  readonly token: string
}

/** The default branch goes last: a repository that has it has everything. */
export const push = Effect.fn("LocalHistory.push")(function* (
  { folder, refs }: LocalHistory,
  { clone_url, token, username }: Access
) {
  const login = Buffer.from(`${username}:${token}`).toString("base64")
  const env = {
    GIT_CONFIG_COUNT: "1",
    GIT_CONFIG_KEY_0: "http.extraHeader",
    GIT_CONFIG_VALUE_0: `Authorization: Basic ${login}`
  }
  for (let at = 0; at < refs.length; at += pageSize) {
    const specs = refs.slice(at, at + pageSize).map((ref) => `${ref}:${ref}`)
    const { code, stderr } = yield* git(folder, ["push", "--quiet", "--no-verify", clone_url, ...specs], env)
    if (code !== 0)
      return yield* fail(
        "failed",
        `the history could not be pushed: ${stderr.replaceAll(login, "***").replaceAll(token, "***").trim()}`
      )
  }
})
