/**
 * Whether the zone's own servers answer with the values of a TXT record: an authority asks them too, and one that finds nothing there does
 * not ask again. Caches on the way are not asked: they would keep the answer "nothing" for as long as the zone says.
 */
import { Effect } from "effect"
import { Resolver } from "node:dns/promises"

export interface Seen {
  readonly ok: boolean
  /** For people: what which server said. */
  readonly detail: string
}
const timing = { timeout: 3_000, tries: 2 }
const codeOf = (cause: unknown): string =>
  cause instanceof Error && "code" in cause ? String(cause.code) : String(cause)
/** There is no such record, by a server that knows. */
const none = new Set(["ENODATA", "ENOTFOUND"])

const through = (server: string | null): Resolver => {
  const resolver = new Resolver(timing)
  if (server !== null) resolver.setServers([server])
  return resolver
}

/** Names of the servers of the zone that holds the name; empty = not found out. */
const serversOf = async (name: string): Promise<ReadonlyArray<string>> => {
  const resolver = through(null)
  for (let zone = name; zone.includes("."); zone = zone.slice(zone.indexOf(".") + 1)) {
    const found = await resolver.resolveNs(zone).catch((cause: unknown) => {
      if (none.has(codeOf(cause))) return []
      throw cause
    })
    if (found.length > 0) return found
  }
  return []
}
const addressesOf = async (server: string): Promise<ReadonlyArray<string>> => {
  const resolver = through(null)
  const found = await Promise.allSettled([resolver.resolve4(server), resolver.resolve6(server)])
  return found.flatMap((one) => (one.status === "fulfilled" ? one.value : []))
}
const bracketed = (address: string) => (address.includes(":") ? `[${address}]:53` : address)

/** `has`, `lacks` some of the values, or `silent`. */
const asked = async (address: string, name: string, values: ReadonlyArray<string>) => {
  try {
    const found = (await through(address).resolveTxt(name)).map((parts) => parts.join(""))
    return { address, state: values.every((value) => found.includes(value)) ? "has" : "lacks" }
  } catch (cause) {
    return { address, state: none.has(codeOf(cause)) ? "lacks" : "silent" }
  }
}

/** Of several addresses of one server, those that cannot be reached from here do not count; one that answers has to have it all. */
const look = async (name: string, values: ReadonlyArray<string>, given: ReadonlyArray<string>): Promise<Seen> => {
  const servers = given.length > 0 ? given : await serversOf(name)
  if (servers.length === 0)
    return { ok: false, detail: `the servers of the zone of ${name} cannot be found out: is it delegated?` }
  const addresses = given.length > 0 ? given : (await Promise.all(servers.map(addressesOf))).flat().map(bracketed)
  const answers = await Promise.all(addresses.map((address) => asked(address, name, values)))
  const of = (state: string) => answers.filter((one) => one.state === state).map(({ address }) => address)
  if (of("lacks").length > 0)
    return {
      ok: false,
      detail: `${of("lacks").join(", ")} ${of("lacks").length === 1 ? "does" : "do"} not have it yet`
    }
  return of("has").length > 0
    ? { ok: true, detail: `${of("has").join(", ")} answered with it` }
    : {
        ok: false,
        detail: `none of ${servers.join(", ")} answers; a machine without DNS to the outside needs nameservers or settleSeconds`
      }
}

export type Propagation = (name: string, values: ReadonlyArray<string>) => Effect.Effect<Seen>

/** `nameservers`: asked instead of those that the zone names, as address or address:port. */
export const make =
  (nameservers: ReadonlyArray<string>): Propagation =>
  (name, values) =>
    Effect.catch(
      Effect.tryPromise(() => look(name, values, nameservers)),
      ({ cause }) => Effect.succeed({ ok: false, detail: `the servers of the zone cannot be asked: ${codeOf(cause)}` })
    )
