/** Pebble, which asks PowerDNS, and an installation over both: a domain of its own for each file, as others use the zone too. */
import * as TestHost from "@rdev/conformance/adapter/TestHost"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { Effect, Layer, Redacted } from "effect"
import { readFileSync } from "node:fs"
import { getCACertificates, setDefaultCACertificates } from "node:tls"
import powerdns from "../src/adapter.ts"

const {
  ACME_API_CA_FILE = "",
  ACME_DIRECTORY_URL = "",
  ACME_ROOT_URL = "",
  PDNS_API_KEY = "",
  PDNS_API_URL = "",
  PDNS_DNS_PORT = "",
  PDNS_ZONE = ""
} = process.env
if (ACME_DIRECTORY_URL === "" || PDNS_API_KEY === "") throw new Error("npm run test:lab -- pebble powerdns")
// As NODE_EXTRA_CA_CERTS would.
setDefaultCACertificates([...getCACertificates(), readFileSync(ACME_API_CA_FILE, "utf8")])

export const directory = ACME_DIRECTORY_URL
export const zone = PDNS_ZONE.replace(/\.$/, "")
export const domainFor = (label: string) => `${label}${process.pid}.${zone}`
export const nameservers = [`127.0.0.1:${PDNS_DNS_PORT}`]
export const hostLayer = (domain: string) => TestHost.layer({ domain })
export const dnsLayer = (domain: string): Layer.Layer<Dns> =>
  Layer.orDie(
    Layer.provide(
      powerdns.slots.dns.layer({ url: PDNS_API_URL, key: Redacted.make(PDNS_API_KEY), zone: PDNS_ZONE }),
      Layer.merge(hostLayer(domain), TestHost.ports)
    )
  )

/** Pebble's root, which signs what it issues. */
export const root = Effect.promise(async () => (await fetch(ACME_ROOT_URL)).text())

interface RecordSet {
  readonly name: string
  readonly type: string
}
/** What the server itself lists below a domain. */
export const listed = (domain: string) =>
  Effect.promise(async () => {
    const answer = await fetch(`${PDNS_API_URL}/servers/localhost/zones/${PDNS_ZONE}`, {
      headers: { "x-api-key": PDNS_API_KEY }
    })
    const { rrsets } = (await answer.json()) as { readonly rrsets: ReadonlyArray<RecordSet> }
    return rrsets.filter(({ name }) => name.endsWith(`.${domain}.`)).map(({ name, type }) => `${name} ${type}`)
  })
