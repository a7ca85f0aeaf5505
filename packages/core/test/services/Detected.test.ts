/** What a repository of any kind seems to be, and what is added to it. */
import { assert, describe, it } from "@effect/vitest"
import * as Detected from "@rdev/core/services/projects/setup/Detected"
import * as SetupFiles from "@rdev/core/services/projects/setup/SetupFiles"
import * as fc from "fast-check"
import { parse } from "yaml"

const seen = (files: Readonly<Record<string, string>>): Detected.Seen => ({
  paths: Object.keys(files),
  text: new Map(Object.entries(files).filter(([path]) => Detected.probes.includes(path)))
})
const pkg = (fields: object) => JSON.stringify(fields)

const cases: ReadonlyArray<
  readonly [
    what: string,
    files: Readonly<Record<string, string>>,
    release: object | null,
    checks: ReadonlyArray<string>
  ]
> = [
  ["nothing", {}, null, []],
  ["a site that lies there", { "index.html": "" }, { kind: "static", publish: "." }, []],
  ["a site in public", { "public/index.html": "", "README.md": "" }, { kind: "static", publish: "public" }, []],
  [
    "Astro with pnpm",
    {
      "package.json": pkg({ scripts: { build: "astro build", start: "astro dev" }, dependencies: { astro: "5" } }),
      "pnpm-lock.yaml": ""
    },
    { kind: "static", publish: "dist", build: ["pnpm install --frozen-lockfile", "pnpm run build"] },
    ["pnpm install --frozen-lockfile", "pnpm run build"]
  ],
  [
    "a service without dependencies",
    { "package.json": pkg({ scripts: { start: "node a.js", test: "node --test" } }) },
    { kind: "node", start: "npm start", build: [] },
    ["npm test"]
  ],
  [
    "npm's own placeholder of a test",
    { "package.json": pkg({ scripts: { test: 'echo "Error: no test specified" && exit 1' } }) },
    null,
    []
  ],
  [
    "a library",
    { "package.json": pkg({ scripts: { test: "vitest" }, devDependencies: { vitest: "5" } }), "yarn.lock": "" },
    null,
    ["yarn install --frozen-lockfile", "yarn test"]
  ],
  [
    "Go with a main",
    { "go.mod": "", "main.go": "" },
    { kind: "node", start: "./server" },
    ["go vet ./...", "go test ./..."]
  ],
  ["Go packages", { "go.mod": "", "lib/a.go": "" }, null, ["go vet ./...", "go test ./..."]],
  ["Python with tests", { "pyproject.toml": "", "tests/test_a.py": "" }, null, ["python -m pytest"]],
  ["Python without", { "requirements.txt": "flask" }, null, []],
  ["a package.json that is none", { "package.json": "{", "index.html": "" }, { kind: "static", publish: "." }, []],
  ["a package.json that is a list", { "package.json": "[]" }, null, []],
  ["scripts that are no texts", { "package.json": pkg({ scripts: { start: 1, test: null } }) }, null, []]
]

describe("what a repository seems to be", () => {
  for (const [what, files, release, checks] of cases)
    it(what, () => {
      const found = Detected.detect(seen(files))
      if (release === null) assert.isNull(found.release)
      else assert.deepInclude(found.release, release)
      assert.deepStrictEqual(
        found.checks.map(({ command }) => command),
        checks
      )
      assert.isNotEmpty(found.findings)
    })

  it("names what it does not go into", () => {
    const { findings } = Detected.detect(
      seen({ Dockerfile: "", ".gitmodules": "[submodule]", ".gitattributes": "*.bin filter=lfs diff=lfs" })
    )
    for (const word of ["Dockerfile", "Git LFS", "submodules"])
      assert.isTrue(
        findings.some(({ reason }) => reason.includes(word)),
        word
      )
  })
})

describe("what is added", () => {
  const names = fc.constantFrom(
    "package.json",
    "AGENTS.md",
    "rdev.yaml",
    ".woodpecker.yml",
    ".woodpecker.yaml",
    ".sdlc/policy.yaml",
    "go.mod",
    "main.go",
    "index.html",
    ".claude/skills/sdlc-next/SKILL.md"
  )
  const texts = fc.oneof(
    fc.string(),
    fc.constantFrom(
      "{}",
      '{"scripts":{"start":"x","test":"y","build":"z"},"dependencies":{"vite":"1"}}',
      "<!-- sdlc:begin -->"
    )
  )
  it("touches nothing that is there but AGENTS.md, and is valid YAML", () => {
    fc.assert(
      fc.property(fc.dictionary(names, texts), (files) => {
        const at = seen(files)
        const setup = SetupFiles.make(at.paths, files["AGENTS.md"], Detected.detect(at), null)
        for (const { content, path } of setup.files) {
          assert.isTrue(path === "AGENTS.md" || !Object.hasOwn(files, path), path)
          if (/ya?ml$/.test(path)) assert.isObject(parse(String(content)))
          if (path === "AGENTS.md") assert.isTrue(String(content).startsWith((files[path] ?? "").trimEnd()))
        }
        const again = new Set([...at.paths, ...setup.files.map(({ path }) => path)])
        const agents = setup.files.find(({ path }) => path === "AGENTS.md")?.content ?? files["AGENTS.md"]
        const second = SetupFiles.make(
          [...again],
          agents === undefined ? undefined : String(agents),
          Detected.detect(at),
          null
        )
        assert.deepStrictEqual(second.files, [], "nothing is added twice")
      }),
      { numRuns: 200 }
    )
  })
})
