/** Repositories of the test's GitHub: bare folders, served by git's own http-backend to whoever has a token for them. */
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { join } from "node:path"

const environment = {
  PATH: process.env["PATH"] ?? "",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "GitHub",
  GIT_AUTHOR_EMAIL: "noreply@github.example.test",
  GIT_COMMITTER_NAME: "GitHub",
  GIT_COMMITTER_EMAIL: "noreply@github.example.test"
}
const run = (directory: string, args: ReadonlyArray<string>) =>
  spawnSync("git", ["-C", directory, ...args], { env: environment, encoding: "utf8" })
const text = (directory: string, args: ReadonlyArray<string>): string => {
  const { status, stderr, stdout } = run(directory, args)
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`)
  return stdout.trim()
}

export const init = (directory: string): void => {
  mkdirSync(directory, { recursive: true })
  text(directory, ["init", "--quiet", "--bare", "--initial-branch=main", "."])
  text(directory, ["config", "http.receivepack", "true"])
}
/** Read where git keeps them: nobody packs them here, and a process for each question takes longer than the tests. */
export const head = (directory: string, branch: string): string | null => {
  try {
    return readFileSync(join(directory, "refs/heads", branch), "utf8").trim()
  } catch {
    // There is none of this name, or it is a folder of others.
    return null
  }
}
export const branches = (directory: string): ReadonlyArray<string> =>
  readdirSync(join(directory, "refs/heads"), { recursive: true, encoding: "utf8" })
    .filter((name) => head(directory, name) !== null)
    .sort()
export const isCommit = (directory: string, sha: string): boolean =>
  run(directory, ["cat-file", "-e", `${sha}^{commit}`]).status === 0
export const isBehind = (directory: string, base: string, head: string): boolean =>
  run(directory, ["merge-base", "--is-ancestor", head, base]).status === 0
/** The tree of a merge, or null where it conflicts. */
export const mergedTree = (directory: string, base: string, head: string): string | null => {
  const { status, stdout } = run(directory, ["merge-tree", "--write-tree", base, head])
  return status === 0 ? (stdout.split("\n", 1)[0] ?? null) : null
}
export const mergeInto = (
  directory: string,
  branch: string,
  base: string,
  head: string,
  tree: string,
  title: string
) => {
  const sha = text(directory, ["commit-tree", tree, "-p", base, "-p", head, "-m", title])
  text(directory, ["update-ref", `refs/heads/${branch}`, sha, base])
  return sha
}
/** A commit with one file, without the server: of somebody who pushes. */
export const write = (directory: string, branch: string, path: string, content: string): string => {
  const blob = spawnSync("git", ["-C", directory, "hash-object", "-w", "--stdin"], {
    env: environment,
    input: content,
    encoding: "utf8"
  }).stdout.trim()
  const tree = spawnSync("git", ["-C", directory, "mktree"], {
    env: environment,
    input: `100644 blob ${blob}\t${path}\n`,
    encoding: "utf8"
  }).stdout.trim()
  const parent = head(directory, branch)
  const sha = text(directory, ["commit-tree", tree, ...(parent === null ? [] : ["-p", parent]), "-m", `Write ${path}`])
  text(directory, ["update-ref", `refs/heads/${branch}`, sha])
  return sha
}

export const serve = (
  root: string,
  path: string,
  query: string,
  request: IncomingMessage,
  response: ServerResponse
): void => {
  const child = spawn("git", ["http-backend"], {
    env: {
      ...environment,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      PATH_INFO: path,
      QUERY_STRING: query,
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      REMOTE_USER: "x-access-token",
      REMOTE_ADDR: "127.0.0.1",
      ...(request.headers["content-encoding"] === undefined
        ? {}
        : { HTTP_CONTENT_ENCODING: request.headers["content-encoding"] }),
      ...(typeof request.headers["git-protocol"] === "string" ? { GIT_PROTOCOL: request.headers["git-protocol"] } : {})
    }
  })
  request.pipe(child.stdin)
  // Whoever asked may have gone.
  child.stdin.on("error", () => undefined)
  let before = Buffer.alloc(0)
  let began = false
  child.stdout.on("data", (chunk: Buffer) => {
    if (began) return void response.write(chunk)
    before = Buffer.concat([before, chunk])
    const end = before.indexOf("\r\n\r\n")
    if (end < 0) return
    const headers = before
      .toString("latin1", 0, end)
      .split("\r\n")
      .map((line) => line.split(": ", 2))
    const status = headers.find(([name]) => name === "Status")?.[1]
    response.writeHead(
      status === undefined ? 200 : Number.parseInt(status, 10),
      Object.fromEntries(headers.filter(([name]) => name !== "Status"))
    )
    began = true
    response.write(before.subarray(end + 4))
  })
  child.on("close", () => {
    if (!began) response.writeHead(500)
    response.end()
  })
}
