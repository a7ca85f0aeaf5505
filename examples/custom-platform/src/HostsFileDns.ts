/**
 * An adapter of one's own: the Dns port on a file in the format of /etc/hosts, which dnsmasq and CoreDNS serve as it is.
 * A record is a line `<address> <host> # <project>`; the comment is the mark by which we know our own.
 */
import { Dns, DnsError, type DnsRecord } from "@rdev/core/ports/infra/Dns"
import type { PortReason } from "@rdev/core/ports/infra/PortReason"
import { ProjectId } from "@rdev/core/domain/Ids"
import { Effect, Layer, Option, Schema, Semaphore } from "effect"
import { readFile, rename, writeFile } from "node:fs/promises"

const error = (operation: string, reason: PortReason, cause?: unknown) =>
  new DnsError({ operation: `Dns.${operation}`, reason, cause })
const hostName = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/
const line = /^(\S+) (\S+) # (proj_\S+)$/
const isProject = Schema.is(ProjectId)

const parse = (text: string): ReadonlyArray<DnsRecord> =>
  text.split("\n").flatMap((row) => {
    const [, target = "", host = "", projectId = ""] = line.exec(row) ?? []
    return isProject(projectId) ? [{ projectId, host, target }] : []
  })

export const layer = (options: { readonly file: string; readonly zone: string }) =>
  Layer.effect(
    Dns,
    Effect.gen(function* () {
      const lock = yield* Semaphore.make(1)
      const failed = (operation: string) => (cause: unknown) =>
        error(operation, { _tag: "Unavailable", message: `${options.file} cannot be used: ${String(cause)}` }, cause)
      const read = (operation: string) =>
        Effect.tryPromise({
          try: () =>
            readFile(options.file, "utf8").catch((cause: NodeJS.ErrnoException) =>
              cause.code === "ENOENT" ? "" : Promise.reject(cause)
            ),
          catch: failed(operation)
        }).pipe(Effect.map(parse))
      const write = (operation: string, records: ReadonlyArray<DnsRecord>) =>
        Effect.tryPromise({
          try: async () => {
            await writeFile(
              `${options.file}.new`,
              records.map((one) => `${one.target} ${one.host} # ${one.projectId}\n`).join("")
            )
            await rename(`${options.file}.new`, options.file)
          },
          catch: failed(operation)
        })
      const mine = (operation: string, there: DnsRecord | undefined, projectId: string) =>
        there === undefined || there.projectId === projectId
          ? Effect.void
          : Effect.fail(error(operation, { _tag: "Foreign", message: `${there.host} belongs to ${there.projectId}` }))

      return Dns.of({
        hostFor: (label) => `${label}.${options.zone}`,
        ensure: Effect.fn("Dns.ensure")(function* (record) {
          if (!hostName.test(record.host))
            return yield* error("ensure", {
              _tag: "Invalid",
              field: "host",
              message: `${JSON.stringify(record.host)} is not a host name`
            })
          const records = yield* read("ensure")
          const there = records.find((one) => one.host === record.host)
          yield* mine("ensure", there, record.projectId)
          if (there?.target !== record.target)
            yield* write("ensure", [...records.filter((one) => one.host !== record.host), record])
          return { externalId: record.host, created: there === undefined }
        }, lock.withPermit),
        observe: (host) =>
          Effect.map(read("observe"), (records) => Option.fromNullishOr(records.find((one) => one.host === host))),
        remove: Effect.fn("Dns.remove")(function* (projectId, host) {
          const records = yield* read("remove")
          const there = records.find((one) => one.host === host)
          yield* mine("remove", there, projectId)
          if (there !== undefined)
            yield* write(
              "remove",
              records.filter((one) => one.host !== host)
            )
        }, lock.withPermit),
        list: read("list")
      })
    })
  )
