// lab: powerdns
import { assert, describe, it } from "@effect/vitest"
import { suite as adapterSuite } from "@rdev/conformance/adapter/AdapterSuite"
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { suite as dnsSuite } from "@rdev/conformance/infra/DnsSuite"
import { ProjectId } from "@rdev/core/domain/Ids"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { Effect, Layer, Redacted } from "effect"
import { Resolver } from "node:dns/promises"
import adapter from "../src/adapter.ts"

const { PDNS_API_KEY = "", PDNS_API_URL = "", PDNS_DNS_PORT = "", PDNS_ZONE = "" } = process.env
if (PDNS_API_KEY === "") throw new Error("npm run test:lab -- powerdns")
/** Others use the zone too. */
const domain = `t${process.pid}.${PDNS_ZONE.replace(/\.$/, "")}`
const good = { url: PDNS_API_URL, key: Redacted.make(PDNS_API_KEY), zone: PDNS_ZONE }
const host = TestHost.layer({ domain })
const layer: Layer.Layer<Dns, unknown> = Layer.provide(adapter.slots.dns.layer(good), host)
const project = ProjectId.make("proj_01J00000000000000000000001")
const foreign = (name: string, changetype: "REPLACE" | "DELETE") =>
  Effect.promise(async () => {
    const answer = await fetch(`${PDNS_API_URL}/servers/localhost/zones/${PDNS_ZONE}`, {
      method: "PATCH",
      headers: { "x-api-key": PDNS_API_KEY },
      body: JSON.stringify({
        rrsets: [
          { name: `${name}.`, type: "A", ttl: 60, changetype, records: [{ content: "192.0.2.9", disabled: false }] }
        ]
      })
    })
    assert.strictEqual(answer.status, 204)
  })

dnsSuite("powerdns", layer, { targets: ["192.0.2.1", "host.example.org"] })

describe("powerdns", () => {
  it.live("is what resolvers see, changes the kind of a record in one step, and leaves nothing", () =>
    Effect.gen(function* () {
      const dns = yield* Dns
      const resolver = new Resolver({ timeout: 2_000 })
      resolver.setServers([`127.0.0.1:${PDNS_DNS_PORT}`])
      const name = dns.hostFor("shop")
      yield* dns.ensure({ host: name, projectId: project, target: "192.0.2.1" })
      assert.deepStrictEqual(yield* Effect.promise(() => resolver.resolve4(name)), ["192.0.2.1"])
      yield* dns.ensure({ host: name, projectId: project, target: "2001:db8::1" })
      assert.deepStrictEqual(yield* Effect.promise(() => resolver.resolve6(name)), ["2001:db8::1"])
      yield* dns.ensure({ host: name, projectId: project, target: "host.example.org" })
      assert.deepStrictEqual(yield* Effect.promise(() => resolver.resolveCname(name)), ["host.example.org"])
      yield* dns.remove(project, name)
      for (const { host, projectId } of yield* dns.list) yield* dns.remove(projectId, host)
      assert.deepStrictEqual(yield* dns.list, [])
    }).pipe(Effect.provide(layer))
  )
  it.live("never touches a record of somebody else's, nor makes one that is none", () =>
    Effect.gen(function* () {
      const dns = yield* Dns
      const name = dns.hostFor("mail")
      yield* foreign(name, "REPLACE")
      for (const verb of [
        dns.ensure({ host: name, projectId: project, target: "192.0.2.1" }),
        dns.remove(project, name)
      ])
        assert.strictEqual(
          (yield* Effect.flip<unknown, { reason: { _tag: string } }, never>(verb)).reason._tag,
          "Foreign"
        )
      yield* foreign(name, "DELETE")
      for (const target of ["http://127.0.0.1:80", "a b", "x\ny", '"'])
        assert.strictEqual(
          (yield* Effect.flip(dns.ensure({ host: dns.hostFor("bad"), projectId: project, target }))).reason._tag,
          "Invalid"
        )
    }).pipe(Effect.provide(layer))
  )
})
// The suite's own installation lies in apps.test, which is no zone here.
adapterSuite("powerdns", adapter, {
  dns: {
    good,
    bad: { ...good, url: "127.0.0.1" },
    broken: { ...good, key: Redacted.make("not-the-key") },
    needs: host
  }
})
