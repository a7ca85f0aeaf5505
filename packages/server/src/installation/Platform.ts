/**
 * Reads what an installation is chosen to be: RDEV_PLATFORM, else platform.yaml in the working folder, else nothing, which is the
 * embedded installation. Faults of the file, of what it refers to and of the variables of the chosen adapters come in one error.
 */
import type { SlotName } from "@rdev/core/adapter/Slots"
import * as Effect from "effect/Effect"
import type { Any } from "effect/Layer"
import { readFileSync, statSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { type Problem, StartError, startErrorOfMany } from "../ServerConfig.ts"
import * as Choice from "./Choice.ts"
import { type Fault, fault, where } from "./Fault.ts"

export interface Options {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Working folder; default that of the process. */
  readonly cwd?: string
  /** Reads no platform file: what is not given is as embedded. */
  readonly embedded?: boolean
  /** Slots that were given as layers; the file cannot choose them then. */
  readonly given?: ReadonlyMap<SlotName, Any>
}

const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)

/** Whether somebody else may write what a file says: it names code that is run. */
const isForeign = (path: string): boolean => {
  const user = process.geteuid?.()
  const { mode, uid } = statSync(path)
  return user !== undefined && ((uid !== user && uid !== 0) || (mode & 0o002) !== 0)
}

/** The bytes of the file; null = there is none and none was named. One that was only come across must be this user's. */
const fileOf = (path: string, named: boolean): Uint8Array | null | Fault => {
  try {
    if (!named && statSync(path, { throwIfNoEntry: false }) === undefined) return null
    if (!named && isForeign(path))
      return fault(
        path,
        null,
        "another user can write this file, and it names code that would be run",
        "Make it yours alone (chown, chmod o-w), or name it with RDEV_PLATFORM if it is meant"
      )
    return readFileSync(path)
  } catch (cause) {
    const code = codeOf(cause)
    if (!named && code === "ENOENT") return null
    const why: Readonly<Record<string, string>> = {
      ENOENT: "does not exist",
      EISDIR: "is a folder",
      EACCES: "may not be read by this user"
    }
    return fault(
      named ? "RDEV_PLATFORM" : path,
      null,
      `${path} ${why[code] ?? `cannot be read (${code})`}`,
      named ? "Name a file that can be read, or unset it" : "Make it readable, or move it away"
    )
  }
}

const problemOf =
  (file: string | null) =>
  (one: Fault): Problem => ({
    field: one.line === null || file === null ? where(one) : `${file}: ${where(one)}`,
    problem: one.problem,
    fix: one.fix
  })

/** The line of a path; of something that is missing, the line of what it is missing in. */
const lineIn =
  (lines: ReadonlyMap<string, number>) =>
  (at: string): number | null => {
    for (let path = at; path !== ""; path = path.replace(/(?:^|[.[])[^.[]*$/, "")) {
      const line = lines.get(path)
      if (line !== undefined) return line
    }
    return null
  }

const look = async ({ cwd = process.cwd(), embedded = false, env, given }: Options) => {
  const named = env["RDEV_PLATFORM"]?.trim() ?? ""
  const path = resolve(cwd, named === "" ? "platform.yaml" : named)
  const found = embedded ? null : fileOf(path, named !== "")
  const nothing = { asked: [], resources: [], address: null, faults: [] as ReadonlyArray<Fault> }
  if (found === null || !(found instanceof Uint8Array)) {
    const { choice, faults } = await Choice.make(
      { ...nothing, file: null },
      { env, folder: cwd, lineOf: () => null },
      [cwd],
      given
    )
    return { choice, problems: [...(found === null ? [] : [found]), ...faults].map(problemOf(null)) }
  }
  // The parser is loaded where there is something to parse.
  const { read } = await import("./PlatformYaml.ts")
  const { faults, lines, value } = read(found)
  const source = { env, folder: dirname(path), lineOf: lineIn(lines) }
  const wanted = faults.length > 0 && value === null ? nothing : Choice.wanted(value, source.lineOf)
  const made = await Choice.make({ ...wanted, file: path }, source, [dirname(path), cwd], given)
  return { choice: made.choice, problems: [...faults, ...made.faults].map(problemOf(path)) }
}

/** The choice, and what is wrong with it: it can be used only when nothing is. */
export const find = (
  options: Options
): Effect.Effect<{ readonly choice: Choice.Choice; readonly problems: ReadonlyArray<Problem> }> =>
  Effect.promise(() => look(options))

export const read = (options: Options): Effect.Effect<Choice.Choice, StartError> =>
  Effect.flatMap(find(options), ({ choice, problems }) => {
    const [first, ...more] = problems
    return first === undefined ? Effect.succeed(choice) : Effect.fail(startErrorOfMany([first, ...more]))
  })
