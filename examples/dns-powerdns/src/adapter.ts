/** Host names of projects on a PowerDNS server. A record of ours carries its project in a comment of the account `rdev`. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { Dns, type DnsError, isHostName } from "@rdev/core/ports/infra/Dns"
import * as DnsRecords from "@rdev/core/ports/infra/DnsRecords"
import { Effect, Layer, Redacted, Schema } from "effect"
import { isIP } from "node:net"
import { classifyError } from "./classifyError.ts"

const config = Schema.Struct({
  url: Schema.String.check(Schema.isPattern(/^https?:\/\/\S+\/api\/v1\/?$/)).annotate({
    description: "Of the HTTP API, such as http://127.0.0.1:8081/api/v1"
  }),
  key: Adapter.Secret.annotate({ description: "The server's api-key" }),
  server: Schema.optionalKey(Schema.NonEmptyString).annotate({ description: "Default localhost" }),
  zone: Schema.NonEmptyString.annotate({ description: "The zone that the host names lie in, such as example.org" })
})
type Config = typeof config.Type
interface RecordSet {
  readonly name: string
  readonly type: string
  readonly records: ReadonlyArray<{ readonly content: string }>
  readonly comments: ReadonlyArray<{ readonly account: string; readonly content: string }>
}

const types = ["A", "AAAA", "CNAME"]
const plain = (name: string) => name.replace(/\.$/, "").toLowerCase()
const typeOf = (target: string) => ({ 4: "A", 6: "AAAA" })[isIP(target)] ?? "CNAME"
const foundIn = ({ comments, name, records }: RecordSet): DnsRecords.Found => ({
  host: plain(name),
  target: plain(records[0]?.content ?? ""),
  projectId: (comments.find(({ account }) => account === "rdev")?.content ?? null) as DnsRecords.Found["projectId"]
})

type Change = (verb: string, name: string, changes: ReadonlyArray<object>) => Effect.Effect<void, DnsError>
/** A set of TXT values is replaced as a whole: two challenges of one name are one request. */
const textsOf = (
  sets: (query: string) => Effect.Effect<ReadonlyArray<RecordSet>, DnsError>,
  change: Change
): NonNullable<DnsRecords.Keeper["texts"]> => ({
  find: (name) =>
    Effect.map(
      sets(`?rrset_name=${encodeURIComponent(name)}.&rrset_type=TXT`),
      (all) => all.filter((one) => plain(one.name) === name).map(foundIn)[0]
    ),
  put: ({ name, projectId, values }) =>
    change("publish", name, [
      values.length === 0
        ? { type: "TXT", changetype: "DELETE", records: [] }
        : {
            type: "TXT",
            ttl: 60,
            changetype: "REPLACE",
            records: values.map((value) => ({ content: `"${value}"`, disabled: false })),
            comments: [{ account: "rdev", content: projectId }]
          }
    ])
})

const make = ({ key, server = "localhost", url, zone }: Config, domain: string) => {
  const at = `${url.replace(/\/$/, "")}/servers/${encodeURIComponent(server)}/zones/${encodeURIComponent(plain(zone))}.`
  const ask = (verb: string, query: string, body?: unknown): Effect.Effect<unknown, DnsError> =>
    Effect.flatMap(
      DnsRecords.attempt(verb, async () => {
        const response = await fetch(`${at}${query}`, {
          method: body === undefined ? "GET" : "PATCH",
          headers: { "x-api-key": Redacted.value(key), "content-type": "application/json" },
          signal: AbortSignal.timeout(10_000),
          redirect: "error",
          ...(body === undefined ? {} : { body: JSON.stringify(body) })
        })
        return { status: response.status, text: await response.text() }
      }),
      ({ status, text }) => {
        const reason = classifyError(status, text, plain(zone))
        if (reason !== null) return Effect.fail(DnsRecords.error(verb, reason))
        return text === "" ? Effect.void : DnsRecords.attempt(verb, async (): Promise<unknown> => JSON.parse(text))
      }
    )
  const sets = (query: string, wanted = types) =>
    Effect.map(ask("list", query), (answer) =>
      ((answer as { readonly rrsets?: ReadonlyArray<RecordSet> }).rrsets ?? []).filter(
        ({ name, type }) => wanted.includes(type) && plain(name).endsWith(`.${domain}`)
      )
    )
  const change = (verb: string, host: string, changes: ReadonlyArray<object>) =>
    Effect.asVoid(ask(verb, "", { rrsets: changes.map((one) => ({ name: `${host}.`, ...one })) }))
  const gone = (except: string) =>
    types.filter((type) => type !== except).map((type) => ({ type, changetype: "DELETE", records: [] }))
  return DnsRecords.make({
    domain,
    find: (host) =>
      // Of several, the one that is not ours decides.
      Effect.map(sets(`?rrset_name=${encodeURIComponent(host)}.`), (all) => {
        const found = all.filter(({ name }) => plain(name) === host).map(foundIn)
        return found.find(({ projectId }) => projectId === null) ?? found[0]
      }),
    put: ({ host, projectId, target }) => {
      const type = typeOf(target)
      if (type === "CNAME" && !isHostName(target))
        return Effect.fail(
          DnsRecords.error("put", {
            _tag: "Invalid",
            field: "target",
            message: `${target} is no address and no host name`
          })
        )
      const content = type === "CNAME" ? `${target}.` : target
      const record = { records: [{ content, disabled: false }], comments: [{ account: "rdev", content: projectId }] }
      // One request is one transaction: there is never a moment with neither.
      return change("put", host, [...gone(type), { type, ttl: 60, changetype: "REPLACE", ...record }])
    },
    remove: (host) => change("remove", host, gone("")),
    list: Effect.map(sets(""), (all) => all.map(foundIn)),
    texts: textsOf((query) => sets(query, ["TXT"]), change)
  })
}

const layer = (given: Config) =>
  Layer.effect(
    Dns,
    Effect.flatMap(Host, ({ domain }) =>
      domain === plain(given.zone) || domain.endsWith(`.${plain(given.zone)}`)
        ? Effect.succeed(make(given, domain))
        : Effect.fail(
            new Adapter.AdapterError({
              operation: "PowerDns.layer",
              reason: { _tag: "Invalid", field: "zone", message: `${domain} does not lie in ${given.zone}` },
              fix: "Set RDEV_DOMAIN to the zone or a name in it"
            })
          )
    )
  )
const health = ({ zone }: Config) =>
  Effect.flatMap(Dns, ({ list }) => Adapter.healthOf(list, (all) => `${all.length} names in ${zone}`))
export default Adapter.define({ api: 1, name: "powerdns", slots: { dns: { config, layer, health } } })
