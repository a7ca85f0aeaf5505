/**
 * Command-line arguments, strictly: an unknown flag, a missing value or a word too many is an error that names it.
 *
 * Written by hand because `sdlc next` has 150 ms as a process, most of which a command-line framework would take.
 */
import { own } from "../model/Own.ts"
import { Failure } from "./Failure.ts"

export type FlagType = "flag" | "value" | "values"

export interface Spec {
  /** Names of the positional arguments; a trailing `?` makes one optional, `...` takes the rest. */
  readonly positionals: ReadonlyArray<string>
  readonly flags: Readonly<Record<string, FlagType>>
}

export interface Args {
  readonly positionals: ReadonlyArray<string>
  readonly has: (flag: string) => boolean
  readonly value: (flag: string) => string | undefined
  readonly values: (flag: string) => ReadonlyArray<string>
}

/** Flags of every command. */
export const common: Readonly<Record<string, FlagType>> = {
  json: "flag",
  cwd: "value",
  help: "flag",
  feature: "value",
  branch: "value"
}
const short: Readonly<Record<string, string>> = { C: "cwd", h: "help", f: "feature" }

/** The command line with the flags of every command, when they stand before the command, moved behind it. */
export const commandFirst = (argv: ReadonlyArray<string>): ReadonlyArray<string> => {
  let at = 0
  for (let word = argv[at]; word?.startsWith("-") === true; word = argv[at]) {
    const typed = word.split("=")[0]?.replace(/^-{1,2}/, "") ?? ""
    const type = own(common, word.startsWith("--") ? typed : (own(short, typed) ?? typed))
    if (type === undefined || typed === "help" || typed === "h") return argv
    at += type === "value" && !word.includes("=") ? 2 : 1
  }
  const command = argv[at]
  return command === undefined ? argv : [command, ...argv.slice(0, at), ...argv.slice(at + 1)]
}

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(
        Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1))
      )
    row = next
  }
  return row[b.length] ?? 0
}

/** The candidate closest to a misspelt word, when it is close at all. */
export const nearest = (word: string, candidates: ReadonlyArray<string>): string | null => {
  const [best] = candidates
    .map((candidate) => ({ candidate, far: distance(word.slice(0, 40), candidate) }))
    .toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far <= 2 ? best.candidate : null
}

export const parse = (command: string, argv: ReadonlyArray<string>, spec: Spec): Args => {
  const types: Readonly<Record<string, FlagType>> = { ...common, ...spec.flags }
  const found = new Map<string, Array<string>>()
  const positionals: Array<string> = []
  let plain = false
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? ""
    if (plain || !word.startsWith("-") || word === "-") {
      positionals.push(word)
      continue
    }
    if (word === "--") {
      plain = true
      continue
    }
    const at = word.indexOf("=")
    const typed = word.slice(0, at < 0 ? undefined : at).replace(/^-{1,2}/, "")
    const name = word.startsWith("--") ? typed : (short[typed] ?? typed)
    const type = Object.hasOwn(types, name) ? types[name] : undefined
    if (type === undefined) {
      const close = nearest(name, Object.keys(types))
      throw new Failure(
        `--${name}: ${command} has no such flag.`,
        close === null ? `see sdlc help ${command}.` : `did you mean --${close}?`
      )
    }
    if (type === "flag") {
      if (at >= 0) throw new Failure(`--${name}: it takes no value.`, `write --${name} alone.`)
      found.set(name, [])
      continue
    }
    const value = at >= 0 ? word.slice(at + 1) : argv[++index]
    if (value === undefined || (at < 0 && value.startsWith("--")))
      throw new Failure(`--${name}: its value is missing.`, `write --${name} <value>.`)
    if (type === "value" && found.has(name)) throw new Failure(`--${name}: given twice.`, "give it once.")
    found.set(name, [...(found.get(name) ?? []), value])
  }
  const rest = spec.positionals.some((name) => name.endsWith("..."))
  const required = spec.positionals.filter((name) => !name.endsWith("?") && !name.endsWith("..."))
  const help = found.has("help")
  const missing = required[positionals.length]
  if (!help && missing !== undefined)
    throw new Failure(
      `<${missing}> is missing.`,
      `write sdlc ${command} ${spec.positionals.map((name) => `<${name}>`).join(" ")}.`
    )
  const extra = positionals[spec.positionals.length]
  if (!help && !rest && extra !== undefined)
    throw new Failure(`"${extra}": one word too many.`, `see sdlc help ${command}.`)
  return {
    positionals,
    has: (flag) => found.has(flag),
    value: (flag) => found.get(flag)?.[0],
    values: (flag) => found.get(flag) ?? []
  }
}

/** A value out of a closed set. */
export const oneOf = <const T extends string>(what: string, value: string, allowed: ReadonlyArray<T>): T => {
  const hit = allowed.find((candidate) => candidate === value)
  if (hit !== undefined) return hit
  const close = nearest(value, allowed)
  throw new Failure(
    `${what}: "${value}" is none of ${allowed.join(", ")}.`,
    close === null ? "use one of these." : `did you mean ${close}?`
  )
}
