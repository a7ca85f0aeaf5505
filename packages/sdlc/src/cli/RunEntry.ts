/** Runs one known command: parse its arguments, open the repository, run, print. Every refusal is one message with its fix and an exit code. */
import { resolve } from "node:path"
import * as Args from "./Args.ts"
import { exit, Failure } from "./Failure.ts"
import { forget } from "./GitRead.ts"
import type { Env } from "./Identity.ts"
import { clean, type Result } from "./Result.ts"
import { open, type Session } from "./Session.ts"

export interface Streams {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

export interface Entry {
  readonly spec: Args.Spec
  readonly run: (session: Session, args: Args.Args) => Result | Promise<Result>
  /** all: works anywhere · policy: works in a repository without `.sdlc/policy.yaml`. */
  readonly without?: "all" | "policy"
}

export const printResult = (result: Result, json: boolean, streams: Streams): number => {
  if (result.text !== "") streams.out(`${json ? JSON.stringify(result.json, null, 2) : clean(result.text)}\n`)
  return result.code
}

export const printFailure = (failure: Failure, json: boolean, streams: Streams): number => {
  if (json)
    streams.out(
      `${JSON.stringify({ error: { message: failure.message, fix: failure.fix, code: failure.code } }, null, 2)}\n`
    )
  else streams.err(`sdlc: ${clean(failure.message)}\n  fix: ${clean(failure.fix)}\n`)
  return failure.code
}

/** Refusals of the operating system, in our own words; anything else is a defect and stays an exception. */
export const asFailure = (cause: unknown): Failure | null => {
  if (cause instanceof Failure) return cause
  const { code, path, syscall } = cause as {
    readonly code?: unknown
    readonly path?: unknown
    readonly syscall?: unknown
  }
  if (typeof code === "string" && typeof syscall === "string")
    return new Failure(
      `${code}: ${syscall} ${typeof path === "string" ? path : ""} failed.`,
      code === "EROFS"
        ? "make the disk writable."
        : code === "EACCES" || code === "EPERM"
          ? "give yourself access to it."
          : "check the path and the disk."
    )
  return null
}

/** A defect of the tool, for whoever has to report it; the trace stays away from those who only typed a command. */
export const printDefect = (cause: unknown, env: Env, streams: Streams, json = false): number => {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  if (json)
    streams.out(
      `${JSON.stringify({ error: { message: `this is a defect of the tool: ${error.message}`, fix: "report it with the command line; SDLC_DEBUG=1 shows where it happened.", code: exit.defect, defect: true } }, null, 2)}\n`
    )
  streams.err(
    `sdlc: this is a defect of the tool: ${clean(error.message)}\n  fix: report it with the command line; SDLC_DEBUG=1 shows where it happened.\n`
  )
  if (env["SDLC_DEBUG"] === "1") streams.err(`${clean(error.stack ?? "")}\n`)
  return exit.defect
}

/** The result with the branch on which something was written. */
const naming = (result: Result, { wrote }: Session): Result => {
  if (wrote.size === 0) return result
  const branches = [...wrote].join(", ")
  return {
    ...result,
    text: `${result.text}\n  written on ${branches}`,
    json:
      typeof result.json === "object" && result.json !== null ? { ...result.json, writtenOn: branches } : result.json
  }
}

export const runEntry = async (
  command: string,
  entry: Entry,
  words: ReadonlyArray<string>,
  env: Env,
  cwd: string,
  streams: Streams,
  now: number
): Promise<number> => {
  const json = words.includes("--json")
  forget()
  try {
    const args = Args.parse(command, words, entry.spec)
    const session: Session =
      entry.without === "all"
        ? { root: cwd, cwd, env, now, wrote: new Set(), homes: new Map() }
        : open(
            resolve(cwd, args.value("cwd") ?? ""),
            env,
            now,
            entry.without === undefined,
            args.value("branch") ?? (env["SDLC_BRANCH"] === "" ? undefined : env["SDLC_BRANCH"])
          )
    return printResult(naming(await entry.run(session, args), session), json, streams)
  } catch (cause) {
    const failure = asFailure(cause)
    if (failure === null) throw cause
    return printFailure(failure, json, streams)
  }
}
