/** A part of a text that GitHub keeps at another server: fetched from there, without any credential. */
import { Effect } from "effect"
import { fail, type GitHubFailure, notFound } from "./GitHubFailure.ts"

const timeoutMillis = 30_000
const partBytes = 4 * 1024 * 1024

const away = (message: string) => fail({ _tag: "Unavailable", message })
/** Its address is a secret of its own (it is signed), so no message holds more than the host. */
export const part = (location: string, api: string, from: number): Effect.Effect<Uint8Array, GitHubFailure> =>
  Effect.gen(function* () {
    const url = URL.canParse(location) ? new URL(location) : null
    if (url === null || (url.protocol !== "https:" && url.origin !== api))
      return yield* fail({ _tag: "Unknown", message: "GitHub sends a log's reader to an address that is not https" })
    const { bytes, status } = yield* Effect.tryPromise({
      try: async (signal) => {
        const answer = await fetch(url, {
          headers: { range: `bytes=${from}-${from + partBytes - 1}` },
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMillis)])
        })
        return { status: answer.status, bytes: new Uint8Array(await answer.arrayBuffer()) }
      },
      catch: () => away(`no log came from ${url.host}`)
    })
    if (status === 416) return new Uint8Array(0)
    if (status === 206) return bytes
    // It does not know ranges, and sent all of it.
    if (status === 200) return bytes.subarray(from)
    return yield* status === 404 || status === 410
      ? notFound(`there is no log at ${url.host}`)
      : away(`${url.host} answered ${status} instead of a log`)
  })
