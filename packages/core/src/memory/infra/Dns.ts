/** Host names in a map. Nothing resolves. */
import { Effect, Layer, Option } from "effect"
import type { DnsRecord } from "../../ports/infra/Dns.ts"
import { Dns, DnsError } from "../../ports/infra/Dns.ts"
import type { PortReason } from "../../ports/infra/PortReason.ts"

const error = (operation: string, reason: PortReason) => new DnsError({ operation: `Dns.${operation}`, reason })
/** Lower-case labels of letters, digits and hyphens, at least two of them, at most 253 characters. */
export const isHost = (host: string): boolean =>
  host.length <= 253 && /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(host)

const make = (domain: string) =>
  Effect.sync(() => {
    const records = new Map<string, DnsRecord>()
    const foreign = (operation: string, there: DnsRecord) =>
      error(operation, { _tag: "Foreign", message: `${there.host} belongs to ${there.projectId}` })
    return Dns.of({
      hostFor: (label) => `${label}.${domain}`,
      ensure: (record) =>
        Effect.suspend(() => {
          if (!isHost(record.host))
            return Effect.fail(
              error("ensure", {
                _tag: "Invalid",
                field: "host",
                message: `${JSON.stringify(record.host)} is not a host name`
              })
            )
          const there = records.get(record.host)
          if (there !== undefined && there.projectId !== record.projectId) return Effect.fail(foreign("ensure", there))
          records.set(record.host, { projectId: record.projectId, host: record.host, target: record.target })
          return Effect.succeed({ externalId: record.host, created: there === undefined })
        }),
      observe: (host) => Effect.sync(() => Option.fromNullishOr(records.get(host))),
      remove: (projectId, host) =>
        Effect.suspend(() => {
          const there = records.get(host)
          if (there !== undefined && there.projectId !== projectId) return Effect.fail(foreign("remove", there))
          records.delete(host)
          return Effect.void
        }),
      list: Effect.sync(() => [...records.values()].sort((a, b) => (a.host < b.host ? -1 : 1)))
    })
  })

/** Names under `domain`, e.g. `example.test`. */
export const layerWith = (domain: string): Layer.Layer<Dns> => Layer.suspend(() => Layer.effect(Dns, make(domain)))
export const layer: Layer.Layer<Dns> = layerWith("localhost")
