/** Adapters chosen by a platform file, on the real server in a process of its own. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import * as ServerProcess from "./ServerProcess.ts"

const forge = fileURLToPath(new URL("./adapters/memory.ts", import.meta.url))
const logging = fileURLToPath(new URL("./adapters/logging.ts", import.meta.url))
const example = fileURLToPath(new URL("../../../../examples/dns-zone-file", import.meta.url))

/** A folder as npm leaves it after `npm install rdev-dns-zone-file`, with a platform file. */
const platform = (folder: string, text: string) => {
  const place = join(folder, "platform")
  mkdirSync(join(place, "node_modules"), { recursive: true })
  if (!existsSync(join(place, "node_modules", "rdev-dns-zone-file")))
    symlinkSync(example, join(place, "node_modules", "rdev-dns-zone-file"))
  const file = join(place, "platform.yaml")
  writeFileSync(file, text)
  return file
}
const env = { RDEV_UNSAFE_HOST: "true", RDEV_DOMAIN: "apps.test", RDEV_DRAIN_SECONDS: "1" }

interface Shown {
  readonly slot: string
  readonly use: string
  readonly chosen_by: string
  readonly health: { readonly ok: boolean; readonly detail: string }
}

describe("a platform file", () => {
  it.live(
    "chooses Dns by the name of a package and Forge by a file, and a project's names are in its zone until it is deleted",
    () =>
      Effect.gen(function* () {
        const folder = yield* ServerProcess.dataFolder
        const zone = join(folder, "apps.zone")
        const file = platform(
          folder,
          `dns: { use: rdev-dns-zone-file, file: ${zone} }\nforge: { use: ${forge}, organisation: acme, token: { env: FORGE_TOKEN } }\naddress: 203.0.113.7\n`
        )
        const server = yield* ServerProcess.start(folder, {
          ...env,
          RDEV_PLATFORM: file,
          FORGE_TOKEN: "n0b0dyM4yS33Th1s"
        })
        const ask = (method: string, path: string, body?: unknown) =>
          ServerProcess.ask(folder, server, method, path, body)

        const { body, status } = yield* ask("GET", "/adapters")
        assert.strictEqual(status, 200)
        assert.strictEqual(body["file"], file)
        const shown = body["adapters"] as unknown as ReadonlyArray<Shown>
        assert.deepInclude(
          shown.find(({ slot }) => slot === "dns"),
          { use: "rdev-dns-zone-file", chosen_by: "file" }
        )
        assert.strictEqual(shown.find(({ slot }) => slot === "forge")?.health.detail, "0 repositories of acme")
        assert.notInclude(JSON.stringify(body), "n0b0dyM4yS33Th1s")
        assert.deepStrictEqual(
          shown.filter(({ health }) => !health.ok),
          []
        )
        const health = yield* ask("GET", "/health")
        const parts = (health.body["checks"] as unknown as ReadonlyArray<{ readonly name: string }>).map(
          ({ name }) => name
        )
        assert.includeMembers(parts, ["dns", "forge"], "what the file chose is looked at")
        assert.notInclude(parts, "templates", "what is on this machine anyway is not")

        assert.strictEqual((yield* ask("POST", "/projects", { name: "shop" })).status, 202)
        yield* ServerProcess.until(
          ask("GET", "/projects/shop"),
          ({ body: project }) => project["status"] === "ready",
          90
        )
        const text = readFileSync(zone, "utf8")
        assert.match(text, /^shop\.apps\.test\. IN A 203\.0\.113\.7 ; rdev proj_/m)
        assert.match(text, /^staging\.shop\.apps\.test\. IN A 203\.0\.113\.7 ; rdev proj_/m)
        const repositories = (yield* ask("GET", "/adapters")).body["adapters"] as unknown as ReadonlyArray<Shown>
        assert.strictEqual(repositories.find(({ slot }) => slot === "forge")?.health.detail, "1 repositories of acme")
        assert.isFalse(existsSync(join(folder, "git")), "the local forge keeps no repositories")
        assert.isFalse(existsSync(join(folder, "dns")), "the local adapter keeps no records")

        assert.strictEqual((yield* ask("DELETE", "/projects/shop")).status, 202)
        yield* ServerProcess.until(
          Effect.sync(() => readFileSync(zone, "utf8")),
          (now) => !now.includes("shop"),
          60
        )
        assert.match(readFileSync(zone, "utf8"), /IN SOA ns hostmaster \d+ /)
      }).pipe(Effect.scoped),
    240_000
  )

  it.live(
    "brings a kind of resource: made for each environment, told with its credentials, gone with the project",
    () =>
      Effect.gen(function* () {
        const folder = yield* ServerProcess.dataFolder
        const streams = join(folder, "streams.jsonl")
        const file = platform(
          folder,
          `resources:\n  logging: { use: ${logging}, file: ${streams}, key: { env: LOGGING_KEY } }\n`
        )
        const server = yield* ServerProcess.start(folder, {
          ...env,
          RDEV_PLATFORM: file,
          LOGGING_KEY: "n0b0dyM4yS33Th1s"
        })
        const ask = (method: string, path: string, body?: unknown) =>
          ServerProcess.ask(folder, server, method, path, body)
        assert.strictEqual((yield* ask("POST", "/projects", { name: "shop" })).status, 202)
        const { body } = yield* ServerProcess.until(
          ask("GET", "/projects/shop"),
          ({ body: project }) => project["status"] === "ready",
          90
        )
        const resources = body["resources"] as unknown as ReadonlyArray<Record<string, unknown>>
        assert.deepStrictEqual(
          resources
            .filter(({ kind }) => kind === "logging")
            .map(({ environment, external_id, status }) => [environment, external_id, status]),
          [
            ["production", "shop.production", "ready"],
            ["staging", "shop.staging", "ready"]
          ]
        )
        const lines = readFileSync(streams, "utf8")
        const tokens = [...lines.matchAll(/"token":"([0-9a-f]+)"/g)].map(([, token]) => token ?? "")
        assert.strictEqual(tokens.length, 2)
        const credentials = (yield* ask("GET", "/projects/shop/credentials")).body
        const shown = credentials["credentials"] as unknown as ReadonlyArray<Record<string, unknown>>
        assert.deepStrictEqual(
          shown.map(({ environment, name }) => `${String(environment)} ${String(name)}`),
          ["production LOG_STREAM", "production LOG_TOKEN", "staging LOG_STREAM", "staging LOG_TOKEN"]
        )
        for (const token of tokens) assert.notInclude(JSON.stringify(credentials), token)
        const adapters = (yield* ask("GET", "/adapters")).body
        const slot = (adapters["adapters"] as unknown as ReadonlyArray<Shown>).find(
          (one) => one.slot === "resources.logging"
        )
        assert.strictEqual(slot?.health.detail, "2 of projects")
        assert.notInclude(JSON.stringify(adapters), "n0b0dyM4yS33Th1s")

        assert.strictEqual((yield* ask("DELETE", "/projects/shop")).status, 202)
        yield* ServerProcess.until(
          Effect.sync(() => readFileSync(streams, "utf8")),
          (now) => now === "",
          60
        )
      }).pipe(Effect.scoped),
    240_000
  )

  it.live(
    "keeps the server from starting when something is wrong, and tells all of it",
    () =>
      Effect.gen(function* () {
        const folder = yield* ServerProcess.dataFolder
        const file = platform(folder, "dns: { use: rdev-dns-zone-file }\nforge: { use: locl }\n")
        const exit = yield* Effect.exit(
          ServerProcess.start(folder, { ...env, RDEV_PLATFORM: file, RDEV_EXECS: "none" })
        )
        if (Exit.isSuccess(exit)) return assert.fail("it started")
        const said = String(exit.cause)
        for (const part of [
          "RDEV_EXECS",
          "dns.file (line 1): this key is missing",
          "forge.use (line 2)",
          "Did you mean local?"
        ])
          assert.include(said, part)
        assert.isFalse(existsSync(join(folder, "admin.key")), "nothing was made")
      }).pipe(Effect.scoped),
    120_000
  )
})
