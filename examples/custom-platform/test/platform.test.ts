import { assert, describe, it } from "@effect/vitest"
import { suite } from "@rdev/conformance/infra/DnsSuite"
import { Effect, Exit } from "effect"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as HostsFileDns from "../src/HostsFileDns.ts"
import { program } from "../src/main.ts"
import * as Platform from "../src/Platform.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "custom-platform-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

suite(
  "HostsFileDns",
  HostsFileDns.layer({ file: join(mkdtempSync(join(tmpdir(), "hosts-")), "hosts"), zone: "apps.example.test" }),
  { targets: ["192.0.2.1", "192.0.2.2"] }
)

describe("custom platform", () => {
  it.live("fits on a page", () =>
    Effect.sync(() => {
      const lines = readFileSync(new URL("../src/Platform.ts", import.meta.url), "utf8")
        .trimEnd()
        .split("\n")
      assert.isBelow(lines.length, 60)
    })
  )
  it.live("takes a feature to its release, with host names in its own file", () =>
    Effect.gen(function* () {
      const dataDir = yield* folder
      const exit = yield* Effect.exit(Effect.provide(program, Platform.layer(dataDir)))
      if (Exit.isFailure(exit)) return yield* exit
      assert.include(exit.value, "merge")
      assert.strictEqual(exit.value.at(-1), "none")
      assert.match(readFileSync(join(dataDir, "hosts"), "utf8"), /^192\.0\.2\.10 shop\.apps\.example\.test # proj_/m)
    }).pipe(Effect.scoped)
  )
})
