/** What a command answers: text for people, data for programs, an exit code. Nothing is printed inside a command. */
import { exit, type ExitCode } from "./Failure.ts"

export interface Result {
  readonly text: string
  readonly json: unknown
  readonly code: ExitCode
}

export const done = (text: string, json: unknown, code: ExitCode = exit.action): Result => ({ text, json, code })

/** Control characters that a file's content could smuggle to a terminal, made visible. */
export const clean = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- stripping control characters is the purpose
  text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

/** Aligned columns. */
export const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)))
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
        .join("  ")
        .trimEnd()
    )
    .join("\n")
}
