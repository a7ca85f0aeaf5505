/** What statuses and comments may say, the same for every forge, and how a comment carries its key where a forge keeps text only. */
import type { CommitStatus } from "./RepositoryHost.ts"

export const maxContext = 100
export const maxDescription = 140
/** The smallest limit among forges is GitHub's, 65,536; some of it is the key's. */
export const maxBody = 60_000

interface Problem {
  readonly field: string
  readonly message: string
}

/** One line of at most `maxDescription` characters. */
export const line = (description: string): string => {
  const one = description.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, " ").trim()
  const all = [...one]
  return all.length <= maxDescription ? one : `${all.slice(0, maxDescription - 1).join("")}…`
}

export const statusProblem = ({ context, url }: CommitStatus): Problem | null => {
  if (!/^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(context) || context.length > maxContext)
    return { field: "context", message: `expected 1 to ${maxContext} characters of ASCII, e.g. rdev/review` }
  if (url !== null && !/^https?:\/\/[^\s<>"]{1,2000}$/.test(url))
    return { field: "url", message: "expected an absolute http or https URL, or null" }
  return null
}

const keyPattern = /^[a-z0-9][a-z0-9/._-]{0,59}$/
export const commentProblem = ({ body, key }: { readonly key: string; readonly body: string }): Problem | null => {
  if (!keyPattern.test(key) || key.includes("--"))
    return {
      field: "key",
      message: "expected 1 to 60 of a-z, 0-9, / . _ and single -, beginning with a letter or a digit"
    }
  if (body.trim() === "") return { field: "body", message: "a comment says something" }
  if (body.length > maxBody)
    return { field: "body", message: `expected at most ${maxBody} characters; this has ${body.length}` }
  return null
}

const mark = /\n\n<!-- rdev:([a-z0-9][a-z0-9/._-]{0,59}) -->\s*$/
/** The text that a forge keeps: the body, then its key in a comment of HTML, which no page shows. */
export const marked = (key: string, body: string): string => `${body.trimEnd()}\n\n<!-- rdev:${key} -->`
/** The other way round. Anybody can write such a mark: the key counts only in a comment of the platform's own account. */
export const unmarked = (text: string): { readonly key: string | null; readonly body: string } => {
  const found = mark.exec(text)
  return found === null ? { key: null, body: text } : { key: found[1] ?? null, body: text.slice(0, found.index) }
}
