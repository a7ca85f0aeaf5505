/**
 * Text that begins with a dash is text: a title `-5 °C shows as 5`, a reason `- see the log`. What no flag can look like is joined to the flag
 * in front of it, or goes behind `--`, where the parser takes everything for text. `--word` stays a flag: there only `--` helps. Pure.
 */

/** Flags that take a value; a test holds them against all commands. */
export const withValue: ReadonlySet<string> = new Set(
  (
    "after agent at capacity data-dir depends-on description digest event expires from from-branch from-token-env from-username " +
    "gate head host key kind make plan port preset project project-name reason scope slug status step subject template timeout ttl type types url var wait workspace"
  )
    .split(" ")
    .map((name) => `--${name}`)
)

const isFlag = (word: string): boolean => /^(?:--[a-z][a-z0-9-]*(?:=[^]*)?|-[hv])$/.test(word)
const isDashedText = (word: string): boolean => word.startsWith("-") && word !== "-" && !isFlag(word)

export const asText = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  const end = args.indexOf("--")
  const own = end === -1 ? args : args.slice(0, end)
  const rest = end === -1 ? [] : args.slice(end + 1)
  if (!own.some(isDashedText)) return args
  const words: Array<string> = []
  const texts: Array<string> = []
  for (let at = 0; at < own.length; at++) {
    const word = own[at] ?? ""
    const value = own[at + 1]
    if (withValue.has(word) && value !== undefined && !isFlag(value)) {
      words.push(...(isDashedText(value) ? [`${word}=${value}`] : [word, value]))
      at++
    } else if (isDashedText(word) || (texts.length > 0 && !isFlag(word))) texts.push(word)
    else words.push(word)
  }
  return texts.length === 0 && end === -1 ? words : [...words, "--", ...texts, ...rest]
}
