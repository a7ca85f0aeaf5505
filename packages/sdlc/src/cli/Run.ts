/** Runs one command line: parse, open the repository, run, print. Every refusal is one message with its fix and an exit code. */
import * as Args from "./Args.ts"
import type { Entry } from "./Catalogue.ts"
import { exit, Failure } from "./Failure.ts"
import type { Env } from "./Identity.ts"
import { clean, type Result } from "./Result.ts"
import { open } from "./Session.ts"

export interface Streams {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** The hot commands, whose modules stay small; the rest comes from the catalogue. */
const entryOf = async (command: string): Promise<Entry> => {
  if (command === "next") {
    const { run, spec } = await import("./commands/Next.ts")
    return { spec, summary: "", run }
  }
  if (command === "features") {
    const { run, spec } = await import("./commands/Features.ts")
    return { spec, summary: "", run }
  }
  const { catalogue } = await import("./Catalogue.ts")
  const found = Object.hasOwn(catalogue, command) ? catalogue[command] : undefined
  if (found !== undefined) return found
  const close = Args.nearest(command, ["next", "features", "help", ...Object.keys(catalogue)])
  throw new Failure(`"${command.slice(0, 40)}" is no command.`, close === null ? "sdlc help lists them." : `did you mean ${close}?`)
}

const printResult = (result: Result, json: boolean, streams: Streams): number => {
  if (result.text === "") return result.code
  streams.out(`${json ? JSON.stringify(result.json, null, 2) : clean(result.text)}\n`)
  return result.code
}

const printFailure = (failure: Failure, json: boolean, streams: Streams): number => {
  if (json) streams.out(`${JSON.stringify({ error: { message: failure.message, fix: failure.fix, code: failure.code } }, null, 2)}\n`)
  else streams.err(`sdlc: ${clean(failure.message)}\n  fix: ${clean(failure.fix)}\n`)
  return failure.code
}

const asFailure = (cause: unknown): Failure | null => {
  if (cause instanceof Failure) return cause
  const { code, path, syscall } = cause as { readonly code?: unknown; readonly path?: unknown; readonly syscall?: unknown }
  if (typeof code === "string" && typeof syscall === "string") return new Failure(`${code}: ${syscall} ${typeof path === "string" ? path : ""} failed.`, code === "EACCES" || code === "EROFS" ? "make the folder writable." : "check the path and the disk.")
  return null
}

/** Exit code of one command line. Only a defect of the tool itself escapes as an exception. */
export const run = async (argv: ReadonlyArray<string>, env: Env, cwd: string, streams: Streams, now = Date.now()): Promise<number> => {
  const json = argv.includes("--json")
  try {
    const [first = "help", ...rest] = argv
    const command = first === "--help" || first === "-h" ? "help" : first === "--version" || first === "-v" ? "version" : first
    const entry = await entryOf(command)
    const args = Args.parse(command, rest, entry.spec)
    if (args.has("help")) {
      const { help } = await import("./Help.ts")
      return printResult(help(command), json, streams)
    }
    const session = entry.bare === true && command !== "init" ? { root: cwd, env, now } : open(args.value("cwd") ?? cwd, env, now, entry.bare !== true)
    return printResult(await entry.run(session, args), json, streams)
  } catch (cause) {
    const failure = asFailure(cause)
    if (failure === null) throw cause
    return printFailure(failure, json, streams)
  }
}

export { exit }
