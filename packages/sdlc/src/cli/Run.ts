/** Runs one command line of the whole tool. Only a defect of the tool itself escapes as an exception. */
import * as Args from "./Args.ts"
import { Failure } from "./Failure.ts"
import { all, help } from "./Help.ts"
import type { Env } from "./Identity.ts"
import { asFailure, printFailure, printResult, runEntry, type Streams } from "./RunEntry.ts"

export type { Streams } from "./RunEntry.ts"

export const run = async (
  argv: ReadonlyArray<string>,
  env: Env,
  cwd: string,
  streams: Streams,
  now = Date.now()
): Promise<number> => {
  const [first = "help", ...rest] = Args.commandFirst(argv)
  const command =
    first === "--help" || first === "-h" ? "help" : first === "--version" || first === "-v" ? "version" : first
  const json = rest.includes("--json")
  try {
    const entries = all()
    const entry = Object.hasOwn(entries, command) ? entries[command] : undefined
    if (entry === undefined) {
      const close = Args.nearest(command, Object.keys(entries))
      throw new Failure(
        `"${command.slice(0, 40)}" is no command.`,
        close === null ? "sdlc help lists them." : `did you mean ${close}?`
      )
    }
    const plain = rest.slice(0, rest.includes("--") ? rest.indexOf("--") : rest.length)
    if (plain.includes("--help") || plain.includes("-h")) return printResult(help(command), json, streams)
    return await runEntry(command, entry, rest, env, cwd, streams, now)
  } catch (cause) {
    const failure = asFailure(cause)
    if (failure === null) throw cause
    return printFailure(failure, json, streams)
  }
}
