import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import {
  type Architecture,
  assemble,
  auditOf,
  evaluate,
  filter,
  meaning,
  namespaceFlags,
  numbersOf,
  refused,
  unshareFlags,
  youngest
} from "../src/sandbox/Seccomp.ts"

const architectures: ReadonlyArray<Architecture> = ["x64", "arm64"]

describe.each(architectures)("the filter of system calls on %s", (architecture) => {
  const program = filter(architecture)
  const number = numbersOf(architecture)
  const answer = (call: number, ...given: ReadonlyArray<number>) =>
    meaning(evaluate(program, { architecture: auditOf(architecture), number: call, arguments: given }))

  it("refuses what is on the list, with its error", () => {
    for (const [name, { error, numbers }] of Object.entries(refused)) {
      const at = numbers[architecture]
      if (at !== null) assert.strictEqual(answer(at), error, name)
    }
  })

  it("does not have two names for one number", () => {
    const all = [
      ...Object.values(refused).flatMap(({ numbers }) => numbers[architecture] ?? []),
      number.clone,
      number.unshare,
      number.socket,
      number.socketpair,
      number.ioctl,
      number.personality
    ]
    assert.strictEqual(new Set(all).size, all.length)
  })

  it("lets everything else through that it knows, whatever the arguments, and nothing younger exists", () => {
    const judged = new Set([
      ...Object.values(refused).flatMap(({ numbers }) => numbers[architecture] ?? []),
      number.clone,
      number.unshare,
      number.socket,
      number.socketpair,
      number.ioctl,
      number.personality
    ])
    fc.assert(
      fc.property(
        fc.nat({ max: youngest }),
        fc.array(fc.nat({ max: 0xffff_ffff }), { maxLength: 6 }),
        (call, given) => judged.has(call) || answer(call, ...given) === "ALLOW"
      )
    )
    fc.assert(fc.property(fc.integer({ min: youngest + 1, max: 0x3fff_ffff }), (call) => answer(call) === "ENOSYS"))
  })

  it("ends a program of another architecture, and does not have x32", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 0xffff_ffff }).filter((other) => other !== auditOf(architecture)),
        fc.nat(),
        (other, call) => meaning(evaluate(program, { architecture: other, number: call })) === "KILL"
      )
    )
    fc.assert(fc.property(fc.nat({ max: youngest }), (call) => answer(0x4000_0000 + call) === "ENOSYS"))
  })

  it("tells threads and forks from new namespaces", () => {
    const thread = 0x3d0f00
    fc.assert(
      fc.property(fc.nat({ max: 0xffff_ffff }), (flags) => {
        assert.strictEqual(answer(number.clone, flags), (flags & namespaceFlags) === 0 ? "ALLOW" : "EPERM")
        assert.strictEqual(answer(number.unshare, flags), (flags & unshareFlags) === 0 ? "ALLOW" : "EPERM")
      })
    )
    assert.strictEqual(answer(number.clone, thread), "ALLOW")
    assert.strictEqual(answer(number.clone, 17), "ALLOW")
    for (const one of [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000])
      assert.strictEqual(answer(number.clone, one | 17), "EPERM")
    assert.strictEqual(answer(number.unshare, 0x80), "EPERM")
    assert.strictEqual(answer(number.unshare, 0x400), "ALLOW")
  })

  it("knows four families of sockets, and of netlink only the routes", () => {
    for (const [family, protocol, expected] of [
      [1, 0, "ALLOW"],
      [2, 6, "ALLOW"],
      [2, 262, "ALLOW"],
      [10, 17, "ALLOW"],
      [2, 132, "EPROTONOSUPPORT"],
      [10, 33, "EPROTONOSUPPORT"],
      [16, 0, "ALLOW"],
      [16, 12, "EPROTONOSUPPORT"]
    ] as const) {
      assert.strictEqual(answer(number.socket, family, 1, protocol), expected, `${family} ${protocol}`)
    }
    for (const family of [0, 3, 5, 15, 17, 21, 29, 30, 31, 38, 40, 43, 44, 45])
      assert.strictEqual(answer(number.socket, family, 1, 0), "EAFNOSUPPORT", String(family))
    assert.strictEqual(answer(number.socketpair, 1), "ALLOW")
    assert.strictEqual(answer(number.socketpair, 30), "EAFNOSUPPORT")
  })

  it("refuses typing into a terminal and odd personalities", () => {
    assert.strictEqual(answer(number.ioctl, 0, 0x5412), "EPERM")
    assert.strictEqual(answer(number.ioctl, 0, 0x541c), "EPERM")
    assert.strictEqual(answer(number.ioctl, 0, 0x5401), "ALLOW")
    for (const one of [0, 8, 0xffff_ffff]) assert.strictEqual(answer(number.personality, one), "ALLOW")
    for (const one of [0x40_0000, 0x4_0000, 6, 1]) assert.strictEqual(answer(number.personality, one), "EPERM")
  })

  it("is a program that the kernel takes: small, ends with an answer", () => {
    assert.isBelow(program.byteLength / 8, 4096)
    assert.strictEqual(program.readUInt16LE(program.byteLength - 8), 0x06)
  })
})

describe("assemble", () => {
  it("refuses jumps that cannot be made", () => {
    const far = Array.from({ length: 256 }, () => ({ op: "return", value: 0 }) as const)
    assert.throws(() => assemble([{ op: "if", test: "equal", value: 1, yes: "away", no: null }]), /away/)
    assert.throws(
      () =>
        assemble([
          { op: "label", name: "behind" },
          { op: "return", value: 0 },
          { op: "if", test: "equal", value: 1, yes: "behind", no: null }
        ]),
      /behind/
    )
    assert.throws(
      () =>
        assemble([
          { op: "if", test: "equal", value: 1, yes: "far", no: null },
          ...far,
          { op: "label", name: "far" },
          { op: "return", value: 0 }
        ]),
      /far/
    )
  })
})
