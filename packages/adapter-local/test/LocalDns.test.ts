import { assert, layer } from "@effect/vitest"
import { suite } from "@rdev/conformance/infra/DnsSuite"
import * as NewId from "@rdev/core/ids/NewId"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { Effect, Layer, Option } from "effect"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as LocalDns from "../src/edge/LocalDns.ts"
import { make as temporaryFolder, withFolder } from "./TemporaryFolder.ts"

suite(
  "local",
  withFolder((dataDir) => LocalDns.layer({ dataDir })),
  { targets: ["127.0.0.1", "http://127.0.0.1:8080"] }
)

layer(Layer.empty)("LocalDns", (it) => {
  it.effect("keeps records over a restart and names a damaged one", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const dataDir = yield* temporaryFolder
        const projectId = yield* NewId.make("proj")
        const record = { projectId, host: "hello.localhost", target: "127.0.0.1" }
        yield* Effect.flatMap(Dns, (dns) => dns.ensure(record)).pipe(Effect.provide(LocalDns.layer({ dataDir })))
        const found = yield* Effect.flatMap(Dns, (dns) => dns.observe(record.host)).pipe(
          Effect.provide(LocalDns.layer({ dataDir }))
        )
        assert.deepStrictEqual(found, Option.some(record))
        yield* Effect.promise(() => writeFile(join(dataDir, "dns", "hello.localhost.json"), "{"))
        const dns = yield* Effect.provide(Dns, LocalDns.layer({ dataDir }))
        assert.include((yield* Effect.flip(dns.observe(record.host))).message, "hello.localhost.json")
        yield* dns.ensure({ ...record, host: "other.localhost" })
      })
    )
  )

  it.effect("accepts only this machine as a target", () =>
    Effect.sync(() => {
      for (const good of ["127.0.0.1", "::1", "localhost", "http://127.0.0.1:80", "http://[::1]:8080/"])
        assert.isTrue(LocalDns.isTarget(good), good)
      for (const bad of [
        "10.0.0.1",
        "example.org",
        "http://10.0.0.1:80",
        "http://127.0.0.1",
        "https://127.0.0.1:1",
        "http://127.0.0.1:80/path",
        "http://127.0.0.1:80@evil"
      ])
        assert.isFalse(LocalDns.isTarget(bad), bad)
    })
  )
})
