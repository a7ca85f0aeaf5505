/**
 * What a tenant may do, as an ACL user of Redis 7: everything that touches keys and channels of its own prefix alone. Pure. The user carries
 * whose it is in a key pattern within its own prefix (`~rdev_shop:#proj_…`), which allows nothing more and is kept wherever users are kept.
 */
import { createHash } from "node:crypto"

export interface Names {
  readonly user: string
  /** Every key and channel of the tenant begins with it. */
  readonly prefix: string
}
/** A prefix of installations ends in an underscore, which no project's name holds: two never make the same user. */
export const prefixPattern = /^[a-z][a-z0-9]{0,14}_$/
const namePattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

/** In a cluster the prefix is a hash tag: all keys of a tenant lie in one slot, as scripts and transactions need it. null = no such name. */
export const namesOf = (prefix: string, name: string, cluster: boolean): Names | null =>
  namePattern.test(name)
    ? { user: `${prefix}${name}`, prefix: cluster ? `{${prefix}${name}}:` : `${prefix}${name}:` }
    : null

export const hashOf = (password: string): string => createHash("sha256").update(password).digest("hex")

/**
 * Beyond `@dangerous` and `@admin`, what is the whole server's: libraries of functions (one tenant would replace another's, and run in its
 * name), the cache of scripts and their debugger (it can stop the server), lists of channels, and what tells of every key that changes (tracking).
 */
const shared = [
  "-function",
  "-script|flush",
  "-script|kill",
  "-script|debug",
  "-client|tracking",
  "-client|caching",
  "-pubsub",
  "-memory",
  "+memory|usage",
  "-cluster",
  "+cluster|slots",
  "+cluster|shards",
  "+cluster|nodes",
  "+cluster|info",
  "+cluster|keyslot",
  "+cluster|myid",
  // Clients ask it whether the server is ready, and of which version it is.
  "+info"
]
/** They are not held to key patterns: whoever may use them reads the names of all keys. */
const namesOfOthers = ["-scan", "-randomkey"]

export interface Rules {
  /** Whether tenants may use SCAN and RANDOMKEY. */
  readonly names: "hidden" | "visible"
}
const ownerMark = ({ prefix }: Names, owner: string) => `~${prefix}#${owner}`

/** Arguments of ACL SETUSER after the name: the rights anew, as a whole; passwords and whether it is on stay. */
export const rights = (names: Names, owner: string, { names: seen }: Rules): ReadonlyArray<string> => [
  "resetkeys",
  `~${names.prefix}*`,
  ownerMark(names, owner),
  "resetchannels",
  `&${names.prefix}*`,
  "nocommands",
  "+@all",
  "-@admin",
  "-@dangerous",
  ...shared,
  ...(seen === "hidden" ? namesOfOthers : [])
]

export interface Found {
  readonly user: string
  /** null = it does not carry our mark. */
  readonly owner: string | null
  /** SHA-256 of each password, in hex. */
  readonly hashes: ReadonlyArray<string>
}
/** A line of ACL LIST. */
export const parse = (line: string): Found | null => {
  const [kind, user, ...words] = line.split(" ")
  if (kind !== "user" || user === undefined) return null
  const mark = words
    .map((word) => /^~\{?([^:{}*]+)\}?:#([A-Za-z0-9_-]+)$/.exec(word))
    .find((found) => found?.[1] === user)
  return {
    user,
    owner: mark?.[2] ?? null,
    hashes: words.filter((word) => /^#[0-9a-f]{64}$/.test(word)).map((word) => word.slice(1))
  }
}
