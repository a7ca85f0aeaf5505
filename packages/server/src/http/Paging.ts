/**
 * Cursors: where a list goes on, signed together with the list and its filters, so that a cursor of one list is refused by another
 * and nobody can make one up.
 */
import * as Problem from "@rdev/api/Problem"
import { defaultLimit } from "@rdev/api/Parameters"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { createHmac, timingSafeEqual } from "node:crypto"

export interface Query {
  readonly limit?: number
  readonly cursor?: string
}

export class Paging extends Context.Service<
  Paging,
  {
    /** `list` names the list and every filter of it. */
    read(
      list: ReadonlyArray<string | null | undefined>,
      query: Query
    ): Effect.Effect<{ readonly after: string | null; readonly limit: number }, Problem.Problem>
    /** The cursor after `last`, or null when the page was not full. */
    next(
      list: ReadonlyArray<string | null | undefined>,
      limit: number,
      rows: ReadonlyArray<unknown>,
      last: string | undefined
    ): string | null
    /** A page of a list that is at hand as a whole, by id. */
    whole<A extends { readonly id: string }>(
      list: ReadonlyArray<string | null | undefined>,
      query: Query,
      all: ReadonlyArray<A>
    ): Effect.Effect<{ readonly page: ReadonlyArray<A>; readonly nextCursor: string | null }, Problem.Problem>
  }
>()("rdev/server/Paging") {}

const separator = "."

export const make = (secret: Uint8Array): Paging["Service"] => {
  const sign = (list: ReadonlyArray<string | null | undefined>, after: string) =>
    createHmac("sha256", secret)
      .update(JSON.stringify(["cursor", after, ...list.map((part) => part ?? null)]))
      .digest("base64url")
      .slice(0, 16)
  const read: Paging["Service"]["read"] = (list, query) =>
    Effect.gen(function* () {
      const limit = query.limit ?? defaultLimit
      if (query.cursor === undefined) return { after: null, limit }
      const [encoded = "", signature = ""] = query.cursor.split(separator)
      const after = Buffer.from(encoded, "base64url").toString("utf8")
      const wanted = sign(list, after)
      if (signature.length !== wanted.length || !timingSafeEqual(Buffer.from(signature), Buffer.from(wanted))) {
        return yield* Problem.make("invalid-cursor", {
          detail: "The cursor is not of this list with these filters; start again without a cursor",
          errors: [{ pointer: "/query/cursor", detail: "not a cursor of this list" }]
        })
      }
      return { after, limit }
    })
  const next: Paging["Service"]["next"] = (list, limit, rows, last) =>
    rows.length < limit || last === undefined
      ? null
      : `${Buffer.from(last).toString("base64url")}${separator}${sign(list, last)}`
  return {
    read,
    next,
    whole: (list, query, all) =>
      Effect.map(read(list, query), ({ after, limit }) => {
        const page = all
          .filter(({ id }) => after === null || id > after)
          .sort((one, other) => (one.id < other.id ? -1 : 1))
          .slice(0, limit)
        return { page, nextCursor: next(list, limit, page, page.at(-1)?.id) }
      })
  }
}
