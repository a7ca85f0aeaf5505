/**
 * A service whose verbs are tried again after failures that pass, as the platform's operations do: what an adapter must bear, since any
 * attempt may have done its work already.
 */
import { isRetryable, type PortReason } from "@rdev/core/ports/infra/PortReason"
import { Effect, Schedule } from "effect"

const policy = Schedule.spaced("20 millis").pipe(Schedule.upTo({ times: 12 }))
const passes = (failure: unknown): boolean =>
  typeof failure === "object" && failure !== null && "reason" in failure && isRetryable(failure.reason as PortReason)
const insist = (value: unknown): unknown =>
  Effect.isEffect(value)
    ? Effect.retry(value as Effect.Effect<unknown, unknown>, { while: passes, schedule: policy })
    : value

/** Streams are left as they are: whoever follows one is told of its failure. */
export const insisting = <S extends object>(service: S): S =>
  Object.fromEntries(
    Object.entries(service).map(([name, verb]) => [
      name,
      typeof verb === "function"
        ? (...args: ReadonlyArray<unknown>) => insist((verb as (...args: ReadonlyArray<unknown>) => unknown)(...args))
        : insist(verb)
    ])
  ) as S
