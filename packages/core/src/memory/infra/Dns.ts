/** Host names in a map. Nothing resolves. */
import { Effect, Layer } from "effect"
import { Dns, type DnsRecord, type TextRecord } from "../../ports/infra/Dns.ts"
import * as DnsRecords from "../../ports/infra/DnsRecords.ts"

const make = (domain: string) =>
  Effect.sync(() => {
    const records = new Map<string, DnsRecord>()
    const texts = new Map<string, TextRecord>()
    return DnsRecords.make({
      domain,
      find: (host) => Effect.sync(() => records.get(host)),
      put: (record) => Effect.sync(() => void records.set(record.host, record)),
      remove: (host) => Effect.sync(() => void records.delete(host)),
      list: Effect.sync(() => [...records.values()]),
      texts: {
        find: (name) => Effect.sync(() => texts.get(name)),
        put: (record) =>
          Effect.sync(() => {
            if (record.values.length === 0) texts.delete(record.name)
            else texts.set(record.name, record)
          })
      }
    })
  })

/** Names under `domain`, e.g. `example.test`. */
export const layerWith = (domain: string): Layer.Layer<Dns> => Layer.suspend(() => Layer.effect(Dns, make(domain)))
export const layer: Layer.Layer<Dns> = layerWith("localhost")
