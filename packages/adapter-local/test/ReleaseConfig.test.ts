/** What is released of a repository that says several components. */
import { assert, describe, it } from "@effect/vitest"
import * as ReleaseConfig from "../src/build/ReleaseConfig.ts"

describe("ReleaseConfig of several components", () => {
  it("releases the public one, built and run in its folder", () => {
    const text = `components:
  - { name: jobs, kind: worker, path: jobs, start: node jobs.mjs }
  - { name: web, kind: static, path: "apps/the web", build: [npm ci, npm run build], publish: out, public: true }
`
    assert.deepStrictEqual(ReleaseConfig.parse(text), {
      kind: "static",
      build: ["(cd 'apps/the web' && npm ci\n)", "(cd 'apps/the web' && npm run build\n)"],
      publish: "apps/the web/out",
      health: "/"
    })
    assert.deepStrictEqual(
      ReleaseConfig.parse("components: [{ name: api, kind: node, start: node a.mjs, idle: 5, public: true }]"),
      { kind: "node", build: [], start: "node a.mjs", health: "/", idle: 5 }
    )
    assert.deepInclude(
      ReleaseConfig.parse("components: [{ name: s, kind: static, path: site, publish: ., public: true }]"),
      { publish: "site" }
    )
  })

  it("says what to write when nothing of it can be released", () => {
    const cases: ReadonlyArray<readonly [text: string, said: RegExp]> = [
      ["components: [{ name: a, kind: cli }]", /no component is public/],
      ["components: [{ name: a, kind: image, public: true }]", /kind image/],
      ["components: [{ name: A, kind: static }]", /line 1, components\[0\]\.name/]
    ]
    for (const [text, said] of cases) assert.throws(() => ReleaseConfig.parse(text), said)
  })

  it("of one component takes what it needs for nobody's business here", () => {
    assert.deepInclude(ReleaseConfig.parse("kind: static\nneeds: [database]\n"), { kind: "static", publish: "dist" })
    assert.deepInclude(ReleaseConfig.parse("kind: node\nstart: x\nport: 80\nneeds: []\n"), { start: "x" })
  })
})
