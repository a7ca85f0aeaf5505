/**
 * The Dns port on a file in the format of /etc/hosts, which dnsmasq and CoreDNS serve as it is. A record is a line
 * `<address> <host> # <project>`; the comment is the mark by which we know our own. One process writes it.
 */
import { Host } from "@rdev/core/adapter/Host"
import type { ProjectId } from "@rdev/core/domain/Ids"
import { Dns, type DnsRecord } from "@rdev/core/ports/infra/Dns"
import * as DnsRecords from "@rdev/core/ports/infra/DnsRecords"
import { Effect, Layer, Semaphore } from "effect"
import { readFile, rename, writeFile } from "node:fs/promises"

const parse = (text: string): ReadonlyArray<DnsRecord> =>
  text.split("\n").flatMap((row) => {
    const [, target, host, project] = /^(\S+) (\S+) # (proj_\S+)$/.exec(row) ?? []
    return target && host && project ? [{ projectId: project as ProjectId, host, target }] : []
  })

export const make = (file: string, domain: string) =>
  Effect.map(Semaphore.make(1), (lock) => {
    const read = () =>
      readFile(file, "utf8").then(parse, (cause) => (cause.code === "ENOENT" ? [] : Promise.reject(cause)))
    const list = DnsRecords.attempt("list", read)
    const write = (verb: string, host: string, record: DnsRecord | null) =>
      DnsRecords.attempt(verb, async () => {
        const kept = (await read()).filter((one) => one.host !== host)
        const lines = [...kept, ...(record === null ? [] : [record])].map(
          (one) => `${one.target} ${one.host} # ${one.projectId}\n`
        )
        await writeFile(`${file}.new`, lines.join(""), { flush: true })
        await rename(`${file}.new`, file)
      })
    return DnsRecords.make({
      domain,
      list,
      find: (host) => Effect.map(list, (all) => all.find((one) => one.host === host)),
      put: (record) => write("put", record.host, record),
      remove: (host) => write("remove", host, null),
      alone: lock.withPermit
    })
  })

/** In the data folder, for names of the installation's own domain. */
export const layer = Layer.effect(
  Dns,
  Effect.flatMap(Host, ({ dataDir, domain }) => make(`${dataDir}/hosts`, domain))
)
