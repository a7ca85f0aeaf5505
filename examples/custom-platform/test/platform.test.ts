import { assert, describe, it } from "@effect/vitest"
import { suite } from "@rdev/conformance/infra/DnsSuite"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { Effect, Layer, Schedule } from "effect"
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
const serving = (dataDir: string) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, args("up", "--no-demo", "--port", "0", "--data-dir", dataDir), {
        env: environment,
        stdio: "ignore"
      })
    ),
    (child) =>
      Effect.promise(async () => {
        const over = new Promise((resolve) => child.once("exit", resolve))
        child.kill("SIGKILL")
        await over
      })
  )
const rdev = (dataDir: string, ...words: ReadonlyArray<string>) =>
  Effect.tryPromise(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, args(...words, "--json", "--data-dir", dataDir), {
      env: environment
    })
    return JSON.parse(stdout) as Readonly<Record<string, unknown>>
  })
const asked = <A>(question: Effect.Effect<A, unknown>, good: (answer: A) => boolean) =>
  question.pipe(Effect.filterOrFail(good), Effect.retry(Schedule.spaced("250 millis")), Effect.timeout("90 seconds"))

describe("custom platform", () => {
  it("fits on a page", () => {
    const source = new URL("../src/", import.meta.url)
    const lines = readdirSync(source).flatMap((file) =>
      readFileSync(new URL(file, source), "utf8").trimEnd().split("\n")
    )
    assert.isBelow(lines.length, 60)
  })
  it.live("has the server, the API and the command line, with host names in its own file", () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      yield* serving(dataDir)
      yield* asked(rdev(dataDir, "adapters"), ({ adapters }) =>
        (
          adapters as ReadonlyArray<{ readonly slot: string; readonly chosen_by: string; readonly health: unknown }>
        ).some(({ chosen_by, health, slot }) => slot === "dns" && chosen_by === "code" && health !== null)
      )
      yield* rdev(dataDir, "projects", "create", "shop")
      yield* asked(rdev(dataDir, "projects", "show", "shop"), ({ status }) => status === "ready")
      assert.match(readFileSync(join(dataDir, "hosts"), "utf8"), /^127\.0\.0\.1 shop\.apps\.example\.test # proj_/m)
    }).pipe(Effect.scoped)
  )
})
