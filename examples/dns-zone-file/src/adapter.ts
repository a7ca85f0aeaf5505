/** Host names of projects in a zone file (RFC 1035). A record of ours ends in `; rdev <project>`; every other line is kept. */
import * as Adapter from "@rdev/core/adapter/Adapter"
import { Host } from "@rdev/core/adapter/Host"
import { Dns } from "@rdev/core/ports/infra/Dns"
import * as DnsRecords from "@rdev/core/ports/infra/DnsRecords"
import { Effect, Layer, Schedule, Schema } from "effect"
import { mkdir, readFile, rename, rmdir, writeFile } from "node:fs/promises"
import { isIP } from "node:net"

const config = Schema.Struct({ file: Schema.NonEmptyString.annotate({ description: "Path of the zone file" }) })
const patience = { schedule: Schedule.spaced("50 millis"), times: 100 }
const pattern = /^(\S+?)\.? (?:\d+ )?(?:IN )?(?:A|AAAA|CNAME) (\S+?)\.?(?: ; rdev (proj_\w+))?$/
const soa = /(\bSOA\s+\S+\s+\S+\s+\(?\s*)(\d+)/
const dataOf = (target: string) => ({ 4: `A ${target}`, 6: `AAAA ${target}` })[isIP(target)] ?? `CNAME ${target}.`

const make = (file: string, domain: string) => {
  const head = `$ORIGIN ${domain}.\n$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 604800 60\n@ IN NS ns\n`
  const read = () => readFile(file, "utf8").catch((e) => (e.code === "ENOENT" ? head : Promise.reject(e)))
  const list = Effect.map(DnsRecords.attempt("list", read), (text) =>
    text.split("\n").flatMap((line): Array<DnsRecords.Found> => {
      const [, name = "", target = "", owner = null] = pattern.exec(line) ?? []
      const host = name.endsWith(`.${domain}`) ? name : `${name}.${domain}`
      return name === "" ? [] : [{ host, target, projectId: owner as DnsRecords.Found["projectId"] }]
    })
  )
  /** The file as a whole under a new serial number, in one step: a crash leaves the old one. */
  const write = async (host: string, line: string) => {
    const kept = (await read()).split("\n").filter((one) => !one.startsWith(`${host}. `))
    const next = (_: string, before: string, serial: string) => `${before}${(Number(serial) + 1) % 2 ** 32}`
    const text = kept.join("\n").trimEnd().replace(soa, next)
    await writeFile(`${file}.new`, `${text}\n${line}`, { flush: true })
    await rename(`${file}.new`, file)
  }
  const lock = DnsRecords.attempt("lock", () => mkdir(`${file}.lock`)).pipe(Effect.retry(patience))
  const unlock = () => Effect.promise(() => rmdir(`${file}.lock`))
  return DnsRecords.make({
    domain,
    list,
    find: (host) => Effect.map(list, (all) => all.find((one) => one.host === host)),
    put: ({ host, projectId, target }) =>
      DnsRecords.attempt("put", () => write(host, `${host}. IN ${dataOf(target)} ; rdev ${projectId}\n`)),
    remove: (host) => DnsRecords.attempt("remove", () => write(host, "")),
    alone: (work) => Effect.acquireUseRelease(lock, () => work, unlock)
  })
}

const layer = ({ file }: typeof config.Type) =>
  Layer.effect(
    Dns,
    Effect.map(Host, ({ domain }) => make(file, domain))
  )
const health = ({ file }: typeof config.Type) =>
  Effect.flatMap(Dns, ({ list }) => Adapter.healthOf(list, (all) => `${all.length} records in ${file}`))
export default Adapter.define({ api: 1, name: "zone-file", slots: { dns: { config, layer, health } } })
