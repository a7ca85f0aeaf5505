/** One thing that is wrong with a configuration: where it stands, what is wrong, what to write. Never the value itself. Pure. */

export interface Fault {
  /** A path of the file such as `forge.token.env`, or the name of a variable. */
  readonly path: string
  /** Of the file, from 1; null = not of the file. */
  readonly line: number | null
  readonly problem: string
  readonly fix: string
}

export const fault = (path: string, line: number | null, problem: string, fix: string): Fault => ({
  path,
  line,
  problem,
  fix
})

/** Edits that make one word of the other: insertions, deletions, changes, and neighbours that changed places. */
export const distance = (a: string, b: string): number => {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array.from({ length: b.length }, () => 0)])
  for (let j = 0; j <= b.length; j++) rows[0]![j] = j
  for (let i = 1; i <= a.length; i++)
    for (let j = 1; j <= b.length; j++) {
      const change = (rows[i - 1]![j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      let least = Math.min((rows[i - 1]![j] ?? 0) + 1, (rows[i]![j - 1] ?? 0) + 1, change)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (rows[i - 2]![j - 2] ?? 0) + 1)
      rows[i]![j] = least
    }
  return rows[a.length]?.[b.length] ?? 0
}

/** The word that was probably meant; null when none is near. Long words are cut: they are no names. */
export const nearest = (word: string, words: ReadonlyArray<string>): string | null => {
  const asked = word.slice(0, 64).toLowerCase()
  let best: { readonly name: string; readonly away: number } | null = null
  for (const name of words) {
    const away = distance(asked, name.toLowerCase())
    if (away <= Math.max(1, Math.floor(name.length / 3)) && (best === null || away < best.away)) best = { name, away }
  }
  return best?.name ?? null
}

/** `a, b or c`. */
export const oneOf = (words: ReadonlyArray<string>): string =>
  words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`

/** `forge.token.env (line 4)`. */
export const where = ({ line, path }: Fault): string =>
  line === null ? path : path === "" ? `line ${line}` : `${path} (line ${line})`
