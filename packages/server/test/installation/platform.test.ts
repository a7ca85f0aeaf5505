/** What a platform file may say, and what is told of one that says something else. Nothing is built here. */
import { assert, describe, it } from "@effect/vitest"
import type { SlotName } from "@rdev/core/adapter/Slots"
import { Notifier } from "@rdev/core/ports/stores/Notifier"
import { Effect, Layer } from "effect"
import * as fc from "fast-check"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll } from "vitest"
import * as Assemble from "../../src/installation/Assemble.ts"
import * as Configuration from "../../src/installation/Configuration.ts"
import * as Platform from "../../src/installation/Platform.ts"

const root = mkdtempSync(join(tmpdir(), "rdev-platform-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))
const put = (path: string, content: string | Uint8Array) => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}
let counter = 0
const found = (content: string | Uint8Array, env: Record<string, string> = {}) => {
  const file = `platform-${++counter}.yaml`
  put(file, content)
  return Effect.runPromise(Platform.find({ env: { RDEV_PLATFORM: file, ...env }, cwd: root }))
}
const told = async (content: string | Uint8Array, env: Record<string, string> = {}): Promise<ReadonlyArray<string>> =>
  (await found(content, env)).problems.map(
    ({ field, fix, problem }) => `${field.replace(/^.*\.yaml: /, "")}: ${problem}. ${fix}`
  )

describe("a platform file", () => {
  it("may be missing, empty, commented, and say what is so anyway", async () => {
    for (const content of ["", "# nothing\n", "\uFEFFdns: { use: local }\n", "dns:\r\n  use: local\r\n", "{}"])
      assert.deepStrictEqual(await told(content), [], JSON.stringify(content))
    const none = await Effect.runPromise(Platform.find({ env: {}, cwd: join(root, "nowhere") }))
    assert.deepStrictEqual(none.problems, [])
    assert.isNull(none.choice.file)
    assert.strictEqual(none.choice.slots.get("dns")?.use, "local")
    assert.strictEqual(none.choice.slots.get("stores")?.by, "default")
    assert.isFalse(none.choice.shared)
  })

  it("is found in the working folder, or where RDEV_PLATFORM says", async () => {
    put("here/platform.yaml", "tls: { use: none }\n")
    const here = await Effect.runPromise(Platform.find({ env: {}, cwd: join(root, "here") }))
    assert.strictEqual(here.choice.file, join(root, "here/platform.yaml"))
    assert.strictEqual(here.choice.slots.get("tls")?.by, "file")
    const missing = await Effect.runPromise(Platform.find({ env: { RDEV_PLATFORM: "gone.yaml" }, cwd: root }))
    assert.match(missing.problems[0]?.problem ?? "", /gone\.yaml does not exist/)
    const folder = await Effect.runPromise(Platform.find({ env: { RDEV_PLATFORM: "." }, cwd: root }))
    assert.match(folder.problems[0]?.problem ?? "", /is a folder/)
  })

  it("is not read where it was only come across and others can write it", async () => {
    put("shared/platform.yaml", "dns: { use: ./evil.js }\n")
    chmodSync(join(root, "shared/platform.yaml"), 0o666)
    const { problems } = await Effect.runPromise(Platform.find({ env: {}, cwd: join(root, "shared") }))
    assert.match(problems[0]?.problem ?? "", /another user can write this file/)
    const named = await Effect.runPromise(
      Platform.find({ env: { RDEV_PLATFORM: "platform.yaml" }, cwd: join(root, "shared") })
    )
    assert.match(named.problems[0]?.problem ?? "", /evil\.js does not exist/)
  })

  it("is not read by what is embedded, and not beside a slot that a program fills", async () => {
    put("both.yaml", "dns: { use: nowhere }\ntls: { use: none }\n")
    const env = { RDEV_PLATFORM: "both.yaml" }
    const embedded = await Effect.runPromise(Platform.find({ env, cwd: root, embedded: true }))
    assert.deepStrictEqual(embedded.problems, [])
    assert.isNull(embedded.choice.file)
    const given = await Effect.runPromise(Platform.find({ env, cwd: root, given: new Map([["dns", Layer.empty]]) }))
    assert.match(given.problems[0]?.problem ?? "", /this program fills the slot itself/)
  })
  it("may take credentials and notifier out of the stores: what fills the slot itself is what others see", async () => {
    const said = (name: string) => Layer.succeed(Notifier, { name } as never)
    const given = new Map<SlotName, Layer.Any>([
      ["stores", said("stores")],
      ["notifier", said("own")]
    ])
    const { choice } = await Effect.runPromise(Platform.find({ env: {}, cwd: join(root, "nowhere"), given }))
    const alone = { ...choice, slots: new Map([...choice.slots].filter(([, { by }]) => by === "code")) }
    const seen = await Effect.runPromise(
      Effect.provide(Notifier, Assemble.below(alone) as Layer.Layer<Notifier, unknown>)
    )
    assert.strictEqual(Reflect.get(seen, "name"), "own")
  })

  const shapes: ReadonlyArray<readonly [content: string | Uint8Array, said: RegExp]> = [
    ["dns: {use: local}\ndns: {use: local}\n", /line 2: this key stands twice/],
    ["dns:\n\tuse: local\n", /line 2: a tab indents this line|line 2: this is no YAML/],
    ["a: &a [x,x]\nb: [*a,*a]\n", /line 1: anchors \(&\) and aliases/],
    ["a: *nothing\n", /line 1: (an alias|anchors)/],
    ["dns: {use: local}\n---\ntls: {use: none}\n", /a second document/],
    ["dns: !!js/function 'x'\n", /line 1: a tag/],
    ["dns: {use: local\n", /line \d: /],
    ["- dns\n", /the file says no keys/],
    ["text\n", /the file says no keys/],
    ["? [dns]\n: {use: local}\n", /this key is no text/],
    ["1: {use: local}\n", /this key is no text/],
    ["dns: local\n", /dns \(line 1\): this is no choice of an adapter\. Write dns: { use: local }/],
    ["dns: [local]\n", /no choice of an adapter/],
    ["dns:\n", /no choice of an adapter/],
    ["dns: {uses: local}\n", /Write use instead of uses/],
    ["dns: {use: 5}\n", /dns\.use \(line 1\): this is not the name/],
    ["dns: {use: ''}\n", /not the name of an adapter/],
    ["dnss: {use: local}\n", /dnss \(line 1\): there is no slot of this name\. Write dns/],
    ["certificates: {use: none}\n", /Write tls/],
    ["ingress: {use: none}\n", /Write router/],
    ["database: {use: postgres}\n", /Write resources\.database/],
    ["redis: {use: none}\n", /Write resources\.cache/],
    ["__proto__: {use: local}\n", /__proto__ \(line 1\): there is no slot/],
    ["constructor: {use: local}\n", /constructor \(line 1\): there is no slot/],
    ["<<: {dns: {use: local}}\n", /keys are not merged/],
    ["environments: {staging: {deploy: {use: local}}}\n", /environments \(line 1\): adapters are not chosen for each/],
    ["resources: {logging: {use: loki}}\n", /resources\.logging\.use \(line 1\): the package loki is not installed/],
    [
      "resources: {logging: {use: local}}\n",
      /resources\.logging\.use \(line 1\): local offers no resources of this kind/
    ],
    ["resources: {logging: {}}\n", /resources\.logging \(line 1\): it does not say which adapter/],
    ["resources: {logging: loki}\n", /resources\.logging \(line 1\): this is no choice of an adapter/],
    ["resources: {Logging: {use: local}}\n", /this is not the name of a kind/],
    ["resources: {'': {use: local}}\n", /this is not the name of a kind/],
    ["resources: {__proto__: {use: local}}\n", /this is not the name of a kind/],
    ["resources: {constructor: {use: local}}\n", /local offers no resources of this kind/],
    ["resources: {dns: {use: local}}\n", /Write it as dns, at the top of the file/],
    ["resources: {repository: {use: local}}\n", /every project gets this/],
    ["resources: {databse: {use: none}}\n", /Write database, or remove it/],
    ["resources: [database]\n", /these are no resources/],
    ["address: [1]\n", /address \(line 1\): this is neither an address/],
    ["address: 'a b'\n", /neither an address/],
    [
      "dns: {use: local, ttl: 60}\n",
      /dns\.ttl \(line 1\): this key is not known here\. Remove it: nothing is configured/
    ],
    ["webhooks: {use: local, alow: [x]}\n", /webhooks\.alow \(line 1\): this key is not known here\. Write allow/],
    ["webhooks: {use: local, allow: x}\n", /webhooks\.allow \(line 1\): expected/],
    ["webhooks: {use: local, allow: [1]}\n", /webhooks\.allow\[0\] \(line 1\): expected/],
    [
      "stores:\n  use: postgres\n  pooling: some\n",
      /stores\.pooling \(line 3\): expected .* Write auto, direct, session or transaction/
    ],
    ["stores: {use: postgres, maxConnections: 0}\n", /stores\.maxConnections/],
    ["resources:\n  database:\n    use: postgres\n", /resources\.database\.url \(line 2\): this key is missing/],
    [`dns: ${"[".repeat(40)}${"]".repeat(40)}\n`, /nested more than/],
    [new Uint8Array([0x64, 0x3a, 0xff, 0xfe]), /no UTF-8/],
    [`# ${"x".repeat(300_000)}\n`, /more than 262144 bytes/]
  ]
  it("is refused with the place and the way out where it has no one meaning", async () => {
    for (const [content, said] of shapes) {
      const all = await told(content)
      assert.isNotEmpty(all, String(content).slice(0, 60))
      assert.match(all.join("\n"), said, String(content).slice(0, 60))
    }
  })

  it("does not grow: ten thousand aliases of aliases cost nothing", async () => {
    const lines = Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${i === 0 ? "x" : `*a${i - 1},*a${i - 1}`}]`)
    assert.match((await told(`${lines.join("\n")}\n`)).join("\n"), /anchors/)
  })

  it("tells all of it at once, with what is wrong in the environment", async () => {
    put("all.yaml", "forg: {use: local}\ndns: {use: locl}\nstores: {use: postgres, url: {env: NO_SUCH}}\n")
    const error = await Effect.runPromise(
      Effect.flip(
        Configuration.read({
          env: {
            RDEV_PLATFORM: "all.yaml",
            RDEV_PORT: "x",
            RDEV_AUTH: "off",
            RDEV_HOST: "0.0.0.0",
            RDEV_DATABASE_POOLING: "?"
          },
          cwd: root
        })
      )
    )
    const lines = error.message.split("\n")
    for (const part of [
      "RDEV_PORT",
      "RDEV_AUTH",
      "RDEV_DATABASE_POOLING",
      "forg (line 1)",
      "dns.use (line 2)",
      "stores.url.env (line 3): the environment variable NO_SUCH is not set"
    ])
      assert.strictEqual(lines.filter((line) => line.includes(part)).length, 1, part)
  })
})

describe("secrets", () => {
  const place = (reference: string) => `resources:\n  database:\n    use: postgres\n    url: ${reference}\n`
  it("are taken from variables and files, and known to be masked", async () => {
    put("secret", "postgresql://a:fromfile@h/d\n")
    for (const [reference, env] of [
      ["{ env: TENANTS }", { TENANTS: "postgresql://a:fromenv@h/d" }],
      ["{ file: secret }", {}],
      [`{ file: ${join(root, "secret")} }`, {}]
    ] as const) {
      const { choice, problems } = await found(place(reference), env)
      assert.deepStrictEqual(problems, [])
      assert.match(choice.secrets.join(), /from(env|file)/)
      assert.notMatch(JSON.stringify([...choice.slots.values()].map(({ config }) => config)), /from(env|file)/)
    }
  })
  it("are refused wherever they are written out, and every wrong reference is told", async () => {
    put("empty", "\n")
    put("folder/x", "")
    const cases: ReadonlyArray<readonly [string, RegExp]> = [
      ["postgresql://admin:hunter2@db/x", /url \(line 4\): a secret is not written into this file/],
      ["hunter2", /not written into this file/],
      ["42", /not written into this file/],
      ["true", /not written into this file/],
      ["[hunter2]", /not written into this file/],
      ["", /the reference to a secret is missing/],
      ["{}", /exactly one key, env or file/],
      ["{ env: A, file: b }", /exactly one key/],
      ["{ value: hunter2 }", /exactly one key/],
      ["{ env: NOT_SET }", /url\.env \(line 4\): the environment variable NOT_SET is not set/],
      ["{ env: 'a b' }", /not the name of an environment variable/],
      ["{ env: 5 }", /not the name/],
      ["{ file: gone }", /url\.file \(line 4\): .*gone does not exist/],
      ["{ file: empty }", /empty is empty/],
      ["{ file: folder }", /folder is a folder/],
      ["{ file: '' }", /not the path of a file/]
    ]
    for (const [reference, said] of cases) {
      const all = (await told(place(reference))).join("\n")
      assert.match(all, said, reference)
      assert.notInclude(all, "hunter2", reference)
    }
  })
  it("are refused at keys that take none", async () => {
    for (const text of [
      "webhooks: { use: local, allow: ['https://u:hunter2hunter2@h/'] }",
      "templates: { use: folder, path: 'gho_a1B2c3D4e5F6g7H8i9J0k1L2' }",
      "agents: { use: agents, list: [{ kind: command, name: x, env: { K: 'a1B2c3D4e5F6g7H8i9J0k1' } }] }"
    ]) {
      const all = (await told(`${text}\n`)).join("\n")
      assert.match(all, /looks like a secret/, text)
      assert.notMatch(all, /hunter2hunter2|1B2c3D4/, text)
    }
  })
  it("show in no fault, whatever is written wherever", async () => {
    const canary = "c4n4ryV4lueN0b0dyMaySee"
    const keys = fc.constantFrom(
      "dns",
      "stores",
      "url",
      "use",
      "resources",
      "database",
      "allow",
      "webhooks",
      "x",
      "env"
    )
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constant(canary),
        fc.constant(`x ${canary} y`),
        fc.constantFrom(null, 1, true, "local", "postgres"),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(keys, tie("value"), { maxKeys: 4 })
      )
    })).value
    await fc.assert(
      fc.asyncProperty(fc.dictionary(keys, value, { maxKeys: 4 }), async (document) => {
        // What names a package or a file is told: that is no place for a secret.
        const text = JSON.stringify(document).replaceAll(
          new RegExp(`"(use|env|file)":"[^"]*${canary}[^"]*"`, "g"),
          '"$1":"local"'
        )
        assert.notInclude((await told(text)).join("\n"), canary, text)
      }),
      { numRuns: 60 }
    )
  })
})

describe("packages", () => {
  const adapter = (name: string, manifest: object, files: Readonly<Record<string, string>> = {}) => {
    put(`node_modules/${name}/package.json`, JSON.stringify({ name, version: "1.2.3", type: "module", ...manifest }))
    for (const [file, text] of Object.entries(files)) put(`node_modules/${name}/${file}`, text)
  }
  const entry = { rdev: { adapter: 1 }, exports: { "./adapter": { import: "./a.js" } } }
  it("are refused, each with the reason, when they are no adapter for the slot", async () => {
    adapter("plain", {})
    adapter("future", { rdev: { adapter: 2 } })
    adapter("unbuilt", entry)
    adapter("closed", { rdev: { adapter: 1 }, exports: { ".": "./a.js" } }, { "a.js": "" })
    adapter("outside", { rdev: { adapter: 1 }, exports: { "./adapter": "./../plain/package.json" } })
    adapter("hollow", entry, { "a.js": "export const x = 1\n" })
    adapter("strange", entry, { "a.js": "export default { api: 3, name: 'strange', slots: {} }\n" })
    adapter("broken", entry, { "a.js": "throw new Error('on purpose')\n" })
    adapter("@acme/other", entry, { "a.js": "export default { api: 1, name: 'other', slots: { tls: {} } }\n" })
    const cases: ReadonlyArray<readonly [use: string, said: RegExp]> = [
      ["not-there", /the package not-there is not installed\. Run `npm install not-there` in /],
      ["'@acme/none'", /npm install @acme\/none/],
      ["locla", /Did you mean local\?/],
      ["plain", /is no adapter of rdev/],
      ["future", /written for version 2 .* this server has version 1/],
      ["unbuilt", /exports no file as \.\/adapter/],
      ["closed", /exports no file as \.\/adapter/],
      ["outside", /exports no file as \.\/adapter/],
      ["hollow", /no default export that Adapter\.define made/],
      ["strange", /written for version 3/],
      ["broken", /cannot be loaded: on purpose/],
      ["'@acme/other'", /does not offer the slot dns; it offers tls\. Write local/],
      ["postgres", /does not offer the slot dns; it offers stores or resources\.database/],
      ["./nowhere", /nowhere does not exist/],
      ["./folder", /has no package\.json/],
      ["node:fs", /neither the name of an adapter nor of a package/],
      ["'a b'", /neither the name/],
      ["https://example.org/x.js", /neither the name/],
      ["constructor", /is not installed/]
    ]
    for (const [use, said] of cases) assert.match((await told(`dns: { use: ${use} }\n`)).join("\n"), said, use)
  })
})
