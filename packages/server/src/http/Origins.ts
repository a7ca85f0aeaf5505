/**
 * Which Host and Origin headers are answered. A page of another origin, or a name that was rebound to this machine, must not be able
 * to speak to a server on loopback: the host has to be one of ours, and an origin has to be ours or allow-listed.
 */
import { isLoopback, type ServerConfig } from "../ServerConfig.ts"

export interface Origins {
  /** `api`: the API's own names · `project`: a name under the domain, for the edge · null: not ours. */
  host(header: string | undefined): "api" | "project" | null
  /** No header counts as allowed: it is not a browser's cross-origin request. */
  origin(header: string | undefined, hostHeader: string | undefined): boolean
  /** Whether it was named in RDEV_ALLOWED_ORIGINS, so that its pages may read what is answered. */
  isListed(header: string | undefined): header is string
}

/** Lower-case name without the port; null when it is no host at all. */
export const nameOf = (header: string | undefined): string | null => {
  if (header === undefined) return null
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]+))(?::\d{1,5})?$/.exec(header)
  return found === null ? null : (found[1] ?? found[2] ?? "").toLowerCase().replace(/\.$/, "")
}

export const make = (config: ServerConfig): Origins => {
  const publicHost = config.publicUrl === null ? null : new URL(config.publicUrl).hostname
  const own = new Set([config.host, ...config.allowedHosts, ...(publicHost === null ? [] : [publicHost])])
  const suffix = `.${config.domain}`
  // Bound to all addresses, an address in the Host header is our own; a name has to be listed.
  const anyAddress = config.host === "0.0.0.0" || config.host === "::"
  const isApi = (name: string) =>
    own.has(name) || isLoopback(name) || (anyAddress && (/^[\d.]+$/.test(name) || name.includes(":")))
  const origins = new Set([
    ...config.allowedOrigins,
    ...(config.publicUrl === null ? [] : [new URL(config.publicUrl).origin])
  ])
  return {
    host: (header) => {
      const name = nameOf(header)
      if (name === null) return null
      return isApi(name) ? "api" : name.endsWith(suffix) ? "project" : null
    },
    isListed: (header): header is string => header !== undefined && config.allowedOrigins.includes(header),
    origin: (header, hostHeader) => {
      if (header === undefined) return true
      if (origins.has(header)) return true
      const parsed = URL.parse(header)
      // Same origin. The Host has been checked before, so it is ours.
      return (
        parsed !== null && parsed.host === hostHeader && (parsed.protocol === "http:" || parsed.protocol === "https:")
      )
    }
  }
}
