import { assert, describe, it } from "@effect/vitest"
import { Templates, type TemplateVariables } from "@rdev/core/ports/infra/Templates"
import * as PolicyFile from "@rdev/sdlc/repo/PolicyFile"
import { Effect } from "effect"
import { execFile } from "node:child_process"
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import * as TemplatesDisk from "../../src/TemplatesDisk.ts"

const variables: TemplateVariables = {
  project: "hello",
  description: 'Says "hi" to <everybody> & more',
  defaultBranch: "main"
}

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "rdev-templates-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)
const write = (root: string, files: Readonly<Record<string, string | Uint8Array>>) =>
  Effect.promise(async () => {
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), content)
    }
  })
const manifest = JSON.stringify({ title: "Mine", kind: "static", description: "A template of our own." })
const files = (name: string, given: TemplateVariables = variables) =>
  Effect.flatMap(Templates, (templates) => templates.files(name, given))
const own = (root: string) => Effect.provide(TemplatesDisk.layer({ folder: root }))
const builtIn = Effect.provide(TemplatesDisk.layer())

describe("built-in templates", () => {
  it.effect("lists them", () =>
    Effect.gen(function* () {
      const list = yield* (yield* Templates).list
      assert.deepStrictEqual(
        list.map((one) => [one.name, one.kind]),
        [
          ["default", "static"],
          ["node-api", "service"]
        ]
      )
    }).pipe(builtIn)
  )

  for (const name of ["default", "node-api"]) {
    it.effect(`${name}: has what a project needs, and nothing is left to fill in`, () =>
      Effect.gen(function* () {
        const all = new Map((yield* files(name)).map((file) => [file.path, String(file.content)]))
        for (const path of [
          ".woodpecker.yml",
          ".sdlc/policy.yaml",
          ".sdlc/.gitignore",
          "AGENTS.md",
          "README.md",
          "rdev.yaml",
          ".gitignore",
          "package.json"
        ])
          assert.isTrue(all.has(path), path)
        for (const path of [
          ".claude/skills/sdlc-implement/SKILL.md",
          ".opencode/commands/sdlc-implement.md",
          ".agents/skills/sdlc-implement/SKILL.md"
        ])
          assert.isTrue(all.has(path), path)
        assert.strictEqual([...all.keys()].filter((path) => path.startsWith(".claude/skills/")).length, 15)
        assert.match(all.get("AGENTS.md") ?? "", /# Working in this repository[\s\S]*<!-- sdlc:begin -->/)
        for (const [path, text] of all) assert.notMatch(text, /\{\{[A-Za-z]+(\|[A-Za-z]+)?\}\}/, path)
        const parsed = JSON.parse(all.get("package.json") ?? "")
        assert.deepInclude(parsed, { name: "hello", description: variables.description })
        assert.strictEqual(PolicyFile.parse(all.get(".sdlc/policy.yaml") ?? "")._tag, "Ok")
      }).pipe(builtIn)
    )

    it.live(`${name}: its pipeline is green, with any description`, () =>
      Effect.gen(function* () {
        const root = yield* folder
        yield* write(root, Object.fromEntries((yield* files(name)).map((file) => [file.path, file.content ?? ""])))
        for (const args of [["tools/lint.mjs"], ["--test"], ["tools/build.mjs"]]) {
          const ran = yield* Effect.promise(() =>
            promisify(execFile)(process.execPath, args, {
              cwd: root,
              env: { PATH: process.env["PATH"], NODE_OPTIONS: "" }
            }).then(
              () => "",
              (error: { stdout: string; stderr: string }) => `${error.stdout}${error.stderr}`
            )
          )
          assert.strictEqual(ran, "", args.join(" "))
        }
      }).pipe(Effect.scoped, builtIn)
    )
  }

  it.effect("an empty description gets words", () =>
    Effect.gen(function* () {
      const all = yield* files("default", { ...variables, description: " \n " })
      assert.include(String(all.find((file) => file.path === "README.md")?.content), "A new project.")
    }).pipe(builtIn)
  )

  it.effect("an unknown name is an error that lists the names there are", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(files("astro-landing"))
      assert.deepStrictEqual(error.available, ["default", "node-api"])
      assert.strictEqual(error.message, 'template: there is no template "astro-landing"; available: default, node-api')
    }).pipe(builtIn)
  )
})

describe("a folder of one's own", () => {
  it.effect("adds templates, keeps modes and binary files, renames _dot_, leaves verbatim files alone", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const png = new Uint8Array([137, 80, 78, 71, 0, 1, 2, 255])
      yield* write(root, {
        "mine/template.json": JSON.stringify({ ...JSON.parse(manifest), verbatim: ["views/"] }),
        "mine/files/_dot_npmrc": "save-exact=true\n",
        "mine/files/_dot_github/x.yml": "key: ${{ secrets.KEY }}\n",
        "mine/files/run.sh": "#!/bin/sh\necho {{project}}\n",
        "mine/files/logo.png": png,
        "mine/files/views/a.hbs": "{{title}}",
        "mine/files/page.html": "<p>{{description|html}}</p>",
        "not a template/x": ""
      })
      yield* Effect.promise(() => chmod(join(root, "mine/files/run.sh"), 0o755))
      const all = new Map((yield* files("mine").pipe(own(root))).map((file) => [file.path, file]))
      assert.strictEqual(all.get(".npmrc")?.content, "save-exact=true\n")
      assert.strictEqual(all.get(".github/x.yml")?.content, "key: ${{ secrets.KEY }}\n")
      assert.deepStrictEqual(
        [all.get("run.sh")?.content, all.get("run.sh")?.executable],
        ["#!/bin/sh\necho hello\n", true]
      )
      assert.deepStrictEqual(all.get("logo.png")?.content, png)
      assert.strictEqual(all.get("views/a.hbs")?.content, "{{title}}")
      assert.strictEqual(all.get("page.html")?.content, "<p>Says &quot;hi&quot; to &lt;everybody&gt; &amp; more</p>")
      assert.isTrue(all.has("AGENTS.md"))
      assert.isTrue(all.has(".sdlc/policy.yaml"))
      const list = yield* Effect.flatMap(Templates, (templates) => templates.list).pipe(own(root))
      assert.deepStrictEqual(
        list.map((one) => one.name),
        ["default", "mine", "node-api"]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("takes the place of a built-in template of the same name", () =>
    Effect.gen(function* () {
      const root = yield* folder
      yield* write(root, { "default/template.json": manifest, "default/files/a.txt": "a" })
      const all = yield* files("default").pipe(own(root))
      assert.isTrue(all.some((file) => file.path === "a.txt"))
      assert.isFalse(all.some((file) => file.path === "src/site.mjs"))
    }).pipe(Effect.scoped)
  )

  it.effect("names the file and the fix of every mistake", () =>
    Effect.gen(function* () {
      const root = yield* folder
      const failing = (name: string) => Effect.map(Effect.flip(files(name).pipe(own(root))), (error) => error.detail)
      yield* write(root, { "typo/template.json": manifest, "typo/files/a.txt": "{{projct}}" })
      assert.match(
        yield* failing("typo"),
        /typo\/files\/a\.txt: \{\{projct\}\} stands for nothing; use project, description or defaultBranch/
      )
      yield* write(root, { "link/template.json": manifest, "link/files/a.txt": "x" })
      yield* Effect.promise(() => symlink("/etc/passwd", join(root, "link/files/passwd")))
      assert.match(yield* failing("link"), /passwd: only plain files/)
      yield* write(root, { "half/template.json": manifest, "half/files/AGENTS.md": "<!-- sdlc:begin -->\n" })
      assert.match(yield* failing("half"), /AGENTS\.md: the markers/)
      yield* write(root, { "bad/template.json": '{"title":"x","kind":"desktop","description":""}' })
      assert.match(yield* failing("typo"), /bad\/template\.json: [\s\S]*kind/)
    }).pipe(Effect.scoped)
  )

  it.effect("fails at start-up when the folder is missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(Templates, TemplatesDisk.layerOf("/does/not/exist")))
      assert.match(error.message, /cannot read the templates folder \/does\/not\/exist/)
    })
  )
})
