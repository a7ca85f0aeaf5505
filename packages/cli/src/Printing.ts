/** What commands print: tables for people, or with `--json` exactly what the API answered. */
import type { Input } from "@rdev/api/RdevClient"
import * as Effect from "effect/Effect"
import { find, type Json, type Target } from "./Connection.ts"
import type { CliFailure } from "./Failure.ts"
import type { Common } from "./Flags.ts"
import { Screen, table } from "./Screen.ts"

/** Calls, then prints: `show` gives the lines for a person. */
export const printed = <A>(
  input: Common,
  work: (target: Target) => Effect.Effect<A, CliFailure>,
  show: (value: A, screen: Screen) => ReadonlyArray<string>
) =>
  Effect.gen(function* () {
    const value = yield* work(yield* find(input))
    const screen = new Screen(process.stdout)
    if (input.json) screen.line(JSON.stringify(value, null, 2))
    else for (const line of show(value, screen)) screen.line(line)
  })

export const string = (value: unknown): string =>
  value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value)
export const when = (value: unknown): string => (typeof value === "string" ? value.slice(0, 19).replace("T", " ") : "–")
/** Text of somebody's for one line: no line breaks, and nothing that turns the direction of what follows it. */
export const oneLine = (text: string): string =>
  text.replace(/[\r\n\t\v\f\u0085\u2028\u2029]+/g, " ").replace(/[\u202a-\u202e\u2066-\u2069]/g, "")
/** A heading and one row per item; a sentence when there are none. */
export const rows =
  (columns: ReadonlyArray<readonly [title: string, of: (row: Json) => string]>, none: string) =>
  (items: ReadonlyArray<Json>, screen: Screen): ReadonlyArray<string> =>
    items.length === 0
      ? [none]
      : table([
          columns.map(([title]) => screen.style.dim(title)),
          ...items.map((item) => columns.map(([, of]) => oneLine(of(item))))
        ])
export const fields = (pairs: ReadonlyArray<readonly [string, string]>, screen: Screen) =>
  table(pairs.map(([name, value]) => [screen.style.dim(name), value]))
type Given<T> = { readonly [K in keyof T]?: NonNullable<T[K]> }
/** Without what was not given. */
export const given = <const T extends Readonly<Record<string, unknown>>>(entries: T): Given<T> =>
  Object.fromEntries(
    Object.entries(entries).filter(([, value]) => value !== null && value !== undefined)
  ) as unknown as Given<T>
/** Where the API answers nothing, `--json` prints an empty object. */
export const removed = (effect: Effect.Effect<void, CliFailure>): Effect.Effect<Json, CliFailure> =>
  Effect.map(effect, () => ({}))

/** What people type for it; what is none of them is refused by the server, which names them all. */
export type TaskStatus = NonNullable<Input<"tasks", "list">["status"]>
export type OperationStatus = NonNullable<Input<"operations", "list">["status"]>
