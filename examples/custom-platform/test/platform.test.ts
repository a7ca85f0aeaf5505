import { assert, describe, it } from "@effect/vitest"
import { suite } from "@rdev/conformance/infra/DnsSuite"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { Effect, Layer } from "effect"
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as HostsFileDns from "../src/HostsFileDns.ts"

suite("HostsFileDns", Layer.provide(HostsFileDns.layer, TestHost.layer()), { targets: ["192.0.2.1", "192.0.2.2"] })

const program = fileURLToPath(new URL("../src/main.ts", import.meta.url))
const args = (...rest: ReadonlyArray<string>) => ["--conditions=@rdev/source", program, ...rest]
const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "custom-platform-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
)
const environment = { ...process.env, RDEV_UNSAFE_HOST: "true", RDEV_DOMAIN: "apps.example.test" }
/** Until it says where its API is. */
const serving = (dataDir: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, args("up", "--no-demo", "--port", "0", "--data-dir", dataDir), {
        env: environment,
        stdio: ["ignore", "pipe", "inherit"]
      })
      const over = new Promise((resolve) => child.once("exit", resolve))
      let said = ""
      const ready = new Promise<void>((resolve) =>
        child.stdout.on("data", (chunk: Buffer) => {
          said += chunk.toString("utf8")
          if (said.includes("/api/v1")) resolve()
        })
      )
      await Promise.race([ready, over])
      return { child, over }
    }),
    ({ child, over }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return over
      })
  )
const rdev = (dataDir: string, ...words: ReadonlyArray<string>) =>
  Effect.tryPromise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, args(...words, "--json", "--data-dir", dataDir), {
      env: environment
    })
    return JSON.parse(stdout) as Readonly<Record<string, unknown>>
  })
describe("custom platform", () => {
  it("fits on a page", () => {
    const source = new URL("../src/", import.meta.url)
    const lines = readdirSync(source).flatMap((file) =>
      readFileSync(new URL(file, source), "utf8").trimEnd().split("\n")
    )
    assert.isBelow(lines.length, 60)
  })
  it.live(
    "has the server, the API and the command line, with host names in its own file",
    () =>
      Effect.gen(function* () {
        const dataDir = yield* folder
        yield* serving(dataDir)
        const { adapters } = yield* rdev(dataDir, "adapters")
        const dns = (adapters as ReadonlyArray<{ readonly slot: string }>).find(({ slot }) => slot === "dns")
        assert.deepInclude(dns, { use: "(given in code)", chosen_by: "code" })
        // Answers when it is provisioned.
        yield* rdev(dataDir, "projects", "create", "shop")
        assert.match(readFileSync(join(dataDir, "hosts"), "utf8"), /^127\.0\.0\.1 shop\.apps\.example\.test # proj_/m)
      }).pipe(Effect.scoped),
    // Three programs from their sources, one after the other.
    400_000
  )
})
