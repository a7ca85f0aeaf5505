/** Spans of small, frequent calls. */
import { Context, Effect, Tracer } from "effect"

/**
 * A span of this name where somebody provided a tracer. Elsewhere nobody could see it, and making one (10 µs, 50 in a young process)
 * takes longer than the rest of a small call. No stack is taken: it would say no more than the name.
 */
export const traced =
  (name: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber<A, E, R>((fiber) =>
      Context.getOrUndefined(fiber.context, Tracer.Tracer) === undefined
        ? effect
        : Effect.withSpan(name, {}, { captureStackTrace: false })(effect)
    )
