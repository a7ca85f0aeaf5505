/**
 * Pure: whether an address belongs to the public Internet, and which others an operator allows. It resolves no names, and it cannot
 * recognise an IPv4 address behind a network's own NAT64 prefix: there the network has to refuse.
 */
import { Result } from "effect"
import { BlockList, isIP } from "node:net"

/** An address: null also for one with a zone id, which means an interface of this machine. */
const familyOf = (address: string): "ipv4" | "ipv6" | null => {
  const version = isIP(address)
  if (version === 4) return "ipv4"
  return version === 6 && !address.includes("%") ? "ipv6" : null
}

/**
 * https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. The few globally reachable anycast addresses inside
 * 192.0.0.0/24 are refused with the rest: nobody receives webhooks there.
 */
const special4: ReadonlyArray<readonly [network: string, prefix: number]> = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4]
]

/**
 * https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it lies inside `reachable`. Teredo (in 2001::/23) and 6to4
 * (2002::/16) lead to any IPv4 address.
 */
const special6: ReadonlyArray<readonly [network: string, prefix: number]> = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20]
]

/** Prefixes under which the last 32 bits are an IPv4 address: IPv4-mapped (RFC 4291) and NAT64 (RFC 6052). */
const embedding = ["::ffff:", "64:ff9b::"]

/** 2000::/3 is all of IPv6 that IANA gives out as global unicast. */
const reachable = new BlockList()
reachable.addSubnet("0.0.0.0", 0, "ipv4")
reachable.addSubnet("2000::", 3, "ipv6")

const special = new BlockList()
for (const [network, prefix] of special6) special.addSubnet(network, prefix, "ipv6")
for (const [network, prefix] of special4) special.addSubnet(network, prefix, "ipv4")
for (const start of embedding) {
  reachable.addSubnet(`${start}0.0.0.0`, 96, "ipv6")
  for (const [network, prefix] of special4) special.addSubnet(`${start}${network}`, 96 + prefix, "ipv6")
}

/** False for whatever is not an address. */
export const isPublic = (address: string): boolean => {
  const family = familyOf(address)
  return family !== null && reachable.check(address, family) && !special.check(address, family)
}

/** `host` as URL writes it (lower case, ASCII), without the brackets of an IPv6 address and without a last dot. */
export type Allowed = (host: string, address: string) => boolean

/** A name that URL would read as an IPv4 address (`10.1`) could never match, so it is none. */
const isName = (text: string): boolean =>
  /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(text) && URL.parse(`http://${text}`)?.hostname === text

/**
 * Entries are host names (`hooks.internal`: exactly this name, whatever it resolves to), addresses (`127.0.0.1`, `::1`) and ranges
 * (`10.1.0.0/16`). Fails with the first entry that is none of them.
 */
export const allowing = (entries: ReadonlyArray<string>): Result.Result<Allowed, string> => {
  const names = new Set<string>()
  const ranges = new BlockList()
  for (const entry of entries) {
    const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(entry) ?? []
    const family = familyOf(address)
    const longest = family === "ipv4" ? 32 : 128
    const prefix = bits === undefined ? longest : Number(bits)
    const name = entry.toLowerCase()
    if (family !== null && prefix <= longest) ranges.addSubnet(address, prefix, family)
    else if (isName(name)) names.add(name)
    else return Result.fail(entry)
  }
  return Result.succeed((host, address) => {
    const family = familyOf(address)
    return names.has(host) || (family !== null && ranges.check(address, family))
  })
}
