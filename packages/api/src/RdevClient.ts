/**
 * The client of promises: plain strings in, the wire's JSON out (docs/http-api.md), every failure a ClientError. Its methods are the
 * contract's endpoints. Loads neither effect nor a schema; a page can import it as it is.
 *
 *     const rdev = RdevClient.make({ url: "http://127.0.0.1:4848", key })
 *     await rdev.projects.create({ name: "hello", wait: 60 })
 *     for await (const event of rdev.events.follow({ project: "hello" })) console.log(event.type)
 */
import { call, items, type Route, streamed } from "./client/Call.ts"
import * as Extras from "./client/Extras.ts"
import { routes } from "./client/RouteTable.ts"
import type { Derived, Names } from "./client/Shapes.ts"
import * as Transport from "./client/Transport.ts"

export type { ConnectionState, Event, FollowOptions } from "./client/Follow.ts"
export type { EventFilter, EventSource } from "./client/Extras.ts"
export type { Input, Output, OutputPiece, Plan } from "./client/Shapes.ts"
export type { CallOptions, ClientOptions } from "./client/Transport.ts"

type WithExtras = {
  readonly [G in keyof Derived]: G extends keyof Extras.Extras ? Derived[G] & Extras.Extras[G] : Derived[G]
}
export interface RdevClient extends WithExtras {
  /** Of the server, without a slash at its end. */
  readonly url: string
}

const table: { readonly [G in keyof Names]: { readonly [E in keyof Names[G]]: Route } } = routes

/** The endpoints of a group as methods, with `…All` for those that answer in pages and `plan` for what can be planned. */
const methodsOf = (transport: Transport.Transport, endpoints: Readonly<Record<string, Route>>) => {
  const methods: Record<string, unknown> = {}
  for (const [name, route] of Object.entries(endpoints)) {
    const [, , query, , , answer] = route
    methods[name] = answer === "stream" ? streamed(transport, route) : call(transport, route)
    if (query.includes("cursor")) methods[`${name}All`] = items(transport, route)
    if (query.includes("dry_run")) methods["plan"] = call(transport, route, { dry_run: "true" })
  }
  return methods
}

export const make = (options: Transport.ClientOptions): RdevClient => {
  const transport = Transport.make(options)
  const groups = Object.fromEntries(
    Object.entries(table as Readonly<Record<string, Readonly<Record<string, Route>>>>).map(([name, endpoints]) => [
      name,
      methodsOf(transport, endpoints)
    ])
  )
  const extras = Extras.make(transport)
  for (const [name, more] of Object.entries(extras)) Object.assign(groups[name] ?? {}, more)
  return { ...groups, url: transport.url } as unknown as RdevClient
}
