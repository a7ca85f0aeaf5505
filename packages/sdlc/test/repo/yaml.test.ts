import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { parse, stringify } from "yaml"
import { read } from "../../src/repo/PlainYaml.ts"
import * as PolicyFile from "../../src/repo/PolicyFile.ts"

const whole = (text: string): unknown => {
  try {
    return { value: parse(text, { maxAliasCount: 20, logLevel: "error", strict: true, uniqueKeys: true }) as unknown }
  } catch {
    return "refused"
  }
}

describe("the plain reader of YAML", () => {
  it("reads the files the tool writes", () => {
    expect(read(PolicyFile.template)).toEqual(whole(PolicyFile.template))
    const feature = stringify(
      {
        v: 1,
        id: "01M7YMZ9RHV4CSQXV57Q1RZZ9V",
        slug: "a-b",
        title: 'Say hello, "world": now',
        kind: "feature",
        created: "2030-01-02T03:04:05.678Z",
        sources: { format: "kiro", spec: [".kiro/specs/x/requirements.md"] }
      },
      { lineWidth: 0 }
    )
    expect(
      read("v: 1\nid: 01M7YMZ9RHV4CSQXV57Q1RZZ9V\ntitle: Say hello, world\ncreated: 2030-01-02T03:04:05.678Z\n")
    ).not.toBeNull()
    const seen = read(feature)
    if (seen !== null) expect(seen).toEqual(whole(feature))
    const keyring =
      "keyring:\n  - id: platform\n    ed25519: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\n    principals:\n      - human:ada\n      - bob@x.org\nwip: 3 # three\n"
    expect(read(keyring)).toEqual(whole(keyring))
    expect(read(keyring)).not.toBeNull()
  })

  const words = [
    "a",
    "true",
    "no",
    "1",
    "01",
    "1.5",
    "1e5",
    "0x1F",
    "01E55555555555555555555555",
    "2030-01-02T03:04:05Z",
    "2030-01-02",
    "-",
    "- a",
    "a b",
    "a: b",
    "a:b",
    "a #b",
    "a#b",
    '"x"',
    '"a\\nb"',
    '"a\\u0041"',
    "'x'",
    "[]",
    "{}",
    "[a]",
    "{ a: 1 }",
    "&x a",
    "*x",
    "!t a",
    "|",
    ">",
    "",
    "~",
    "null",
    "\u00e9t\u00e9",
    "a, b",
    "12:30",
    "1_000",
    ".5",
    "+1",
    "?",
    "? a",
    "%a",
    "@a",
    "`a`",
    "a'b",
    "<<",
    "__proto__",
    "=",
    "0o7",
    "inf",
    ".inf",
    "a\u2028b",
    "a\u0085"
  ]
  const document = fc
    .array(
      fc.tuple(
        fc.nat(3),
        fc.constantFrom(
          "",
          "- ",
          "k: ",
          "key-2: ",
          "- k: ",
          "  - ",
          "# c",
          "k:",
          "true: ",
          '"k": ',
          "a b: ",
          "---",
          "\tk: "
        ),
        fc.constantFrom(...words),
        fc.constantFrom("", "", "", " # c", "  ")
      ),
      { maxLength: 8 }
    )
    .map((lines) => lines.map(([indent, head, word, tail]) => `${"  ".repeat(indent)}${head}${word}${tail}`).join("\n"))

  const orderly = fc
    .array(
      fc.tuple(
        fc.oneof(
          {
            weight: 9,
            arbitrary: fc.constantFrom(
              "a",
              "a b",
              "1",
              "true",
              '"x: y"',
              "a:b",
              "[]",
              "2030-01-02T03:04:05Z",
              "\u00e9t\u00e9",
              "a, b"
            )
          },
          { weight: 1, arbitrary: fc.constantFrom(...words) }
        ),
        fc.constantFrom("", "", " # c", "  "),
        fc.constantFrom("flat", "flat", "map", "list", "maps")
      ),
      { maxLength: 6 }
    )
    .map((lines) =>
      lines
        .map(
          ([word, tail, form], index) =>
            ({
              flat: `k${index}: ${word}${tail}`,
              map: `k${index}:${tail}\n  a: ${word}\n  b: x`,
              list: `k${index}:\n  - ${word}${tail}\n  - x`,
              maps: `k${index}:\n- a: ${word}\n  b: 1${tail}\n- a: 2`
            })[form]
        )
        .join("\n")
    )

  it("gives what the yaml package gives, or declines", () => {
    let read_ = 0
    fc.assert(
      fc.property(
        fc.oneof(
          document,
          orderly,
          fc.string(),
          fc
            .array(fc.constantFrom("a: ", "b:", "\n", "  ", "- ", "x", "1", "#", '"', ":", " "))
            .map((parts) => parts.join(""))
        ),
        (text) => {
          const mine = read(text)
          if (mine === null) return
          read_++
          expect({ text, value: mine }).toEqual({ text, value: whole(text) })
        }
      ),
      { numRuns: 20_000 }
    )
    expect(read_).toBeGreaterThan(1000)
  })
  it("reads what the yaml package prints, or declines", () => {
    const values = fc.dictionary(
      fc.stringMatching(/^[a-z]{1,6}$/),
      fc.oneof(
        fc.string(),
        fc.boolean(),
        fc.nat(),
        fc.constantFrom(...words),
        fc.array(fc.constantFrom(...words)),
        fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.constantFrom(...words))
      )
    )
    fc.assert(
      fc.property(values, (value) => {
        const text = stringify(value, { lineWidth: 0 })
        const mine = read(text)
        if (mine !== null) expect({ text, value: mine.value }).toEqual({ text, value })
      }),
      { numRuns: 5000 }
    )
  })
})
