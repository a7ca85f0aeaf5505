/**
 * Every request to a vendor is counted here, whichever adapter makes it: how many, how long they took, what they came to, and what is left
 * of the vendor's limit. `call` is the kind of request and never holds a name or number of a project's, so that there are few of them.
 */
import { Effect, Metric } from "effect"
import type { PortReason } from "../ports/infra/PortReason.ts"

const calls = Metric.counter("rdev_vendor_calls_total", {
  incremental: true,
  description: "Requests to vendors; reason: ok, or the reason of the failure"
})
const seconds = Metric.histogram("rdev_vendor_call_seconds", {
  description: "How long requests to vendors took",
  boundaries: Metric.boundariesFromIterable([0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30])
})
const remaining = Metric.gauge("rdev_vendor_limit_remaining", {
  description: "Requests that a vendor still takes before its limit, as it said last"
})

export interface Call {
  /** e.g. `gitea`. */
  readonly vendor: string
  /** e.g. `GET repos actions runs`. */
  readonly call: string
}

/** What is left of a limit, where a vendor says it. */
export const left = (vendor: string, requests: number): Effect.Effect<void> =>
  Metric.update(Metric.withAttributes(remaining, { vendor }), requests)

const done = ({ call, vendor }: Call, reason: string, millis: number): Effect.Effect<void> =>
  Effect.andThen(
    Metric.update(Metric.withAttributes(calls, { vendor, call, reason }), 1),
    Metric.update(Metric.withAttributes(seconds, { vendor, call }), millis / 1_000)
  )

/** Counts a request. `outcome` names what a failure is to be counted as, where that is not its reason. */
export const counted =
  <E extends { readonly reason: PortReason }>(
    call: Call,
    outcome: (failure: E) => string = ({ reason }) => reason._tag
  ) =>
  <A, R>(request: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const began = performance.now()
      return request.pipe(
        Effect.tap(() => done(call, "ok", performance.now() - began)),
        Effect.tapError((failure) => done(call, outcome(failure), performance.now() - began)),
        Effect.onInterrupt(() => done(call, "interrupted", performance.now() - began))
      )
    })

/**
 * A path of a vendor's API as a kind of request: only the words that are known to be words of the API stay. Names, numbers and ids of
 * projects are none.
 */
export const kindOf = (method: string, path: string, words: ReadonlySet<string>): string =>
  [method, ...path.split(/[/?]/).filter((part) => words.has(part))].join(" ")
