/**
 * Reads from a provider's message when a limit ends. Pure; the clock is an argument.
 *
 * Promises a time only where the text states one. Clock times without a zone are read in UTC; a time that has passed today means
 * tomorrow.
 */

const unitMillis: Readonly<Record<string, number>> = {
  ms: 1,
  millisecond: 1,
  milliseconds: 1,
  s: 1000,
  sec: 1000,
  secs: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  mins: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  hrs: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000
}

const part = String.raw`\d+(?:\.\d+)?\s*(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)(?![a-z])`
const waiting = new RegExp(
  String.raw`(?:try again|retry(?:ing)?|retry after|available|resets?|wait)\s*(?:in|after|for)?[:\s]+(?:about\s+|up to\s+)?((?:${part}[,\s]*(?:and\s+)?)+)`,
  "i"
)
const retryHeader = /retry[-_ ]?after(?:[-_ ]?(?:ms|seconds))?["']?\s*[:=]\s*["']?(\d+(?:\.\d+)?)(?!\d|[-:T])/i

/** Milliseconds to wait where the text says "try again in 6m0s", "Retrying in 2892 seconds", "retry-after: 30" or alike. */
export const waitMillis = (text: string): number | null => {
  const header = retryHeader.exec(text)
  if (header !== null) return Math.ceil(Number(header[1]) * (/after[-_ ]?ms/i.test(header[0]) ? 1 : 1000))
  const found = waiting.exec(text)?.[1]
  if (found === undefined) return null
  let total = 0
  for (const match of found.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/gi))
    total += Number(match[1]) * (unitMillis[(match[2] ?? "").toLowerCase()] ?? 0)
  return total > 0 ? Math.ceil(total) : null
}

/** How far the zone's clock is ahead of UTC at that instant; an unknown zone counts as UTC. */
const offsetMillis = (zone: string, atMillis: number): number => {
  try {
    const parts = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric"
    }).formatToParts(atMillis)
    const value = (type: string): number => Number(parts.find((one) => one.type === type)?.value ?? 0)
    return (
      Date.UTC(value("year"), value("month") - 1, value("day"), value("hour"), value("minute"), value("second")) -
      Math.floor(atMillis / 1000) * 1000
    )
  } catch {
    return 0
  }
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
const clock = String.raw`(\d{1,2})(?::(\d{2}))?\s*([ap]\.?m\.?)?`
const day = String.raw`(?:(${months.join("|")})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s*(?:(\d{4}),?)?\s*(?:at\s+)?)?`
const stated = new RegExp(
  String.raw`(?:resets?|reset at|try again|available again|until)\s*(?:at|on|after)?\s*${day}${clock}(?:\s*\(([A-Za-z_]+(?:/[A-Za-z_+-]+)*(?:[+-]\d+)?)\))?`,
  "i"
)

/** A clock time with or without a day: `resets 12:50pm (Europe/Paris)`, `try again at Oct 2nd, 2025 3:45 PM`. */
const clockMillis = (text: string, nowMillis: number): number | null => {
  const match = stated.exec(text)
  if (match === null || (match[5] === undefined && match[6] === undefined)) return null
  const meridiem = (match[6] ?? "").replaceAll(".", "").toLowerCase()
  const hour = (Number(match[4]) % (meridiem === "" ? 24 : 12)) + (meridiem === "pm" ? 12 : 0)
  const zone = match[7] ?? "UTC"
  const offset = offsetMillis(zone, nowMillis)
  const local = new Date(nowMillis + offset)
  const month = match[1] === undefined ? local.getUTCMonth() : months.indexOf(match[1].toLowerCase())
  const date = match[2] === undefined ? local.getUTCDate() : Number(match[2])
  const at = (year: number, addDays: number): number => {
    const wall = Date.UTC(year, month, date + addDays, hour, Number(match[5] ?? 0))
    return wall - offsetMillis(zone, wall - offset)
  }
  const year = match[3] === undefined ? local.getUTCFullYear() : Number(match[3])
  const first = at(year, 0)
  if (first >= nowMillis - 60_000 || match[3] !== undefined) return first
  return match[1] === undefined ? at(year, 1) : at(year + 1, 0)
}

const epoch = (digits: string): number => (digits.length > 11 ? Number(digits) : Number(digits) * 1000)

/** When the limit ends (epoch milliseconds), or null where the text does not say. */
export const resetMillis = (text: string, nowMillis: number): number | null => {
  const instant =
    /(?:\breached\s*\||resets?_?at["']?\s*[:=]\s*["']?|ratelimit-reset["']?\s*[:=]\s*["']?)(\d{10,13})\b/i.exec(text)
  if (instant?.[1] !== undefined) return epoch(instant[1])
  const seconds = /resets?_in_seconds["']?\s*[:=]\s*(\d+)/i.exec(text)
  if (seconds?.[1] !== undefined) return nowMillis + Number(seconds[1]) * 1000
  const iso = /\b(\d{4}-\d{2}-\d{2})(?:T|\s+(?:at\s+)?)(\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?\s*(?:Z|UTC|\+00:?00)/i.exec(
    text
  )
  if (iso !== null) return Date.parse(`${iso[1]}T${iso[2]}Z`)
  const wait = waitMillis(text)
  return wait === null ? clockMillis(text, nowMillis) : nowMillis + wait
}

/** The next midnight in UTC, at which daily quotas start anew. */
export const nextMidnightMillis = (nowMillis: number): number => (Math.floor(nowMillis / 86_400_000) + 1) * 86_400_000
