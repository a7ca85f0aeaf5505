/** Marks that git leaves where a merge was not finished. Pure. */

/** Seven marks at the start of a line; "=======" alone may underline a heading, so it counts for nothing by itself. */
const mark = /^(?:<{7}|>{7}|\|{7})(?:[ \t]|\r?$)/

/** Numbers (from 1) of the lines that open, divide or close a conflict. Indented, they are text about conflicts. */
export const conflictLines = (text: string): ReadonlyArray<number> =>
  text.includes("<<<<<<<") || text.includes(">>>>>>>") || text.includes("|||||||")
    ? text.split("\n").flatMap((line, index) => (mark.test(line) ? [index + 1] : []))
    : []

/** The same in words, for files that are data; `null` without a conflict. */
export const conflictProblem = (text: string): string | null => {
  const [line] = conflictLines(text)
  return line === undefined ? null : `line ${line} has a conflict marker of git`
}
