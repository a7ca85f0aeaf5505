/**
 * Asks the local git, with hooks, filesystem monitors and pagers switched off, and asks the same only once in a command: a question about
 * refs or objects has one answer until something moves them. A process costs 3 ms and more, and without this a command starts 22 of them.
 */
import type { SpawnSyncOptions, SpawnSyncReturns } from "node:child_process"
import { Failure } from "./Failure.ts"

export const safe: ReadonlyArray<string> = [
  "-c",
  "core.fsmonitor=false",
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "core.pager=cat",
  "-c",
  "core.quotePath=false"
]
export const maxBuffer = 256 * 1024 * 1024

/** Loaded when git is first asked, because loading it takes a tenth of what `sdlc next` may take. */
export const spawnSync = (
  command: string,
  args: ReadonlyArray<string>,
  options: SpawnSyncOptions
): SpawnSyncReturns<Buffer> =>
  process.getBuiltinModule("node:child_process").spawnSync(command, args, { ...options, encoding: "buffer" })

/** Commands that say the same until a ref moves, whatever the work tree and the index are. */
const ofHistory: ReadonlySet<string> = new Set([
  "for-each-ref",
  "ls-tree",
  "merge-base",
  "rev-list",
  "rev-parse",
  "symbolic-ref"
])
const answers = new Map<string, Buffer | null>()

/** Forgets what was asked: a command begins, or something may have moved a ref. */
export const forget = (): void => answers.clear()

const ask = (root: string, args: ReadonlyArray<string>, input: string | Buffer | undefined): Buffer | null => {
  const result = spawnSync("git", [...safe, ...args], {
    cwd: root,
    ...(input === undefined ? {} : { input: Buffer.from(input) }),
    maxBuffer,
    env: { ...process.env, GIT_OPTIONAL_LOCKS: "0", GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" }
  })
  if (result.error !== undefined && (result.error as { readonly code?: unknown }).code === "ENOENT")
    throw new Failure("git is not installed.", "install git and put it on the PATH.")
  return result.status === 0 ? result.stdout : null
}

/** Output of a reading git command, or `null` when it fails. */
export const raw = (root: string, args: ReadonlyArray<string>, input?: string | Buffer): Buffer | null => {
  if (input !== undefined || !ofHistory.has(args[0] ?? "")) return ask(root, args, input)
  const question = [root, ...args].join("\0")
  const known = answers.get(question)
  if (known !== undefined) return known
  const answer = ask(root, args, undefined)
  answers.set(question, answer)
  return answer
}

export const read = (root: string, ...args: ReadonlyArray<string>): string | null =>
  raw(root, args)?.toString("utf8").trimEnd() ?? null
