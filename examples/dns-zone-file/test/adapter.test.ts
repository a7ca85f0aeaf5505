import { assert, describe, it } from "@effect/vitest"
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import { suite as dnsSuite } from "@rdev/conformance/infra/DnsSuite"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { ProjectId } from "@rdev/core/domain/Ids"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { Effect, Layer } from "effect"
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import adapter from "../src/adapter.ts"

const zone = () => join(mkdtempSync(join(tmpdir(), "zone-")), "example.zone")
const layerOf = (file: string): Layer.Layer<Dns, unknown> =>
  Layer.provide(adapter.slots.dns.layer({ file }).pipe(Layer.provide(TestHost.ports)), TestHost.layer())

dnsSuite("zone file", layerOf(zone()), { targets: ["192.0.2.1", "host.example.org"] })
adapterSuite("zone file", adapter, {
  dns: { good: { file: zone() }, bad: { file: "" }, broken: { file: tmpdir() } }
})

describe("zone file", () => {
  const [one, other] = [
    ProjectId.make("proj_01J00000000000000000000001"),
    ProjectId.make("proj_01J00000000000000000000002")
  ]
  it.effect("keeps every line that is not ours, and refuses its names", () =>
    Effect.gen(function* () {
      const file = zone()
      const text =
        "$ORIGIN apps.test.\n@ IN SOA ns hostmaster (\n  41 ; serial\n  3600 600 604800 60 )\nmail IN A 192.0.2.9\nwww.apps.test. 60 IN A 192.0.2.8\n"
      writeFileSync(file, text)
      yield* Effect.gen(function* () {
        const dns = yield* Dns
        for (const host of ["mail.apps.test", "www.apps.test"])
          assert.strictEqual(
            (yield* Effect.flip(dns.ensure({ host, projectId: one, target: "192.0.2.1" }))).reason._tag,
            "Foreign"
          )
        assert.strictEqual(readFileSync(file, "utf8"), text)
        yield* dns.ensure({ host: "shop.apps.test", projectId: one, target: "2001:db8::1" })
        assert.strictEqual(
          readFileSync(file, "utf8"),
          `${text.replace("41 ;", "42 ;")}shop.apps.test. IN AAAA 2001:db8::1 ; rdev ${one}\n`
        )
        yield* dns.remove(one, "shop.apps.test")
        assert.strictEqual(readFileSync(file, "utf8"), text.replace("41 ;", "43 ;"))
      }).pipe(Effect.provide(layerOf(file)))
    })
  )
  it.live("loses nothing when several processes' layers write at once", () =>
    Effect.gen(function* () {
      const file = zone()
      const names = Array.from({ length: 12 }, (_, i) => `n${i}.apps.test`)
      yield* Effect.forEach(
        names,
        (host, i) =>
          Effect.flatMap(Dns, (dns) =>
            dns.ensure({ host, projectId: i % 2 === 0 ? one : other, target: "192.0.2.1" })
          ).pipe(Effect.provide(Layer.fresh(layerOf(file)))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(
        (yield* Effect.flatMap(Dns, ({ list }) => list).pipe(Effect.provide(layerOf(file)))).length,
        names.length
      )
    })
  )
})
