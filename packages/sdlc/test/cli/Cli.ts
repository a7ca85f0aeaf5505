/** A throw-away repository and the CLI in it, called in this process. */
import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import { run } from "../../src/cli/Run.ts"

export interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
  /** Parsed output, when it was asked for as JSON. */
  readonly json: Readonly<Record<string, unknown>>
}

export interface Repository {
  readonly root: string
  /** Runs a command line, split at spaces outside of double quotes, as somebody. */
  readonly sdlc: (line: string, as?: string, env?: Readonly<Record<string, string>>) => Promise<Said>
  readonly write: (path: string, text: string) => void
  readonly read: (path: string) => string
  readonly git: (...args: ReadonlyArray<string>) => string
  readonly commit: (message: string) => void
  /** Every file outside `.git` with its content. */
  readonly files: () => ReadonlyMap<string, string>
  readonly remove: () => void
}

const words = (line: string): ReadonlyArray<string> =>
  [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2] ?? match[3] ?? "")

export const ada = "human:ada"
export const claude = "agent:claude"
export const bob = "agent:bob"

export const repository = (): Repository => {
  const repo = at(realpathSync(mkdtempSync(join(tmpdir(), "sdlc-cli-"))))
  repo.git("init", "-q", "-b", "main", ".")
  repo.git("config", "user.email", "ada@example.org")
  repo.git("config", "user.name", "Ada")
  repo.git("config", "commit.gpgsign", "false")
  return repo
}

/** The handles of a repository that is there already. */
export const at = (root: string): Repository => {
  const git = (...args: ReadonlyArray<string>): string =>
    execFileSync("git", ["-c", "user.email=ada@example.org", "-c", "user.name=Ada", ...args], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"]
    })
  let clock = 1_800_000_000_000
  return {
    root,
    sdlc: async (line, as, env = {}) => {
      let out = ""
      let err = ""
      clock += 1000
      const code = await run(
        words(line),
        {
          PATH: process.env["PATH"],
          HOME: root,
          GIT_CONFIG_GLOBAL: "/dev/null",
          ...(as === undefined ? {} : { SDLC_PRINCIPAL: as }),
          ...env
        },
        root,
        { out: (text) => void (out += text), err: (text) => void (err += text) },
        clock
      )
      return { code, out, err, json: line.includes("--json") ? (JSON.parse(out) as Said["json"]) : {} }
    },
    write: (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    },
    read: (path) => readFileSync(join(root, path), "utf8"),
    git,
    commit: (message) => {
      git("add", "-A")
      git("commit", "-q", "-m", message)
    },
    files: () =>
      new Map(
        readdirSync(root, { recursive: true, withFileTypes: true })
          .filter(
            (entry) =>
              entry.isFile() &&
              !relative(root, entry.parentPath).startsWith(".git/") &&
              relative(root, entry.parentPath) !== ".git"
          )
          .map((entry) => [
            relative(root, join(entry.parentPath, entry.name)),
            readFileSync(join(entry.parentPath, entry.name), "utf8")
          ])
      ),
    remove: () => rmSync(root, { recursive: true, force: true })
  }
}

export const spec = `---
sdlc: { v: 1, kind: spec }
---
# Say hello
### REQ-001: Greet
When a user runs the tool with a name, the tool shall print a greeting with the name.
#### SC-001: known name
- Given the tool
- When it runs with Ada
- Then it prints Hello Ada
`

export const tasks = `## task-001: Greeting
- covers: REQ-001
- writes: hello.mjs
- verify: \`node hello.mjs Ada\`
`

export const qaPlan = `## QA-001: greets
- covers: SC-001
- run: \`node hello.mjs Ada | grep "Hello Ada"\`
`

/** A project with a committed file, a policy without deploys, and the feature `hello` in draft. */
export const project = async (): Promise<Repository> => {
  const repo = repository()
  repo.write("README.md", "# Demo\n")
  repo.commit("start")
  await repo.sdlc("init")
  repo.write(".sdlc/policy.yaml", repo.read(".sdlc/policy.yaml").replace("deploy: required", "deploy: none"))
  await repo.sdlc('new hello --title "Say hello"', claude)
  return repo
}

/** Takes the feature up to the first task. */
export const planned = async (): Promise<Repository> => {
  const repo = await project()
  const dir = ".sdlc/features/hello"
  repo.write(`${dir}/spec.md`, spec)
  await repo.sdlc("submit spec", claude)
  await repo.sdlc("approve spec --as-human", ada)
  await repo.sdlc("apply --all")
  repo.write(`${dir}/design.md`, "# Design\nhello.mjs meets REQ-001.\n")
  await repo.sdlc("submit design", claude)
  await repo.sdlc("approve design --as-human", ada)
  repo.write(`${dir}/tasks.md`, tasks)
  await repo.sdlc("submit tasks", claude)
  await repo.sdlc("approve tasks", bob)
  await repo.sdlc("apply --all")
  repo.write(`${dir}/qa-plan.md`, qaPlan)
  await repo.sdlc("submit qa-plan", claude)
  await repo.sdlc("approve qa-plan", bob)
  await repo.sdlc("apply --all")
  return repo
}
