import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { isIP } from "node:net"
import { allowing, isPublic } from "../src/http/PublicAddress.ts"

/** First and last address of every range that is not public, and the public neighbours it has. */
const ranges: ReadonlyArray<readonly [first: string, last: string, neighbours: ReadonlyArray<string>]> = [
  ["0.0.0.0", "0.255.255.255", ["1.0.0.0"]],
  ["10.0.0.0", "10.255.255.255", ["9.255.255.255", "11.0.0.0"]],
  ["100.64.0.0", "100.127.255.255", ["100.63.255.255", "100.128.0.0"]],
  ["127.0.0.0", "127.255.255.255", ["126.255.255.255", "128.0.0.0"]],
  ["169.254.0.0", "169.254.255.255", ["169.253.255.255", "169.255.0.0"]],
  ["172.16.0.0", "172.31.255.255", ["172.15.255.255", "172.32.0.0"]],
  ["192.0.0.0", "192.0.0.255", ["191.255.255.255", "192.0.1.0"]],
  ["192.0.2.0", "192.0.2.255", ["192.0.1.255", "192.0.3.0"]],
  ["192.88.99.0", "192.88.99.255", ["192.88.98.255", "192.88.100.0"]],
  ["192.168.0.0", "192.168.255.255", ["192.167.255.255", "192.169.0.0"]],
  ["198.18.0.0", "198.19.255.255", ["198.17.255.255", "198.20.0.0"]],
  ["198.51.100.0", "198.51.100.255", ["198.51.99.255", "198.51.101.0"]],
  ["203.0.113.0", "203.0.113.255", ["203.0.112.255", "203.0.114.0"]],
  ["224.0.0.0", "255.255.255.255", ["223.255.255.255"]],
  ["::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2000::"]],
  ["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", ["2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"]],
  ["2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"]],
  ["2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"]],
  ["3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", ["3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"]],
  ["4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]]
]

/** The spellings of an IPv4 address inside an IPv6 address that is judged like it. */
const embedded = (address: string): ReadonlyArray<string> => {
  const hex = address
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join("")
  const [high, low] = [hex.slice(0, 4), hex.slice(4)]
  return [
    `::ffff:${address}`,
    `::FFFF:${high}:${low}`,
    `0:0:0:0:0:ffff:${address}`,
    `0000:0000:0000:0000:0000:ffff:${high}:${low}`,
    `64:ff9b::${address}`,
    `64:ff9b::${high}:${low}`,
    `0064:FF9B:0:0:0:0:${high}:${low}`
  ]
}
const spellings = (address: string): ReadonlyArray<string> =>
  isIP(address) === 4 ? [address, ...embedded(address)] : [address, address.toUpperCase()]

describe("isPublic", () => {
  it.each(ranges)("%s to %s", (first, last, neighbours) => {
    for (const address of [first, last].flatMap(spellings)) assert.isFalse(isPublic(address), address)
    for (const address of neighbours.flatMap(spellings)) assert.isTrue(isPublic(address), address)
  })

  it.each([
    ["the cloud's metadata", "169.254.169.254"],
    ["loopback", "::1"],
    ["IPv4-compatible", "::127.0.0.1"],
    ["IPv4-compatible, public inside", "::8.8.8.8"],
    ["IPv4-translated", "::ffff:0:8.8.8.8"],
    ["local NAT64", "64:ff9b:1::8.8.8.8"],
    ["beside NAT64", "64:ff9b:0:0:0:1:808:808"],
    ["discard", "100::1"],
    ["Teredo", "2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    ["6to4 of 127.0.0.1", "2002:7f00:1::"],
    ["segment routing", "5f00::1"],
    ["unique local", "fd00:ec2::254"],
    ["link local", "fe80::1"],
    ["site local", "fec0::1"],
    ["multicast", "ff02::1"],
    ["zone of a link", "fe80::1%eth0"],
    ["zone of a public address", "2606:4700::1111%1"],
    ["brackets", "[2606:4700::1111]"],
    ["a decimal number", "134744072"],
    ["leading zeros", "010.8.8.8"],
    ["three parts", "8.8.8"],
    ["a port", "8.8.8.8:80"],
    ["a range", "8.8.8.0/24"],
    ["blanks", " 8.8.8.8"],
    ["a name", "example.com"],
    ["nothing", ""]
  ])("refuses %s: %s", (_, address) => assert.isFalse(isPublic(address)))

  it.each([
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "2620:4f:8000::1"
  ])("accepts %s", (address) => assert.isTrue(isPublic(address)))
})

describe("allowing", () => {
  const allowed = Result.getOrThrow(
    allowing(["hooks.internal", "Build_Server", "127.0.0.1", "::1", "10.1.0.0/16", "fd00:1::/32", "192.168.7.7/32"])
  )

  it.each([
    ["hooks.internal", "10.9.9.9"],
    ["hooks.internal", "fe80::1%eth0"],
    ["build_server", "172.16.0.1"],
    ["127.0.0.1", "127.0.0.1"],
    ["localhost", "127.0.0.1"],
    ["::ffff:7f00:1", "::ffff:7f00:1"],
    ["::1", "0:0:0:0:0:0:0:1"],
    ["any.example", "10.1.255.255"],
    ["any.example", "::ffff:10.1.0.1"],
    ["any.example", "fd00:1:ffff::1"],
    ["any.example", "192.168.7.7"]
  ])("%s at %s", (host, address) => assert.isTrue(allowed(host, address)))

  it.each([
    ["x.hooks.internal", "10.9.9.9"],
    ["internal", "10.9.9.9"],
    ["hooks.internal.evil.example", "10.9.9.9"],
    ["any.example", "127.0.0.2"],
    ["any.example", "10.2.0.0"],
    ["any.example", "::2"],
    ["any.example", "0.0.0.1"],
    ["any.example", "fd00:2::1"],
    ["any.example", "192.168.7.8"],
    ["any.example", "8.8.8.8"],
    ["any.example", "::1%lo"],
    ["any.example", ""]
  ])("not %s at %s", (host, address) => assert.isFalse(allowed(host, address)))

  it("allows nothing without entries", () => assert.isFalse(Result.getOrThrow(allowing([]))("localhost", "127.0.0.1")))

  it.each([
    "",
    " ",
    "*",
    "*.internal",
    "http://hooks.internal",
    "hooks.internal:80",
    "hooks.internal/24",
    "hooks.internal.",
    "10.1",
    "10.1.0",
    "0x7f.1",
    "2130706433",
    "256.1.1.1",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "::/129",
    "[::1]",
    "fe80::1%eth0",
    "a b",
    "a,b",
    "..",
    "-/-"
  ])("names the malformed entry %j", (entry) =>
    assert.deepStrictEqual(allowing(["127.0.0.1", entry, "also bad!"]), Result.fail(entry))
  )
})
