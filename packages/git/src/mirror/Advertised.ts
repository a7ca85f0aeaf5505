/**
 * Which branches a repository at another host has: one request of git's protocol, version 2 (`ls-refs`), and no process. An answer counts
 * only when it is whole: git's own client takes a page of a proxy for an empty repository, and with `--prune` deletes every branch.
 * Format: git's protocol-v2 and gitprotocol-http documents.
 */
import { Effect, Redacted } from "effect"
import { attempt, fail, type GitError } from "../GitError.ts"
import { isSha } from "../GitRefs.ts"

/** A repository at another host. */
export interface Elsewhere {
  /** http or https, without credentials. */
  readonly url: string
  readonly username: string
  /** null = anybody may read it. */
  readonly token: Redacted.Redacted | null
  /** Addresses of the host that were judged, for git to connect to; left out: git asks the machine's resolver. */
  readonly addresses?: ReadonlyArray<string>
}
/** One that a folder is a mirror of. */
export interface Remote extends Elsewhere {
  readonly token: Redacted.Redacted
  readonly defaultBranch: string
}
/** Commit by the whole name of a branch. */
export type Heads = ReadonlyMap<string, string>

const timeoutMillis = 30_000
/** About 200,000 branches. */
const maxBytes = 16 * 1024 * 1024
const heads = "refs/heads/"

const packet = (line: string) => `${(Buffer.byteLength(line) + 4).toString(16).padStart(4, "0")}${line}`
const question = `${packet("command=ls-refs\n")}${packet("object-format=sha1")}0001${packet(`ref-prefix ${heads}\n`)}0000`

export const basic = ({ token, username }: Pick<Remote, "token" | "username">): string =>
  `Basic ${Buffer.from(`${username}:${Redacted.value(token)}`).toString("base64")}`

/** The branches of a whole answer; a text says what is wrong with it. */
export const parse = (bytes: Buffer): Heads | string => {
  const found = new Map<string, string>()
  for (let at = 0; ;) {
    const size = Number.parseInt(bytes.toString("latin1", at, at + 4), 16)
    if (!/^[0-9a-f]{4}$/i.test(bytes.toString("latin1", at, at + 4))) return "it is no answer of git's, or was cut"
    if (size === 0) return at + 4 === bytes.byteLength ? found : "there is more after its end"
    if (size < 5 || bytes.byteLength < at + size) return "it was cut"
    const line = bytes.toString("utf8", at + 4, at + size).replace(/\n$/, "")
    if (line.startsWith("ERR ")) return line.slice(4, 300)
    const [sha = "", ref = ""] = line.split(" ", 2)
    if (!isSha(sha) || !ref.startsWith(heads)) return "it lists something that is no branch"
    found.set(ref, sha)
    at += size
  }
}

const bodyOf = async (response: Response): Promise<Buffer> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes)
      throw fail({ _tag: "ResourceExhausted", message: `the list of branches has more than ${maxBytes} bytes` })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const seconds = (header: string | null) => (header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : null)

/** What a status that is none of git's means. */
const refused = (status: number, headers: Headers, host: string): GitError => {
  if (status === 401 || status === 403)
    return fail({
      _tag: "Unauthorized",
      message: `${host} answered ${status}: is the token still valid, and may it read the repository?`
    })
  if (status === 429)
    return fail({
      _tag: "RateLimited",
      message: `${host} answered 429`,
      retryAfterMillis: seconds(headers.get("retry-after"))
    })
  if (status === 404 || status === 410) return fail({ _tag: "NotFound", message: `${host} has no such repository` })
  if (status >= 300 && status < 400)
    return fail({ _tag: "NotFound", message: `the repository is not at this place of ${host} any more (${status})` })
  return fail({ _tag: "Unavailable", message: `${host} answered ${status}` })
}

const connection = (cause: unknown, host: string): GitError => {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const code = inner instanceof Error && "code" in inner ? ` (${String(inner.code)})` : ""
  return fail({ _tag: "Unavailable", message: `no answer from ${host}${code}` })
}

export const list = Effect.fn("Advertised.list")(function* (remote: Remote) {
  const { host } = new URL(remote.url)
  const exchange = attempt(async (signal) => {
    try {
      const response = await fetch(`${remote.url}/git-upload-pack`, {
        method: "POST",
        body: question,
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMillis)]),
        headers: {
          authorization: basic(remote),
          "content-type": "application/x-git-upload-pack-request",
          accept: "application/x-git-upload-pack-result",
          "git-protocol": "version=2"
        }
      })
      const body = await bodyOf(response)
      return { status: response.status, headers: response.headers, body }
    } catch (cause) {
      throw cause instanceof Error && cause.name === "GitError" ? cause : connection(cause, host)
    }
  })
  const { body, headers, status } = yield* exchange
  if (status !== 200) return yield* refused(status, headers, host)
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim()
  const found =
    type === "application/x-git-upload-pack-result" ? parse(body) : `it is ${type ?? "nothing"}, as of a login page`
  if (typeof found === "string")
    return yield* fail({ _tag: "Unavailable", message: `${host} gave no list of branches: ${found}` })
  return found
})
