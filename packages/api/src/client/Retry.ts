/** When a call is made again. Pure: what has happened so far and the newest error give a wait, or the error to fail with. */
import type { ClientError } from "../ClientError.ts"

export interface Tried {
  /** Attempts after which a connection broke or the server could not work. */
  readonly failures: number
  /** Attempts that met an earlier one under way. */
  readonly waits: number
  /** The first broken connection: from then on it may have been done. */
  readonly lost: ClientError | null
}
export const none: Tried = { failures: 0, waits: 0, lost: null }

/** Longest that the answer of an earlier attempt is waited for, in seconds. */
const maxWaits = 120
/** What a server asks to wait is waited for up to this; of more the caller is told. */
const longestAskedMillis = 10_000
const pausesMillis = [250, 1_000, 3_000, 8_000]

export interface Waiting {
  readonly waitMillis: number
  readonly tried: Tried
}
export const isWaiting = (next: Waiting | ClientError): next is Waiting => "waitMillis" in next

/**
 * `isSafe`: to do it twice is to do it once, because it reads or carries an Idempotency-Key. `retries`: after how many broken or
 * unavailable attempts it ends. A server that was never there is told at once; after a broken connection it is one that starts again.
 */
export const next = (tried: Tried, error: ClientError, isSafe: boolean, retries: number): Waiting | ClientError => {
  const lost = tried.lost ?? (error._tag === "ConnectionLost" ? error : null)
  if (!isSafe) return error
  if (error._tag === "IdempotencyInFlight")
    return tried.waits >= maxWaits
      ? error
      : { waitMillis: error.retryAfterMillis ?? 1_000, tried: { ...tried, waits: tried.waits + 1 } }
  const isGatewayTrouble = error._tag === "UnexpectedAnswer" && [502, 503, 504].includes(error.status ?? 0)
  const asked = error.retryAfterMillis
  const isBusy =
    (error._tag === "RateLimited" || error._tag === "Unavailable") && asked !== null && asked <= longestAskedMillis
  const isGone = error._tag === "ConnectionLost" || (error._tag === "Unreachable" && lost !== null)
  const giveUp = (): ClientError => (error._tag === "Unreachable" ? (lost ?? error) : error)
  if (!isGatewayTrouble && !isBusy && !isGone) return giveUp()
  if (tried.failures >= retries) return giveUp()
  const pause = pausesMillis[Math.min(tried.failures, pausesMillis.length - 1)] ?? 0
  return {
    waitMillis: isBusy ? Math.max(asked, pause) : pause,
    tried: { ...tried, lost, failures: tried.failures + 1 }
  }
}
