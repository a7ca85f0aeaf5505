/** Whether an address lies in one of some ranges. */
import { BlockList, isIP } from "node:net"

/** IPv4 in IPv6 (`::ffff:10.0.0.1`) counts as IPv4. */
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "")

export const inRange = (address: string, cidrs: ReadonlyArray<string>): boolean => {
  const ip = plain(address)
  const family = isIP(ip)
  if (family === 0) return false
  return cidrs.some((cidr) => {
    const [network = "", bits = ""] = cidr.split("/")
    if (isIP(network) !== family) return false
    const range = new BlockList()
    range.addSubnet(network, Number(bits), family === 4 ? "ipv4" : "ipv6")
    return range.check(ip, family === 4 ? "ipv4" : "ipv6")
  })
}
