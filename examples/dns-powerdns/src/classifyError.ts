/** What an answer of PowerDNS means; null = it is none of an error. Pure. */
import type { PortReason } from "@rdev/core/ports/infra/PortReason"

export const classifyError = (status: number, text: string, zone: string): PortReason | null => {
  if (status < 300) return null
  const said = /"error"\s*:\s*"([^"]*)"/.exec(text)?.[1] ?? text.slice(0, 200)
  const message = `PowerDNS answered ${status}: ${said}`
  if (status === 401 || status === 403) return { _tag: "Unauthorized", message: "PowerDNS refuses the key" }
  if (status === 404) return { _tag: "NotFound", message: `PowerDNS has no zone ${zone}` }
  if (status === 422 && /conflict/i.test(said)) return { _tag: "Conflict", message }
  if (status === 400 || status === 422) return { _tag: "Invalid", field: "record", message }
  if (status === 409) return { _tag: "Conflict", message }
  if (status === 429) return { _tag: "RateLimited", message, retryAfterMillis: null }
  return status >= 500 ? { _tag: "Unavailable", message } : { _tag: "Unknown", message }
}
