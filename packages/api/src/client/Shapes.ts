/**
 * What the client's methods take and give, derived from the contract: one object of plain strings and numbers goes in (path, query and body
 * together), the wire's JSON comes out. Types alone.
 */
import type { Schema } from "effect"
import type { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiSchema } from "effect/http-api"
import type { Api } from "../Api.ts"
import type { CallOptions } from "./Transport.ts"

type Groups = typeof Api extends HttpApi.HttpApi<infer _Id, infer G> ? G : never
export type GroupName = HttpApiGroup.Identifier<Groups>
export type EndpointsOf<G extends GroupName> = Extract<
  HttpApiGroup.WithIdentifier<Groups, G>,
  HttpApiGroup.Constraint
>["endpoints"]
type Endpoint<G extends GroupName, E extends keyof EndpointsOf<G>> = Extract<
  EndpointsOf<G>[E],
  HttpApiEndpoint.ConstraintRequest
>

type Simplify<T> = { [K in keyof T]: T[K] } & {}
/** Without brands: callers write plain strings. */
export type Plain<T> = T extends string
  ? string extends T
    ? string
    : T extends { readonly "~effect/Brand": unknown }
      ? string
      : T
  : T
type Absent<T> = [T] extends [never] ? {} : T
type ParamsOf<E extends HttpApiEndpoint.ConstraintRequest> = {
  readonly [K in keyof Absent<E["~Params"]["Type"]>]: string
}
/** Words for yes and no are written as such. */
type Parameter<T> = [T] extends ["true" | "false" | undefined] ? boolean : Plain<T>
type QueryOf<E extends HttpApiEndpoint.ConstraintRequest> = {
  readonly [K in keyof Absent<E["~Query"]["Type"]>]: Parameter<Absent<E["~Query"]["Type"]>[K]>
}
type HeaderNames<E extends HttpApiEndpoint.ConstraintRequest> = keyof Absent<E["~Headers"]["Type"]>
/** `Prefer: wait=N` and `If-Match`, as fields. */
type HeadersOf<E extends HttpApiEndpoint.ConstraintRequest> = ("prefer" extends HeaderNames<E>
  ? {
      /** Seconds to wait for the end, at most 60. */
      readonly wait?: number
    }
  : {}) &
  ("if-match" extends HeaderNames<E>
    ? {
        /** The `etag` of what was read. */
        readonly if_match: string
      }
    : {})
/** The schema that was written, of the codec that the framework makes of it. */
type Written<S> = S extends { readonly schema: infer Inner; readonly Encoded: Schema.Json } ? Inner : S
type EncodedOf<S> = Written<S> extends infer Inner ? (Inner extends { readonly Encoded: infer A } ? A : never) : never
type BodyOf<E extends HttpApiEndpoint.ConstraintRequest> = Absent<EncodedOf<E["~Payload"]>>

export type InputOf<E extends HttpApiEndpoint.ConstraintRequest> = Simplify<
  ParamsOf<E> & Omit<QueryOf<E>, "dry_run"> & HeadersOf<E> & BodyOf<E>
>

/** A piece of what a command printed. */
export interface OutputPiece {
  readonly bytes: Uint8Array
  /** Where it begins: behind what was asked for when that is not kept. */
  readonly offset: number
  /** The offset to go on with. */
  readonly next: number
  /** Bytes that came so far. */
  readonly size: number
  /** How many of them are not kept. */
  readonly dropped: number
  /** Nothing more will come. */
  readonly ended: boolean
}

type AnswerOf<S> =
  S extends HttpApiSchema.WithHeaders<infer Inner, infer Headers>
    ? Headers["Type"] extends { readonly etag: string }
      ? Simplify<EncodedOf<Inner> & { readonly etag: string }>
      : OutputPiece
    : S extends HttpApiSchema.StreamUint8Array
      ? Uint8Array
      : Written<S> extends typeof HttpApiSchema.NoContent
        ? void
        : EncodedOf<S>
type OutputOf<E extends HttpApiEndpoint.ConstraintRequest> = AnswerOf<E["~Success"]>
type IsStream<E extends HttpApiEndpoint.ConstraintRequest> =
  Extract<E["~Success"], HttpApiSchema.StreamUint8Array> extends never ? false : true
/** What is planned instead of done. */
export type Plan = Extract<OutputOf<Endpoint<"projects", "create">>, { readonly steps: unknown }>
type DoneOf<E extends HttpApiEndpoint.ConstraintRequest> = "dry_run" extends keyof QueryOf<E>
  ? Exclude<OutputOf<E>, Plan>
  : OutputOf<E>

/** An argument that may be left out when nothing in it is needed. */
type Arguments<I> = {} extends I
  ? readonly [input?: I, options?: CallOptions]
  : readonly [input: I, options?: CallOptions]
export type Method<I, O> = (...args: Arguments<I>) => Promise<O>
export type StreamMethod<I, O> = (...args: Arguments<I>) => AsyncIterableIterator<O>

type Methods<G extends GroupName> = {
  readonly [E in keyof EndpointsOf<G>]: IsStream<Endpoint<G, E>> extends true
    ? StreamMethod<InputOf<Endpoint<G, E>>, Uint8Array>
    : Method<InputOf<Endpoint<G, E>>, DoneOf<Endpoint<G, E>>>
}
type ItemOf<Page> = { [K in keyof Page]: Page[K] extends ReadonlyArray<infer Item> ? Item : never }[keyof Page]
/** `listAll` for `list`: every item of every page, fetched as they are read. */
type AllMethods<G extends GroupName> = {
  readonly [
    E in keyof EndpointsOf<G> as "cursor" extends keyof QueryOf<Endpoint<G, E>> ? `${E & string}All` : never
  ]: StreamMethod<Omit<InputOf<Endpoint<G, E>>, "cursor">, ItemOf<OutputOf<Endpoint<G, E>>>>
}
/** What would be done; changes nothing. */
type PlanMethod<G extends GroupName> = {
  readonly [E in keyof EndpointsOf<G> as "dry_run" extends keyof QueryOf<Endpoint<G, E>> ? "plan" : never]: Method<
    Omit<InputOf<Endpoint<G, E>>, "wait">,
    Plan
  >
}
export type Derived = {
  readonly [G in GroupName]: Simplify<Methods<G> & AllMethods<G> & PlanMethod<G>>
}
/** The names of the contract's groups and endpoints, for the table that the client runs on. */
export type Names = { readonly [G in GroupName]: { readonly [E in keyof EndpointsOf<G>]: unknown } }

/** What a method takes, e.g. `Input<"features", "create">`. */
export type Input<G extends GroupName, E extends keyof EndpointsOf<G>> = InputOf<Endpoint<G, E>>
/** What it answers, e.g. `Output<"projects", "get">`. */
export type Output<G extends GroupName, E extends keyof EndpointsOf<G>> = DoneOf<Endpoint<G, E>>
