/** An entry of the server's log as lines of a terminal: what happened and why in the first, of a defect where, too. Pure. */
import * as Cause from "effect/Cause"
import type { Options } from "effect/Logger"
import { inspect } from "node:util"

const longest = 500
const stackLines = 12

const text = (part: unknown): string =>
  part instanceof Error
    ? part.message
    : typeof part === "string"
      ? part
      : inspect(part, { breakLength: Number.POSITIVE_INFINITY, depth: 4 })

export const logLines = ({
  cause,
  date,
  logLevel,
  message
}: Pick<Options<unknown>, "cause" | "date" | "logLevel" | "message">): ReadonlyArray<string> => {
  const why = Cause.prettyErrors(cause).map((error) => error.message)
  const said = [...(Array.isArray(message) ? message : [message]).map(text), ...why]
    .join(" ")
    .replaceAll("\n", " ")
    .slice(0, longest)
  const where = Cause.hasDies(cause)
    ? Cause.pretty(cause)
        .split("\n")
        .filter((line) => line.trimStart().startsWith("at "))
        .slice(0, stackLines)
    : []
  return [`${date.toISOString().slice(11, 19)} ${logLevel.toLowerCase()} ${said}`, ...where]
}
