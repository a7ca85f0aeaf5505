/**
 * Where Redis is, in one line: `redis://user:password@host:6379/0`, `rediss://` with TLS. Several servers stand before the path, separated by
 * commas: `redis+sentinel://…@sentinel-1:26379,sentinel-2:26379/0?master=mymaster` and `redis+cluster://…@node-1:6379,node-2:6379`, each with
 * `rediss+` for TLS. User and password are those of Redis itself; of Sentinel they are `sentinelUser` and `sentinelPassword` after the `?`. Pure.
 */
export interface Host {
  readonly host: string
  readonly port: number
}
export interface Address {
  readonly kind: "single" | "sentinel" | "cluster"
  readonly tls: boolean
  readonly hosts: readonly [Host, ...ReadonlyArray<Host>]
  readonly username: string | null
  readonly password: string | null
  readonly db: number
  /** Of Sentinel: the name of the primary. */
  readonly master: string | null
  readonly sentinelUser: string | null
  readonly sentinelPassword: string | null
}

const form = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/(\d{0,5}))?(?:\?([^#]*))?$/
const hostForm = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/
export const expected =
  "expected redis://user:password@host:6379/0, with rediss:// for TLS, or redis+sentinel://…@host,host/0?master=NAME, or redis+cluster://…@host,host"

const hostOf = (text: string, port: number): Host | null => {
  const [, host, given] = hostForm.exec(text) ?? []
  const number = given === undefined ? port : Number(given)
  return host === undefined || number < 1 || number > 65_535
    ? null
    : { host: host.replace(/^\[|\]$/g, ""), port: number }
}
const decoded = (text: string | undefined): string | null => {
  if (text === undefined || text === "") return null
  try {
    return decodeURIComponent(text)
  } catch {
    // A bare % is what people paste; it stands for itself.
    return text
  }
}

/** null = it is none. */
export const parse = (url: string): Address | null => {
  const [, scheme, topology, user, list = "", db = "", query = ""] = form.exec(url.trim()) ?? []
  if (scheme === undefined) return null
  const kind = topology === "sentinel" || topology === "cluster" ? topology : "single"
  const hosts = list.split(",").map((one) => hostOf(one.trim(), kind === "sentinel" ? 26_379 : 6_379))
  const [first, ...rest] = hosts.filter((one) => one !== null)
  const colon = user?.indexOf(":") ?? -1
  const parameters = new URLSearchParams(query)
  const master = parameters.get("master")
  const foreign = [...parameters.keys()].some((name) => !["master", "sentinelUser", "sentinelPassword"].includes(name))
  if (first === undefined || hosts.includes(null) || foreign || (kind === "sentinel") !== (master !== null)) return null
  if ((kind === "single" && rest.length > 0) || (kind === "cluster" && Number(db) > 0)) return null
  return {
    kind,
    tls: scheme === "rediss",
    hosts: [first, ...rest],
    username: decoded(colon < 0 ? user : user?.slice(0, colon)),
    password: colon < 0 ? null : decoded(user?.slice(colon + 1)),
    db: Number(db),
    master,
    sentinelUser: parameters.get("sentinelUser"),
    sentinelPassword: parameters.get("sentinelPassword")
  }
}

const shown = ({ host, port }: Host) => `${host.includes(":") ? `[${host}]` : host}:${port}`
/** The same place for another user. */
export const urlFor = (address: Address, user: string, password: string, at: string | null): string => {
  const scheme = `${address.tls ? "rediss" : "redis"}${address.kind === "single" || at !== null ? "" : `+${address.kind}`}`
  const path = address.kind === "cluster" ? "" : `/${address.db}`
  const query = address.kind === "sentinel" && at === null ? `?master=${encodeURIComponent(address.master ?? "")}` : ""
  return `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${at ?? address.hosts.map(shown).join(",")}${path}${query}`
}
/** Without its secrets, for people. */
export const describe = ({ hosts, kind, tls }: Address): string =>
  `${hosts.map(shown).join(", ")}${kind === "single" ? "" : ` (${kind})`}${tls ? " with TLS" : ""}`
