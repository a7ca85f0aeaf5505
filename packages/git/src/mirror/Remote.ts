/**
 * Git and a repository at another host, over HTTP alone: no redirects, no proxy or credential of the user's, no hooks. The token goes
 * into the environment of the one command that needs it: not onto its command line, not into a file, and not into what an error says.
 */
import { Duration, Effect, Redacted, Schedule } from "effect"
import { readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import type { Git, RunOptions, Settings } from "../Git.ts"
import { attempt, conflict, fail, GitError, invalid } from "../GitError.ts"
import { GitFailure } from "../classifyError.ts"
import type { RefUpdate } from "../GitRefs.ts"
import { basic, type Elsewhere, type Remote } from "./Advertised.ts"

/** A clone or push of this size takes minutes; whatever is slower than 1 kB/s for half a minute is cut off. */
const timeoutMillis = 10 * 60_000
const lookMillis = 500
/** Who waits for a list of branches is a person. */
const lookTimeoutMillis = 30_000

/** The value of the header that opens it; null when nothing is needed. */
const login = ({ token, username }: Elsewhere) => (token === null ? null : basic({ token, username }))
const ports: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }
/** curl's own form: name, port, and the addresses to connect to instead of asking a resolver. */
const pinned = ({ addresses, url }: Elsewhere): Settings => {
  if (addresses === undefined) return []
  const { hostname, port, protocol } = new URL(url)
  const list = addresses.map((address) => (address.includes(":") ? `[${address}]` : address))
  return [["http.curloptResolve", `${hostname}:${port === "" ? (ports[protocol] ?? "") : port}:${list.join(",")}`]]
}

const settingsFor = (remote: Elsewhere): Settings => [
  ["http.followRedirects", "false"],
  ["http.lowSpeedLimit", "1000"],
  ["http.lowSpeedTime", "30"],
  ...(login(remote) === null ? [] : [["http.extraHeader", `Authorization: ${login(remote)}`] as const]),
  ...pinned(remote),
  ["credential.helper", ""],
  ["transfer.bundleURI", "false"],
  ["fetch.recurseSubmodules", "false"],
  // Old but harmless histories pass, as they do in a push.
  ["fetch.fsck.zeroPaddedFilemode", "ignore"],
  ["fetch.fsck.missingSpaceBeforeDate", "ignore"],
  ["fetch.fsck.badTimezone", "ignore"]
]

const options = (remote: Elsewhere, more: RunOptions = {}): Effect.Effect<RunOptions, GitError> => {
  const scheme = /^(https?):\/\/[^/@\s]+\//.exec(remote.url)?.[1]
  return scheme === undefined
    ? Effect.fail(invalid("url", "expected an http or https clone URL without credentials"))
    : Effect.succeed({
        timeoutMillis,
        ...more,
        env: { GIT_ALLOW_PROTOCOL: scheme },
        settings: settingsFor(remote)
      })
}

/** Text of the other host's may hold anything: also what was sent to it. */
const withoutToken = (remote: Elsewhere, failure: GitError): GitError => {
  const header = login(remote)
  if (header === null || remote.token === null) return failure
  const secret = Redacted.value(remote.token)
  const clean = (text: string) => text.replaceAll(header.slice("Basic ".length), "***").replaceAll(secret, "***")
  const { cause, reason } = failure
  const told = "message" in reason ? { ...reason, message: clean(reason.message) } : reason
  return new GitError({
    reason: told,
    cause: cause instanceof GitFailure ? new GitFailure(cause.args, cause.exitCode, clean(cause.stderr)) : undefined
  })
}

const packs = (directory: string) => join(directory, "objects/pack")
const growing = (directory: string) =>
  attempt(async () => {
    const names = (await readdir(packs(directory)).catch(() => [])).filter((name) => name.startsWith("tmp_"))
    return Promise.all(
      names.map(async (name) => {
        const path = join(packs(directory), name)
        // Finished, and renamed, since the folder was read.
        return { path, bytes: (await stat(path).catch(() => null))?.size ?? 0 }
      })
    )
  })
/** Never succeeds; fails when what comes in has grown over the limit, and takes it away. */
const limit = (directory: string, maxBytes: number): Effect.Effect<never, GitError> =>
  Effect.gen(function* () {
    const over = (yield* growing(directory)).filter(({ bytes }) => bytes > maxBytes)
    if (over.length === 0) return
    yield* attempt(() => Promise.all(over.map(({ path }) => rm(path, { force: true }))))
    return yield* fail({
      _tag: "ResourceExhausted",
      message: `what is to be fetched has more than ${maxBytes} bytes; the limit is there so that no repository fills the disk`
    })
  }).pipe(Effect.repeat(Schedule.spaced(Duration.millis(lookMillis))), Effect.andThen(Effect.never))

/**
 * Brings refs of the remote into the folder, its branches if nothing else is said, at most `maxBytes` at once. Branches that are gone
 * there stay: see Advertised.
 */
export const fetch = Effect.fn("Remote.fetch")(function* (
  git: Git,
  directory: string,
  remote: Elsewhere,
  maxBytes: number,
  refspecs: ReadonlyArray<string> = ["+refs/heads/*:refs/heads/*"]
) {
  const args = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-recurse-submodules",
    "--no-auto-maintenance",
    "--no-show-forced-updates",
    "--",
    remote.url,
    ...refspecs
  ]
  yield* Effect.raceFirst(git.run(directory, args, yield* options(remote)), limit(directory, maxBytes)).pipe(
    Effect.mapError((failure) => withoutToken(remote, failure))
  )
})

/** What `git ls-remote` says of HEAD, branches and tags. */
export const list = Effect.fn("Remote.list")(function* (git: Git, directory: string, remote: Elsewhere) {
  const args = ["ls-remote", "--quiet", "--symref", "--", remote.url, "HEAD", "refs/heads/*", "refs/tags/*"]
  return yield* Effect.flatMap(options(remote), (how) =>
    git.text(directory, args, { ...how, timeoutMillis: lookTimeoutMillis })
  ).pipe(Effect.mapError((failure) => withoutToken(remote, failure)))
})

/** A line of `git push --porcelain`: flag, what was to go where, and how it went. */
export interface Pushed {
  readonly flag: string
  readonly ref: string
  readonly summary: string
}
export const parsePorcelain = (text: string): ReadonlyArray<Pushed> =>
  text.split("\n").flatMap((row) => {
    const [, flag, ref, summary] = /^([ +\-*!=])\t[^\t]*:([^\t]*)\t(.*)$/.exec(row) ?? []
    return flag === undefined || ref === undefined || summary === undefined ? [] : [{ flag, ref, summary }]
  })

const moved =
  /stale info|fetch first|non-fast-forward|already exists|failed to (?:update|lock) ref|cannot lock ref|incorrect old value|atomic transaction failed/i
/** What a refused push means; null when nothing of it was refused. Of an atomic push each ref is refused when one is. */
export const refusal = (rows: ReadonlyArray<Pushed>, said: string): GitError | null => {
  const refused = rows.filter(({ flag }) => flag === "!")
  const [first] = refused
  if (first === undefined) return null
  const [behind] = refused.filter(({ summary }) => moved.test(summary))
  if (behind !== undefined) return conflict(`${behind.ref} has moved at the forge: ${behind.summary}`)
  const words = said
    .split("\n")
    .filter((line) => line.startsWith("remote:"))
    .map((line) => line.slice("remote:".length).trim())
    .filter((line) => line !== "")
    .join(" ")
    .slice(0, 500)
  return fail({
    _tag: "Unauthorized",
    message: `the forge refused to move ${first.ref}: ${first.summary}${words === "" ? "" : ` (${words})`}`
  })
}

/** Moves branches at the remote, all or none, each from its old value. */
export const push = Effect.fn("Remote.push")(function* (
  git: Git,
  directory: string,
  remote: Remote,
  updates: ReadonlyArray<RefUpdate>
) {
  const args = [
    "push",
    "--porcelain",
    "--no-verify",
    "--no-signed",
    "--no-follow-tags",
    "--no-recurse-submodules",
    ...(updates.length > 1 ? ["--atomic"] : []),
    ...updates.flatMap(({ old, ref }) => (old === undefined ? [] : [`--force-with-lease=${ref}:${old ?? ""}`])),
    "--",
    remote.url,
    ...updates.map(({ ref, to }) => `${to ?? ""}:${ref}`)
  ]
  const { code, stderr, stdout } = yield* git
    .run(directory, args, yield* options(remote, { accept: [0, 1] }))
    .pipe(Effect.mapError((failure) => withoutToken(remote, failure)))
  const refused = refusal(parsePorcelain(stdout.toString("utf8")), stderr)
  if (refused !== null) return yield* withoutToken(remote, refused)
  if (code !== 0) {
    const cause = new GitFailure(["push"], code, stderr)
    return yield* withoutToken(remote, yield* Effect.flip(attempt(() => Promise.reject(cause))))
  }
})
