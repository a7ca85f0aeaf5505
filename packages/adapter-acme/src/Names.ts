/** Which certificate a host name is served with. Pure. */

export type Coverage = "wildcard" | "exact"
export interface Names {
  /** Names the certificate. */
  readonly base: string
  readonly names: ReadonlyArray<string>
}

/**
 * `wildcard`: one certificate for all host names of a project, `<project>.<domain>` with `*.<project>.<domain>`: authorities count
 * certificates per domain and week. A name that lies deeper, or elsewhere, has one of its own.
 */
export const of = (host: string, domain: string, coverage: Coverage): Names => {
  const labels = host.endsWith(`.${domain}`) ? host.slice(0, -domain.length - 1).split(".") : []
  if (coverage === "exact" || labels.length === 0 || labels.length > 2) return { base: host, names: [host] }
  const base = `${labels.at(-1) ?? ""}.${domain}`
  return { base, names: [base, `*.${base}`] }
}

/** Whether a certificate for these names serves the host. */
export const covers = (names: ReadonlyArray<string>, host: string): boolean =>
  names.includes(host) || names.includes(`*.${host.slice(host.indexOf(".") + 1)}`)
