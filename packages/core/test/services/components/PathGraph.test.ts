/** Which components a change touches, on repositories with packages that depend on each other in any way. */
import { assert, describe, it } from "@effect/vitest"
import * as PathGraph from "@rdev/core/services/components/PathGraph"
import * as fc from "fast-check"

const graph = PathGraph.make(
  [
    { name: "web", path: "apps/web" },
    { name: "api", path: "apps/api" },
    { name: "jobs", path: "apps/api" },
    { name: "docs", path: "docs" }
  ],
  [
    { path: ".", name: "root", dependencies: ["ui"] },
    { path: "apps/web", name: "web", dependencies: ["ui", "react"] },
    { path: "apps/api", name: "api", dependencies: ["db"] },
    { path: "packages/ui", name: "ui", dependencies: ["tokens"] },
    { path: "packages/tokens", name: "tokens", dependencies: ["ui"] },
    { path: "packages/db", name: "db", dependencies: [] },
    { path: "packages/lonely", name: "lonely", dependencies: ["ui"] }
  ]
)
const all = ["api", "jobs", "web", "docs"]
const touched = (...files: ReadonlyArray<string>) => PathGraph.touched(graph, files)

describe("PathGraph", () => {
  const table: ReadonlyArray<readonly [file: string, components: ReadonlyArray<string>]> = [
    ["apps/web/src/a.ts", ["web"]],
    ["apps/api/src/a.ts", ["api", "jobs"]],
    ["docs/a.md", ["docs"]],
    ["packages/ui/a.ts", ["web"]],
    ["packages/tokens/a.ts", ["web"]],
    ["packages/db/a.ts", ["api", "jobs"]],
    ["packages/lonely/a.ts", []],
    ["package-lock.json", all],
    ["apps/webby/a.ts", all],
    ["apps/web", ["web"]],
    [".sdlc/features/x/spec.md", []],
    [".sdlc-of-mine/a", all]
  ]
  for (const [file, components] of table)
    it(`${file} touches ${components.join(", ") || "none"}`, () => {
      assert.deepStrictEqual(touched(file), components)
    })

  it("a component that is the whole repository holds what nobody else does, and then all are touched", () => {
    const whole = PathGraph.make(
      [
        { name: "shop", path: "." },
        { name: "web", path: "apps/web" }
      ],
      []
    )
    assert.deepStrictEqual(PathGraph.touched(whole, ["src/a.ts"]), ["shop", "web"])
    assert.deepStrictEqual(PathGraph.touched(whole, ["apps/web/a.ts"]), ["web"])
  })

  it("reads manifests, and takes what is none for nothing", () => {
    assert.deepStrictEqual(
      PathGraph.manifestOf(
        "packages/ui/package.json",
        '{"name":"ui","dependencies":{"b":"1"},"devDependencies":{"a":"1","b":"2"}}'
      ),
      { path: "packages/ui", name: "ui", dependencies: ["a", "b"] }
    )
    assert.strictEqual(PathGraph.manifestOf("package.json", "{}")?.path, ".")
    for (const text of ["", "[]", "null", "{", '"x"']) assert.isNull(PathGraph.manifestOf("package.json", text), text)
    assert.deepStrictEqual(PathGraph.manifestOf("a/package.json", '{"name":7,"dependencies":[1]}'), {
      path: "a",
      name: null,
      dependencies: []
    })
  })

  const names = ["a", "b", "c", "d", "e"]
  const repository = fc.record({
    components: fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 5 }),
    edges: fc.array(fc.tuple(fc.constantFrom(...names), fc.constantFrom(...names)), { maxLength: 12 })
  })
  const files = fc.array(
    fc.oneof(
      fc.constantFrom(...names).map((name) => `packages/${name}/src/x.ts`),
      fc.constantFrom("package.json", "README.md", ".sdlc/x", "packages/README.md")
    ),
    { maxLength: 6 }
  )
  const of = ({
    components,
    edges
  }: {
    components: ReadonlyArray<string>
    edges: ReadonlyArray<readonly [string, string]>
  }) =>
    PathGraph.make(
      components.map((name) => ({ name, path: `packages/${name}` })),
      names.map((name) => ({
        path: `packages/${name}`,
        name,
        dependencies: edges.filter(([from]) => from === name).map(([, to]) => to)
      }))
    )
  /** Over the edges one by one: who of the components comes to a package that changed. */
  const reaches = (edges: ReadonlyArray<readonly [string, string]>, from: string, to: string): boolean => {
    const seen = new Set<string>()
    const go = (at: string): boolean => {
      if (at === to) return true
      if (seen.has(at)) return false
      seen.add(at)
      return edges.some(([a, b]) => a === at && go(b))
    }
    return go(from)
  }

  it("touches a component exactly when a changed package is in what it is built from, whatever circles there are", () => {
    fc.assert(
      fc.property(repository, files, (world, changed) => {
        const found = PathGraph.touched(of(world), changed)
        const relevant = changed.filter((file) => !file.startsWith(".sdlc/"))
        const unowned = relevant.some((file) => !/^packages\/[a-e]\//.test(file))
        const packages = relevant.flatMap((file) => /^packages\/([a-e])\//.exec(file)?.[1] ?? [])
        const expected = [...world.components]
          .filter((name) => unowned || packages.some((one) => reaches(world.edges, name, one)))
          .sort()
        assert.deepStrictEqual(found, expected)
      }),
      { numRuns: 300 }
    )
  })

  it("touches for two changes together what it touches for each, in any order", () => {
    fc.assert(
      fc.property(repository, files, files, (world, left, right) => {
        const graph = of(world)
        const both = new Set(PathGraph.touched(graph, [...right, ...left]))
        assert.deepStrictEqual(both, new Set([...PathGraph.touched(graph, left), ...PathGraph.touched(graph, right)]))
      }),
      { numRuns: 200 }
    )
  })
})
