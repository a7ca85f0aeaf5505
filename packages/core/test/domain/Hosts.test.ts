import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import * as Hosts from "../../src/domain/hosts/Hosts.ts"

const characters = "abcdefghijklmnopqrstuvwxyz0123456789"
const word = (max: number, first = characters) =>
  fc
    .tuple(
      fc.constantFrom(...first),
      fc.string({ unit: fc.constantFrom(..."ab0-"), maxLength: max - 2 }),
      fc.constantFrom(...characters, "")
    )
    .map(([head, middle, end]) => (end === "" ? `${head}${middle}`.replace(/-+$/, "") : `${head}${middle}${end}`))
const project = word(40, "abcxyz").filter((name) => !name.includes("--"))
const feature = fc.oneof(word(63), word(8), fc.constantFrom("xn", "ab", "a", "a--b", "staging", "xn--a"))
const part = word(63).filter((name) => !name.startsWith("--", 2) && !["staging", "production"].includes(name))
const domain = fc.constantFrom(
  "localhost",
  "apps.example.org",
  "xn--bcher-kva.example",
  `${"d".repeat(60)}.${"e".repeat(60)}.org`
)
const place = fc
  .tuple(project, fc.constantFrom("production", "staging", "preview"), feature, fc.option(part, { nil: null }))
  .map(([name, kind, slug, one]): Hosts.Place => ({
    ...(kind === "preview" ? Hosts.preview(name, slug) : Hosts[kind as "production" | "staging"](name)),
    component: one
  }))

describe("Hosts", () => {
  it("names every place by a host name that fits, below the domain, and that no browser takes for an encoding", () => {
    fc.assert(
      fc.property(place, domain, (one, under) => {
        assert.isNull(Hosts.faultOf(one, under), JSON.stringify(one))
        const host = Hosts.hostOf(one, under)
        assert.isTrue(Hosts.isHostName(host), host)
        assert.isAtMost(host.length, 253)
        for (const label of Hosts.nameOf(one).split(".")) {
          assert.isAtMost(label.length, 63)
          assert.notStrictEqual(label.slice(2, 4), "--")
        }
        assert.strictEqual(URL.parse(`http://${host}/`)?.hostname, host)
      })
    )
  })

  it("reads every name back as the place it was given to, a shortened feature by its short name", () => {
    fc.assert(
      fc.property(place, domain, (one, under) => {
        const host = Hosts.hostOf(one, under)
        const back = Hosts.placeOf(host, under)
        assert.strictEqual(back === null ? null : Hosts.hostOf(back, under), host)
        assert.deepInclude(back, { project: one.project, kind: one.kind, component: one.component })
        if (
          one.kind === "preview" &&
          one.name.length > 2 &&
          one.name.length + one.project.length <= 61 &&
          !one.name.startsWith("--", 2)
        )
          assert.strictEqual(back?.name, one.name)
      })
    )
  })

  it("gives no two places one name", () => {
    fc.assert(
      fc.property(fc.uniqueArray(place, { selector: (one) => JSON.stringify(one), maxLength: 30 }), (places) => {
        assert.deepStrictEqual(Hosts.collisions(places, "localhost"), [])
      })
    )
  })

  it("tells features apart that are the same as far as they fit", () => {
    const long = "add-a-page-that-says-what-we-do-and-why-we-do-it-and-how"
    const names = [`${long}-one`, `${long}-two`].map((slug) =>
      Hosts.nameOf(Hosts.preview("a-project-with-a-long-name", slug))
    )
    assert.notStrictEqual(names[0], names[1])
    assert.isTrue(
      names.every((name) => name.startsWith("add-a-page-that") && name.endsWith("--a-project-with-a-long-name"))
    )
  })

  it.each([
    ["hello.localhost", { project: "hello", kind: "production", name: "production", component: null }],
    ["staging.hello.localhost", { project: "hello", kind: "staging", name: "staging", component: null }],
    ["add-page--hello.localhost", { project: "hello", kind: "preview", name: "add-page", component: null }],
    ["api.hello.localhost", { project: "hello", kind: "production", name: "production", component: "api" }],
    ["api.staging.hello.localhost", { project: "hello", kind: "staging", name: "staging", component: "api" }],
    ["api.add-page--hello.localhost", { project: "hello", kind: "preview", name: "add-page", component: "api" }],
    ["staging.localhost", { project: "staging", kind: "production", name: "production", component: null }],
    ["a.b.hello.localhost", null],
    ["a.staging.x--hello.localhost", null],
    ["staging.x--hello.localhost", null],
    ["localhost", null],
    ["hello.localhost.evil.org", null],
    ["evillocalhost", null],
    [".localhost", null],
    ["HELLO.localhost", null],
    ["-a.localhost", null],
    ["a..localhost", null],
    [`${"a".repeat(64)}.localhost`, null],
    ["a_b.localhost", null],
    ["", null]
  ] as const)("%s", (host, expected) => assert.deepStrictEqual(Hosts.placeOf(host, "localhost"), expected))

  it("still finds a project whose name holds -- from before, after the preview of that name", () => {
    assert.deepStrictEqual(Hosts.readings("a--b.localhost", "localhost"), [
      Hosts.preview("b", "a"),
      Hosts.production("a--b")
    ])
    assert.deepStrictEqual(Hosts.readings("staging.a--b.localhost", "localhost").at(-1), Hosts.staging("a--b"))
  })

  it.each([
    [Hosts.production("a--b"), "project"],
    [Hosts.production("xn--a"), "project"],
    [Hosts.production("A"), "project"],
    [Hosts.preview("hello", ""), "feature"],
    [Hosts.preview("hello", "a.b"), "feature"],
    [Hosts.component(Hosts.production("hello"), "staging"), "component"],
    [Hosts.component(Hosts.production("hello"), "production"), "component"],
    [Hosts.component(Hosts.staging("hello"), "xn--a"), "component"],
    [Hosts.component(Hosts.staging("hello"), "a.b"), "component"],
    [{ ...Hosts.staging("hello"), name: "qa" }, "environment"],
    [{ ...Hosts.staging("hello"), name: "q/a" }, "environment"]
  ] as const)("refuses %j for its %s", (one, field) => {
    const fault = Hosts.faultOf(one, "localhost")
    assert.strictEqual(fault?.field, field)
    assert.isAbove((fault?.fix ?? "").length, 5)
  })

  it("tells places of one name, and names that grow too long for DNS", () => {
    const [first, second] = [Hosts.component(Hosts.production("hello"), "staging"), Hosts.staging("hello")]
    assert.deepStrictEqual(Hosts.collisions([first, second, Hosts.production("hello")], "localhost"), [
      { host: "staging.hello.localhost", places: [first, second] }
    ])
    const under = Array.from({ length: 5 }, () => "d".repeat(49)).join(".")
    assert.strictEqual(Hosts.faultOf(Hosts.production("hello"), under)?.field, "host")
    assert.isTrue(Result.isFailure(Hosts.domainOf(under)))
  })

  it.each([
    ["www.example.org", "www.example.org"],
    ["  WWW.Example.ORG. ", "www.example.org"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["例え.テスト", "xn--r8jz45g.xn--zckzah"],
    ["example", null],
    ["127.0.0.1", null],
    ["0x7f.1", null],
    ["2130706433", null],
    ["[::1]", null],
    ["::1", null],
    ["*.example.org", null],
    ["a b.example", null],
    ["http://example.org", null],
    ["example.org:80", null],
    ["example.org/x", null],
    ["user@example.org", null],
    ["example..org", null],
    ["xn--.example", null],
    ["a_b.example", null],
    ["-a.example", null],
    [`${"a".repeat(64)}.example`, null],
    [`${"abc.".repeat(70)}example`, null],
    ["hello.localhost", null],
    ["localhost", null],
    ["", null],
    ["%00.example", null],
    ["ex\u0000ample.org", null]
  ])("takes %j as an alias: %j", (text, expected) => {
    const found = Hosts.alias(text, "localhost")
    assert.strictEqual(Result.isSuccess(found) ? found.success : null, expected)
  })

  it.each([
    ["localhost", "localhost"],
    ["Apps.Example.org", "apps.example.org"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["a b", null],
    ["", null],
    ["x".repeat(64), null]
  ])("takes %j as the domain of an installation: %j", (text, expected) => {
    const found = Hosts.domainOf(text)
    assert.strictEqual(Result.isSuccess(found) ? found.success : null, expected)
  })

  it("lists the names of a place once each, the given one first", () => {
    assert.deepStrictEqual(Hosts.hostsOf(Hosts.production("hello"), "localhost", ["b.org", "a.org", "b.org"]), [
      "hello.localhost",
      "b.org",
      "a.org"
    ])
  })
})
