/**
 * Runs git on the server's own bare repositories. The variables are the server's, never the user's or a repository's: no system
 * or user configuration, no hooks, no fsmonitor, no credential prompts, no transport, no replaced, grafted or shallow history. At most
 * eight commands run at once.
 */
import { Context, Effect, Layer, Semaphore } from "effect"
import { accessSync, constants } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"
import type { Duplex } from "node:stream"
import { GitFailure } from "./classifyError.ts"
import * as Launch from "@rdev/runtime-node/Launch"
import { attempt, fail, type GitError } from "./GitError.ts"

/** `git merge-tree --write-tree` appeared in 2.38. */
export const minimumVersion: readonly [number, number] = [2, 38]
const maxParallel = 8
const defaultTimeoutMillis = 120_000
const maxErrorBytes = 64 * 1024

const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

export type Settings = ReadonlyArray<readonly [key: string, value: string]>
const settings: Settings = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.attributesFile", "/dev/null"],
  ["core.excludesFile", "/dev/null"],
  // Names that another system would take for .git are refused on every system.
  ["core.protectHFS", "true"],
  ["core.protectNTFS", "true"],
  // No refs of other repositories count as known here.
  ["core.alternateRefsCommand", "true"],
  ["core.logAllRefUpdates", "false"],
  ["safe.directory", "*"],
  ["safe.bareRepository", "all"],
  ["protocol.allow", "never"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["receive.autogc", "false"],
  ["receive.shallowUpdate", "false"],
  // Pushed objects are checked: no .git entries in trees, no hostile .gitmodules.
  ["transfer.fsckObjects", "true"],
  // Old but harmless histories pass.
  ["receive.fsck.zeroPaddedFilemode", "ignore"],
  ["receive.fsck.missingSpaceBeforeDate", "ignore"],
  ["receive.fsck.badTimezone", "ignore"],
  // Branches and tags are all that can be seen and pushed: no replacements, notes or bookkeeping of rdev's own.
  ["transfer.hideRefs", "refs"],
  ["transfer.hideRefs", "!refs/heads"],
  ["transfer.hideRefs", "!refs/tags"],
  ["receive.advertisePushOptions", "false"],
  ["uploadpack.allowFilter", "true"],
  ["uploadpack.allowReachableSHA1InWant", "true"],
  ["core.quotePath", "false"]
]

/** All variables of every git command; `extra` adds to it (e.g. GIT_PROTOCOL), `more` to its settings. */
export const variables = (
  extra: Readonly<Record<string, string>> = {},
  more: Settings = []
): Record<string, string> => {
  const all = [...settings, ...more]
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: "/nonexistent",
    XDG_CONFIG_HOME: "/nonexistent",
    LC_ALL: "C",
    TZ: "UTC",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    // A commit is what its id says: nothing that lies in a repository replaces it, gives it other parents or cuts its history off.
    GIT_NO_REPLACE_OBJECTS: "1",
    GIT_GRAFT_FILE: "/nonexistent/grafts",
    GIT_SHALLOW_FILE: "",
    // Attributes of a tree decide nothing about how the server merges (git 2.41 and later reads those of HEAD otherwise).
    GIT_ATTR_SOURCE: emptyTree,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    GIT_ALLOW_PROTOCOL: "",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_ADVICE: "0",
    GIT_CONFIG_COUNT: String(all.length)
  }
  all.forEach(([key, value], i) => {
    env[`GIT_CONFIG_KEY_${i}`] = key
    env[`GIT_CONFIG_VALUE_${i}`] = value
  })
  return { ...env, ...extra }
}

export interface RunOptions {
  readonly stdin?: Uint8Array | string
  readonly env?: Readonly<Record<string, string>>
  /** More of git's settings, for this command alone. */
  readonly settings?: Settings
  /** More output than this is an error; default 80 MiB. */
  readonly maxBytes?: number
  /** Exit codes that are answers, not failures; default only 0. */
  readonly accept?: ReadonlyArray<number>
  readonly timeoutMillis?: number
}
export interface GitResult {
  readonly code: number
  readonly stdout: Buffer
  readonly stderr: string
}

export interface Git {
  readonly program: string
  readonly version: string
  /** Runs `git --git-dir=<repository> …args`. */
  run(repository: string, args: ReadonlyArray<string>, options?: RunOptions): Effect.Effect<GitResult, GitError>
  /** The same, giving trimmed text. */
  text(repository: string, args: ReadonlyArray<string>, options?: RunOptions): Effect.Effect<string, GitError>
}

const collect = async (
  child: Launch.Launched,
  args: ReadonlyArray<string>,
  options: RunOptions
): Promise<GitResult> => {
  const [stdin, stdout, stderr] = child.stdio as readonly [Duplex, Duplex, Duplex]
  const out: Array<Buffer> = []
  let [size, errors] = [0, ""]
  const maxBytes = options.maxBytes ?? 80 * 1024 * 1024
  stdout.on("data", (chunk: Buffer) => {
    size += chunk.byteLength
    if (size <= maxBytes) out.push(chunk)
    else child.kill("SIGKILL")
  })
  stderr.on("data", (chunk: Buffer) => {
    if (errors.length < maxErrorBytes) errors += chunk.toString("utf8")
  })
  // A command may end without reading all of its input; its exit code says whether that matters.
  stdin.on("error", () => undefined)
  stdin.end(options.stdin ?? "")
  const [{ code }] = await Promise.all([child.exit, closed(stdout), closed(stderr)])
  if (size > maxBytes)
    throw fail({ _tag: "ResourceExhausted", message: `git ${args[0] ?? ""} produced more than ${maxBytes} bytes` })
  if (code === null || !(options.accept ?? [0]).includes(code)) throw new GitFailure(args, code, errors)
  return { code, stdout: Buffer.concat(out), stderr: errors }
}
/** When everything was read, or nothing more can be. */
const closed = (stream: Duplex): Promise<void> =>
  new Promise((resolve) =>
    stream
      .once("end", resolve)
      .once("close", resolve)
      .once("error", () => resolve())
  )

const runRaw = (
  program: string,
  args: ReadonlyArray<string>,
  options: RunOptions
): Effect.Effect<GitResult, GitError> =>
  attempt(async (signal) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMillis ?? defaultTimeoutMillis)])
    const child = await Launch.launch({ program, args, env: variables(options.env, options.settings) })
    const end = () => child.kill("SIGKILL")
    if (limit.aborted) end()
    limit.addEventListener("abort", end)
    try {
      const result = await collect(
        child,
        args.filter((arg) => !arg.startsWith("--git-dir=")),
        options
      )
      limit.throwIfAborted()
      return result
    } catch (cause) {
      // What was cut off says so, not how it ended.
      limit.throwIfAborted()
      throw cause
    } finally {
      limit.removeEventListener("abort", end)
    }
  })

/** Absolute path of a program on the given PATH (default: the server's), or null. */
export const findProgram = (name: string, path = process.env["PATH"] ?? ""): string | null => {
  if (isAbsolute(name)) return name
  for (const folder of path.split(delimiter).filter(isAbsolute)) {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return join(folder, name)
    } catch {
      // Not in this folder: the next one is tried.
    }
  }
  return null
}

const needed = `git ${minimumVersion.join(".")} or newer is needed`

export const parseVersion = (text: string): readonly [number, number] | null => {
  const found = /git version (\d+)\.(\d+)/.exec(text)
  return found === null ? null : [Number(found[1]), Number(found[2])]
}

/** The git of this machine, found and checked once for all that run it. */
export class GitProgram extends Context.Service<GitProgram, Git>()("rdev/git/GitProgram") {}

/** Finds git and checks its version; Unsupported says what to install. `program` is a name on PATH or an absolute path. */
export const make = Effect.fn("Git.make")(function* (options: { readonly program?: string } = {}) {
  const program = findProgram(options.program ?? "git")
  if (program === null) {
    return yield* fail({
      _tag: "Unsupported",
      message: `${needed}, and there is none on PATH; install it (e.g. apt-get install git, brew install git)`
    })
  }
  const printed = (yield* runRaw(program, ["--version"], {})).stdout.toString("utf8").trim()
  const version = parseVersion(printed)
  if (
    version === null ||
    version[0] < minimumVersion[0] ||
    (version[0] === minimumVersion[0] && version[1] < minimumVersion[1])
  ) {
    return yield* fail({ _tag: "Unsupported", message: `${needed}; ${program} is "${printed}"` })
  }
  const permits = yield* Semaphore.make(maxParallel)
  const run: Git["run"] = (repository, args, runOptions = {}) =>
    permits.withPermit(runRaw(program, [`--git-dir=${repository}`, ...args], runOptions))
  const git: Git = {
    program,
    version: version.join("."),
    run,
    text: (repository, args, runOptions) =>
      Effect.map(run(repository, args, runOptions), (result) => result.stdout.toString("utf8").trim())
  }
  return git
})

/** The git on PATH. One value, so that whatever needs git in one build shares it. */
export const layer: Layer.Layer<GitProgram, GitError> = Layer.effect(GitProgram, make())
