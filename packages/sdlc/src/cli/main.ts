#!/usr/bin/env node
/**
 * The `sdlc` command. In the bundle `full` is the source text of the whole program, compiled only when the small build of
 * the hot commands cannot answer; run from sources it is a module like any other.
 */
import { run as hot } from "./hot.ts"
import { full } from "./full.ts"
import { printDefect } from "./RunEntry.ts"

const streams = {
  out: (text: string): void => void process.stdout.write(text),
  err: (text: string): void => void process.stderr.write(text)
}
const argv = process.argv.slice(2)

try {
  process.exitCode =
    (await hot(argv, process.env, process.cwd(), streams)) ??
    (await (await full()).run(argv, process.env, process.cwd(), streams))
} catch (cause) {
  process.exitCode = printDefect(cause, process.env, streams, argv.includes("--json"))
}
