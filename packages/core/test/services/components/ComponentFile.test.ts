/** What `rdev.yaml` may say, and what is told of one that says something else. */
import { assert, describe, it } from "@effect/vitest"
import { ComponentName } from "@rdev/core/domain/components/Component"
import * as ComponentFile from "@rdev/core/services/components/ComponentFile"
import * as Components from "@rdev/core/services/components/Components"
import { Result, Schema } from "effect"
import * as fc from "fast-check"
import { stringify } from "yaml"

const read = (text: string) => Result.getOrThrow(ComponentFile.parse(text, "shop")).components
const faults = (text: string) => Result.getOrThrow(Result.flip(ComponentFile.parse(text, "shop")))
const brief = (text: string) => faults(text).map(({ line, path }) => `${line} ${path}`)

describe("rdev.yaml", () => {
  it("in its root says one component that is public and needs whatever there is", () => {
    assert.deepStrictEqual(read("kind: static\nbuild: node tools/build.mjs\npublish: dist\nhealth: /\n"), [
      { ...ComponentFile.whole("shop"), build: ["node tools/build.mjs"], publish: "dist" }
    ])
    assert.deepInclude(read("kind: node\nstart: node a.mjs\nidle: never\nneeds: [database]\n")[0], {
      kind: "node",
      start: "node a.mjs",
      health: "/",
      needs: ["database"],
      public: true
    })
  })

  it("says several, each with what it needs, one of them public", () => {
    const components = read(`components:
  - { name: web, kind: static, path: ./apps/web/, build: [npm ci, npm run build], public: true }
  - name: api
    kind: node
    path: apps/api
    start: node src/server.mjs
    port: 8080
    health: /health
    needs: [database, cache]
  - { name: jobs, kind: worker, path: apps/api, start: node src/jobs.mjs, needs: [database] }
  - { name: ui, kind: package, path: packages/ui }
`)
    assert.deepStrictEqual(
      components.map(({ name, needs, path, public: open }) => [name, path, needs, open]),
      [
        ["web", "apps/web", [], true],
        ["api", "apps/api", ["database", "cache"], false],
        ["jobs", "apps/api", ["database"], false],
        ["ui", "packages/ui", [], false]
      ]
    )
    assert.deepInclude(components[1], { port: 8080, health: "/health" })
    assert.deepInclude(components[2], { health: null, port: null })
  })

  it("tells every fault at once, each with its path, its line and what to write", () => {
    const found = faults(`components:
  - name: Web
    kind: site
    path: ../web
    public: yes please
  - kind: node
    name: api
    port: 70000
    needs: [database, database, 7]
    colour: red
  - name: api
    kind: cli
    start: x
    public: true
    health: nope
extra: 1
`)
    assert.deepStrictEqual(
      found.map(({ line, path }) => `${line} ${path}`),
      [
        "2 components[0].name",
        "3 components[0].kind",
        "4 components[0].path",
        "5 components[0].public",
        "6 components[1].start",
        "8 components[1].port",
        "9 components[1].needs[1]",
        "9 components[1].needs[2]",
        "10 components[1].colour",
        "11 components[2].name",
        "13 components[2].start",
        "14 components[2].public",
        "15 components[2].health",
        "15 components[2].health",
        "16 extra"
      ]
    )
    for (const { fix, problem } of found) {
      assert.isAbove(problem.length, 5)
      assert.match(fix, /^[A-Z]/)
    }
  })

  const bad: ReadonlyArray<readonly [name: string, text: string, at: string]> = [
    ["nothing", "", "1 "],
    ["a comment", "# nothing\n", "1 "],
    ["a text", "hello\n", "1 "],
    ["a list", "- kind: static\n", "1 "],
    ["no kind", "build: x\n", "1 kind"],
    ["null", "kind:\n", "1 kind"],
    ["broken YAML", "kind: [static\n", "2 "],
    ["two documents", "kind: static\n---\nkind: static\n", "2 "],
    ["a key twice", "kind: static\nkind: node\n", "2 kind"],
    ["an alias", "kind: &a static\nhealth: *a\n", "1 "],
    ["a tag", "kind: !!js/function static\n", "1 "],
    ["a merge", "kind: static\n<<: { health: / }\n", "2 <<"],
    ["a prototype", "kind: static\n__proto__: { start: x }\n", "2 __proto__"],
    ["both forms", "kind: static\ncomponents: [{ name: a, kind: cli }]\n", "1 kind"],
    ["no list", "components: { web: 1 }\n", "1 components"],
    ["an empty list", "components: []\n", "1 components"],
    ["null in a list", "components: [null]\n", "1 components[0]"],
    ["a number as a command", "kind: static\nbuild: 7\n", "2 build"],
    ["a name of a project's", "kind: static\nname: x\n", "2 name"],
    [
      "two that are public",
      "components: [{name: a, kind: static, public: true}, {name: b, kind: static, public: true}]",
      "1 components[1].public"
    ]
  ]
  for (const [name, text, at] of bad)
    it(`refuses ${name}`, () => {
      assert.include(brief(text), at)
    })

  it("refuses paths that lead out of the repository, or into what is not the project's", () => {
    const paths = [
      "/etc",
      "..",
      "a/../b",
      "a/..",
      "./../a",
      "a//b",
      "a\\b",
      ".git",
      "a/.git/hooks",
      ".GIT",
      ".sdlc",
      "~/x/..",
      "C:/x:y",
      "a/./b",
      "...",
      "a ",
      "a/b.",
      "-",
      "",
      "\u202ea",
      "a\u0000b",
      "é",
      "x".repeat(201)
    ].filter((path) => path !== "-")
    for (const path of paths) {
      const text = stringify({ components: [{ name: "a", kind: "cli", path }] })
      assert.deepStrictEqual(faults(text)[0]?.path, "components[0].path", JSON.stringify(path))
    }
    for (const path of [".", "./", "apps/web", "apps/web/", "a.b/c-d_e", "@scope/x", "packages/x y"])
      assert.strictEqual(read(stringify({ components: [{ name: "a", kind: "cli", path }] })).length, 1, path)
  })

  it("is bounded: bytes, components, values, depth and faults that are told", () => {
    const many = (n: number) =>
      stringify({ components: Array.from({ length: n }, (_, i) => ({ name: `c${i}`, kind: "cli" })) })
    assert.strictEqual(read(many(ComponentFile.maxComponents)).length, ComponentFile.maxComponents)
    assert.deepStrictEqual(brief(many(ComponentFile.maxComponents + 1)), ["2 components"])
    assert.match(faults(`kind: static\n#${"x".repeat(ComponentFile.maxBytes)}`)[0]?.problem ?? "", /bytes/)
    assert.isAtLeast(faults(`kind: ${"[".repeat(20_000)}`).length, 1)
    const wrong = stringify({ components: Array.from({ length: 50 }, () => ({ a: 1, b: 2, c: 3 })) })
    const told = faults(wrong)
    assert.strictEqual(told.length, 51)
    assert.match(told.at(-1)?.problem ?? "", /more faults/)
  })

  it("never throws, and what it takes is what it says", () => {
    const word = fc.constantFrom(
      "name",
      "kind",
      "path",
      "components",
      "static",
      "node",
      ".",
      "..",
      "-",
      ":",
      "[",
      "]",
      "{",
      "}",
      "\n",
      "\n  - ",
      " ",
      "#",
      "&a",
      "*a",
      "!!x",
      "|",
      "'",
      '"',
      "1",
      "true",
      "~"
    )
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), (words) => {
        const result = ComponentFile.parse(words.join(""), "shop")
        if (Result.isFailure(result)) assert.isAtLeast(result.failure.length, 1)
        else {
          assert.isAtLeast(result.success.components.length, 1)
          assert.isTrue(result.success.components.every(({ name }) => Schema.is(ComponentName)(name)))
        }
      }),
      { numRuns: 500 }
    )
  })

  it("is one component where there is no file, and a fault where it is no text", () => {
    assert.deepStrictEqual(Components.ofFile(undefined, "shop"), {
      said: false,
      components: [ComponentFile.whole("shop")],
      faults: []
    })
    assert.match(Components.ofFile(new Uint8Array([0xff, 0xfe, 0x41]), "shop").faults[0]?.problem ?? "", /UTF-8/)
  })
})
