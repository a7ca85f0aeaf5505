/** 51 a secret never comes through, however it is written and wherever the text is cut; other text comes through as it is. */
import { assert, describe, it } from "@effect/vitest"
import { clean, Cleaner } from "@rdev/core/redaction/Clean"
import * as Redactor from "@rdev/core/redaction/Redactor"
import * as Secrets from "@rdev/core/redaction/Secrets"
import * as fc from "fast-check"

const b64 = (text: string | Uint8Array) => Buffer.from(text as string).toString("base64")
const hex = (text: string) => Buffer.from(text).toString("hex")
const each = (text: string, write: (byte: number, i: number) => string) => [...Buffer.from(text)].map(write).join("")
const two = (byte: number) => byte.toString(16).padStart(2, "0")
const wrap = (text: string, width: number, end = "\n") => text.replace(new RegExp(`(.{${width}})`, "g"), `$1${end}`)
const html = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)
const url = (text: string) => encodeURIComponent(text)

/** Ways to write an ASCII text; `n` chooses within. */
const ways: Readonly<Record<string, (text: string, n: number) => string>> = {
  plain: (text) => text,
  json: (text) => JSON.stringify(text),
  jsonSlashes: (text) => JSON.stringify(text).replaceAll("/", "\\/"),
  jsonTwice: (text) => JSON.stringify(JSON.stringify({ value: text })),
  unicode: (text) => each(text, (byte) => `\\u${byte.toString(16).padStart(4, "0")}`),
  unicodePartly: (text, n) =>
    each(text, (byte, i) => (i % 3 === n % 3 ? `\\u00${two(byte).toUpperCase()}` : String.fromCharCode(byte))),
  backslashX: (text) => each(text, (byte) => `\\x${two(byte)}`),
  octal: (text) => each(text, (byte) => `\\${byte.toString(8).padStart(3, "0")}`),
  percent: url,
  percentAll: (text) => each(text, (byte) => `%${two(byte)}`),
  percentUpper: (text) => each(text, (byte) => `%${two(byte).toUpperCase()}`),
  percentPartly: (text, n) => each(text, (byte, i) => (i % 2 === n % 2 ? `%${two(byte)}` : String.fromCharCode(byte))),
  percentTwice: (text) => url(each(text, (byte, i) => (i % 2 === 0 ? `%${two(byte)}` : String.fromCharCode(byte)))),
  html,
  htmlAll: (text) => each(text, (byte) => `&#${byte};`),
  htmlHex: (text, n) => each(text, (byte, i) => (i % 2 === n % 2 ? `&#x${two(byte)};` : String.fromCharCode(byte))),
  hex: (text) => hex(text),
  hexUpper: (text) => hex(text).toUpperCase(),
  hexColons: (text) => each(text, (byte) => `${two(byte)}:`),
  hexSpaces: (text) => each(text, (byte) => `${two(byte).toUpperCase()} `),
  hexWrapped: (text) => wrap(hex(text), 60),
  bytes: (text) => JSON.stringify(Buffer.from(text)),
  base64: (text) => b64(text),
  base64Unpadded: (text) => b64(text).replaceAll("=", ""),
  base64Url: (text) => Buffer.from(text).toString("base64url"),
  base64Within: (text, n) => b64(`${"x".repeat(n % 5)}${text}${"y".repeat(n % 3)}`),
  base64Wrapped: (text, n) =>
    wrap(
      b64(`${"x".repeat(n % 5)}${text} and more and more and more and more and more and more and more`),
      n % 2 === 0 ? 64 : 76,
      n % 3 === 0 ? "\r\n" : "\n"
    ),
  base64OfJson: (text) => b64(JSON.stringify({ password: text })),
  base64OfUrl: (text) => b64(`p=${url(text)}`),
  base64OfHex: (text, n) => b64(`${"x".repeat(n % 4)}${hex(text)}`),
  base64Twice: (text, n) => b64(`${"x".repeat(n % 3)}${b64(`${"y".repeat(n % 4)}${text}`)}`),
  base64InUrl: (text) => url(b64(text)),
  hexOfBase64: (text) => hex(b64(text)),
  shellSingle: (text) => `'${text.replaceAll("'", "'\\''")}'`,
  shellBackslash: (text) => text.replace(/[^\w]/g, "\\$&"),
  shellPieces: (text, n) => wrap(text, 1 + (n % 5), "''"),
  lines: (text, n) => wrap(text, 1 + (n % 7)),
  crlf: (text, n) => wrap(text, 1 + (n % 7), "\r\n    "),
  escapedLines: (text, n) => wrap(text, 1 + (n % 7), "\\n"),
  returns: (text, n) => wrap(text, 2 + (n % 7), "\r"),
  colours: (text, n) => wrap(text, 1 + (n % 4), "\u001b[1;31m"),
  colours8: (text, n) => wrap(text, 1 + (n % 4), "\u009b0m"),
  titles: (text) => wrap(text, 3, "\u001b]0;title\u0007"),
  links: (text) => wrap(text, 3, "\u001b]8;;http://a.example/x\u001b\\"),
  jsonColours: (text) => wrap(text, 3, "\\u001b[31m"),
  zeroWidth: (text, n) =>
    wrap(
      text,
      1,
      [
        "\u200b",
        "\u200d",
        "\u00ad",
        "\ufeff",
        "\u2060",
        "\u034f",
        "\ufe0f",
        "\u202e",
        "\u{e0100}",
        "\u0000",
        "\u180e",
        "\u2028"
      ][n % 12] ?? ""
    ),
  erased: (text) => wrap(text, 3, "x\b"),
  upper: (text) => text.toUpperCase(),
  reversed: (text) => [...text].reverse().join(""),
  utf16: (text) => b64(Buffer.from(text, "utf16le"))
}

/** What of a written secret must not be found again, whatever else was changed. */
const leaks = (text: string, secret: string): boolean => {
  const plain = text.replace(/\s/g, "")
  const forms = [
    secret,
    hex(secret),
    url(secret),
    each(secret, (byte) => `%${two(byte)}`),
    b64(secret).replace(/=*$/, "").slice(0, -1),
    Buffer.from(secret).toString("base64url").slice(0, -1)
  ]
  const decoded = [text, plain, clean(text), clean(plain)]
  const add = (read: () => string) => {
    try {
      decoded.push(read())
    } catch {
      // Not in this encoding.
    }
  }
  for (const one of decoded.slice()) {
    add(() => decodeURIComponent(one))
    add(() => one.replace(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))))
    add(() => JSON.parse(`"${one}"`) as string)
    add(() =>
      one
        .replace(/\\u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
        .replace(/\\x([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    )
    add(() => Buffer.from(one, "base64").toString("latin1"))
    add(() => one.replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code))))
    add(() => one.replace(/[''\\"]/g, ""))
  }
  return decoded.some((one) => forms.some((form) => one.toLowerCase().includes(form.toLowerCase())))
}

const strong = fc
  .string({
    unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+/=!$&%'\"@:#?~\\<>"),
    minLength: 10,
    maxLength: 60
  })
  .filter((text) => text.replace(/[^A-Za-z0-9]/g, "").length >= 8 && Secrets.isMasked(text) && text === text.trim())
const noise = fc.string({ unit: fc.constantFrom(..."aZ09 \n\t%\\&=+/'\"-._:{}[]\u001bé€🌒u4x;#"), maxLength: 40 })
const cuts = fc.array(fc.nat(400), { maxLength: 12 })

const pieces = <A extends { readonly length: number; slice(from: number, to: number): A }>(
  whole: A,
  at: ReadonlyArray<number>
): ReadonlyArray<A> => {
  const places = [0, ...at.filter((place) => place < whole.length).sort((a, b) => a - b), whole.length]
  return places.slice(1).map((to, i) => whole.slice(places[i] ?? 0, to))
}
const asBytes = (redactor: Redactor.Redactor, text: string, at: ReadonlyArray<number>) => {
  const stream = redactor.byteStream()
  return Buffer.concat([
    ...pieces(Buffer.from(text) as Uint8Array, at).map((piece) => Buffer.from(stream.push(piece))),
    stream.end()
  ]).toString("utf8")
}
const asText = (redactor: Redactor.Redactor, text: string, at: ReadonlyArray<number>) => {
  const stream = redactor.textStream()
  return [...pieces(text, at).map((piece) => stream.push(piece)), stream.end()].join("")
}

describe("the redactor", () => {
  for (const [name, write] of Object.entries(ways)) {
    it(`masks ${name}, in any text, cut anywhere`, () => {
      fc.assert(
        fc.property(strong, noise, noise, fc.nat(100), cuts, (secret, before, after, n, at) => {
          const written = write(secret, n)
          const redactor = Redactor.make([secret])
          const text = before + written + after
          const shown = name === "erased" ? [] : [asBytes(redactor, text, at), redactor.text(text)]
          for (const one of shown)
            assert.isTrue(one.includes(Redactor.mask), `${JSON.stringify(text)} came out as ${JSON.stringify(one)}`)
          for (const one of [...shown, asText(redactor, text, at)]) {
            assert.isFalse(
              leaks(one.replaceAll(before, "").replaceAll(after, ""), secret),
              `${JSON.stringify(text)} came out as ${JSON.stringify(one)}`
            )
          }
        }),
        { numRuns: 40 }
      )
    })
  }

  it("knows a login as a whole where its password is too short to be known in every form", () => {
    for (const login of ["aaaaa:aa?aay", "kdu38:fg?hiy", "user:a?b/c9"]) {
      for (const name of ["base64InUrl", "base64Within", "hexColons", "base64OfJson", "percentTwice"]) {
        const shown = Redactor.make([login]).text(ways[name]?.(login, 1) ?? "")
        assert.isTrue(shown.includes(Redactor.mask), `${login} as ${name} came out as ${shown}`)
      }
    }
  })

  it("shows at most three characters of a secret, whatever the way to cut", () => {
    const redactor = Redactor.make(["postgresql://shop:Kx9%2Fq7TzW3vB8nRm@db.internal:5432/shop", "tok_4f9A8c2E7b1D"])
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            noise,
            fc.constantFrom(
              "Kx9/q7TzW3vB8nRm",
              "tok_4f9A8c2E7b1D",
              hex("tok_4f9A8c2E7b1D"),
              b64("tok_4f9A8c2E7b1D"),
              "tok_4f9A",
              "Kx9%2fq7"
            )
          )
        ),
        cuts,
        (parts, at) => {
          const text = parts.join("")
          for (const shown of [asBytes(redactor, text, at), asText(redactor, text, at)]) {
            for (const secret of [
              "Kx9/q7TzW3vB8nRm",
              "tok_4f9A8c2E7b1D",
              hex("tok_4f9A8c2E7b1D"),
              b64("tok_4f9A8c2E7b1D")
            ]) {
              for (let i = 0; i + 12 <= secret.length; i++)
                assert.isFalse(
                  shown.includes(secret.slice(i, i + 12)) &&
                    !parts
                      .join("")
                      .replaceAll(secret, "")
                      .includes(secret.slice(i, i + 12)),
                  shown
                )
            }
          }
          assert.strictEqual(asBytes(redactor, text, []), redactor.text(text))
        }
      ),
      { numRuns: 150 }
    )
  })

  it("leaves text without secrets as it is, and bytes of any kind", () => {
    const redactor = Redactor.make([
      "postgresql://shop:Kx9q7TzW3vB8nRm@db.internal:5432/shop",
      "p@ss!w#r$d%^&*",
      "pässwörtchen-9"
    ])
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), cuts, (text, at) => {
        fc.pre(text.isWellFormed())
        assert.strictEqual(asBytes(redactor, text, at), text)
        assert.strictEqual(redactor.text(text), text)
        assert.strictEqual(asText(redactor, clean(text), at), clean(text))
      }),
      { numRuns: 40 }
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), cuts, (bytes, at) => {
        const stream = redactor.byteStream()
        assert.deepStrictEqual(
          Buffer.concat([...pieces(bytes, at).map((piece) => Buffer.from(stream.push(piece))), stream.end()]),
          Buffer.from(bytes)
        )
      }),
      { numRuns: 40 }
    )
  })
})

describe("what is masked", () => {
  const shows = (values: ReadonlyArray<string>, text: string) => Redactor.make(values).text(text)

  it("is a URL and the password in it, in both spellings", () => {
    const value = "postgresql://shop:p%40ss%2Fw0rd-42xyz@db.internal:5432/shop"
    assert.strictEqual(shows([value], `url=${value};`), "url=***;")
    assert.strictEqual(
      shows([value], "PGPASSWORD=p@ss/w0rd-42xyz psql -h db.internal"),
      "PGPASSWORD=*** psql -h db.internal"
    )
    assert.strictEqual(shows([value], "shop:p%40ss%2Fw0rd-42xyz"), "shop:***")
    assert.isFalse(
      shows([value], `Authorization: Basic ${b64("shop:p@ss/w0rd-42xyz")}`).includes(b64("p@ss/w0rd").slice(4, -4))
    )
  })
  it("is what is secret in JSON, pairs, logins and keys of several lines", () => {
    assert.strictEqual(
      shows(['{"client_email":"a@b.example","private_key":"kEy-0123456789-abc"}'], "kEy-0123456789-abc a@b.example"),
      "*** a@b.example"
    )
    assert.strictEqual(
      shows(["host=db user=shop password=s3cretWord99 port=5432"], "it is s3cretWord99 at db"),
      "it is *** at db"
    )
    assert.strictEqual(shows(["shop:s3cretWord99"], "s3cretWord99"), "***")
    const lines = Array.from({ length: 3 }, (_, i) => b64(Buffer.alloc(48, i * 37 + 11)))
    assert.strictEqual(shows([`-----BEGIN X-----\n${lines.join("\n")}\n-----END X-----`], `a ${lines[1]} b`), "a *** b")
  })
  it("is what looks like a key, known or not", () => {
    const key = "rdev_local_0123456789abcdefghijklmnopqrstuvwxyz"
    for (const secret of [
      key,
      `rdevgit_${"a1B2".repeat(8)}`,
      `whsec_${b64(Buffer.alloc(32, 9))}`,
      `ghp_${"a1B2".repeat(9)}`,
      `sk-ant-api03-${"x9Y".repeat(12)}`,
      "AKIAABCDEFGHIJKLMNOP"
    ]) {
      assert.strictEqual(Redactor.none.text(`a ${secret} b`), "a *** b", secret)
      for (let i = 0; i < secret.length; i++)
        assert.strictEqual(
          asBytes(Redactor.none, `a ${secret} b`, [2 + i, 3 + i]).replace(/a [\w-]{0,5}\*/, "a *"),
          "a *** b",
          secret
        )
    }
    const pem = `-----BEGIN RSA PRIVATE KEY-----\n${Array(20).fill("A1b2".repeat(16)).join("\n")}\n-----END RSA PRIVATE KEY-----`
    assert.strictEqual(Redactor.none.text(`a\n${pem}\nb`).replaceAll("\n", ""), "a***b")
    assert.strictEqual(Redactor.none.text(JSON.stringify({ pem })), '{"pem":"***"}')
    for (const at of [5, 20, 40, 300, 1200])
      assert.strictEqual(
        asBytes(Redactor.none, `a\n${pem}\nb`, [at])
          .replaceAll("\n", "")
          .replace(/a-*B?E?G?\*/, "a*"),
        "a***b"
      )
    assert.strictEqual(Redactor.none.text("rdev_local_short and rdev projects"), "rdev_local_short and rdev projects")
  })
  it("is a secret of punctuation in its usual spellings, and a short one exactly", () => {
    const secret = "a!#$&'\"/<>^%@"
    for (const text of [
      secret,
      JSON.stringify(secret),
      url(secret),
      `'${secret.replaceAll("'", "'\\''")}'`,
      hex(secret),
      b64(secret)
    ])
      assert.isTrue(shows([secret], text).includes("***"), text)
    assert.strictEqual(shows(["q7Tz9w"], "q7Tz9w, q7-Tz9w, Q7TZ9W"), "***, q7-Tz9w, Q7TZ9W")
    assert.strictEqual(
      shows(["pässwörtchen-9"], "ist p\\u00e4sswörtchen-9 und p%C3%A4ssw%C3%B6rtchen-9"),
      "ist *** und ***"
    )
  })
  it("is nothing short, common or numeric", () => {
    for (const value of ["true", "5432", "production", "12345", "aaaaaaaa", "", "   ", "postgres"])
      assert.strictEqual(shows([value], `x ${value} y`), `x ${value} y`)
    assert.isTrue(Secrets.isMasked("83920174"))
  })
  it("is known by name or by look among variables", () => {
    assert.deepStrictEqual(
      Secrets.ofVariables({
        NODE_ENV: "production",
        PORT: "3000",
        API_TOKEN: "abc",
        GREETING: "hello world, how are you 7",
        DATABASE_URL: "postgres://a:b12345678@c/d",
        X: "Zk3vQ9xT2mB8w"
      }),
      ["abc", "postgres://a:b12345678@c/d", "Zk3vQ9xT2mB8w"]
    )
  })
  it("also stands in keys and numbers of JSON, and the rest is the same value", () => {
    const redactor = Redactor.make(["tok_4f9A8c2E7b1D", "918273645546"])
    const clear = { a: [1, "x", null], b: { c: true } }
    assert.strictEqual(redactor.json(clear), clear)
    assert.deepStrictEqual(redactor.json({ tok_4f9A8c2E7b1D: 918273645546, b: ["x tok_4f9A8c2E7b1D", 7] }), {
      "***": "***",
      b: ["x ***", 7]
    } as never)
  })
})

describe("cleaning", () => {
  it("gives the same in pieces as at once, and leaves nothing hidden", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."ab\n\t\b\u001b[]0;m\u0007\\\u009b\u200b\u202e\ufe0f🌒") }),
        cuts,
        (text, at) => {
          const cleaner = new Cleaner()
          const inPieces = [...pieces(text, at).map((piece) => cleaner.push(piece)), cleaner.end()].join("")
          assert.notMatch(inPieces, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]|\ufe0f/u)
        }
      ),
      { numRuns: 40 }
    )
  })
})
