/** What commands print: tables for people, or with `--json` exactly what the API answered. */
import type { Input } from "@rdev/api/RdevClient"
import * as Effect from "effect/Effect"
import { find, type Json, type Target } from "./Connection.ts"
import type { CliFailure } from "./Failure.ts"
import type { Common } from "./Flags.ts"
import { Screen, table } from "./Screen.ts"
import { jsonText } from "./TerminalText.ts"

export const printAnswer = (
  { json }: Pick<Common, "json">,
  value: unknown,
  screen: Screen,
  lines: ReadonlyArray<string>
): void => {
  if (json) screen.line(jsonText(value))
  else for (const line of lines) screen.line(line)
}

/** Calls, then prints: `show` gives the lines for a person. */
export const printed = <A>(
  input: Common,
  work: (target: Target) => Effect.Effect<A, CliFailure>,
  show: (value: A, screen: Screen) => ReadonlyArray<string>
) =>
  Effect.gen(function* () {
    const value = yield* work(yield* find(input))
    const screen = new Screen(process.stdout)
    printAnswer(input, value, screen, input.json ? [] : show(value, screen))
  })

export const string = (value: unknown): string =>
  value === null || value === undefined ? "–" : typeof value === "string" ? value : JSON.stringify(value)
export const when = (value: unknown): string => (typeof value === "string" ? value.slice(0, 19).replace("T", " ") : "–")
/** A heading and one row per item; a sentence when there are none. */
export const rows =
  (columns: ReadonlyArray<readonly [title: string, of: (row: Json) => string]>, none: string) =>
  (items: ReadonlyArray<Json>, screen: Screen): ReadonlyArray<string> =>
    items.length === 0
      ? [none]
      : table([
          columns.map(([title]) => screen.style.dim(title)),
          ...items.map((item) => columns.map(([, of]) => of(item)))
        ])
export const fields = (pairs: ReadonlyArray<readonly [string, string]>, screen: Screen) =>
  table(pairs.map(([name, value]) => [screen.style.dim(name), value]))
type Present<T> = { readonly [K in keyof T]?: NonNullable<T[K]> }
/** Without what was not given. */
export const given = <const T extends Readonly<Record<string, unknown>>>(entries: T): Present<T> =>
  Object.fromEntries(
    Object.entries(entries).filter(([, value]) => value !== null && value !== undefined)
  ) as unknown as Present<T>
/** Where the API answers nothing, `--json` prints an empty object. */
export const removed = (effect: Effect.Effect<void, CliFailure>): Effect.Effect<Json, CliFailure> =>
  Effect.map(effect, () => ({}))

/** What people type for it; what is none of them is refused by the server, which names them all. */
export type TaskStatus = NonNullable<Input<"tasks", "list">["status"]>
export type OperationStatus = NonNullable<Input<"operations", "list">["status"]>
