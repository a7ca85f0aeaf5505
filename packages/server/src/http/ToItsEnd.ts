/**
 * Handlers that change something run to their end whatever their client does: a connection that breaks says nothing about the effect,
 * and a handler that is stopped between two writes leaves half of it. Only the end of the server stops them, after a grace.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { ServerResponse } from "node:http"

/** Ends when nobody waits for the answer any more. What only waits for the client's sake should not wait longer. */
export const Departure = Context.Reference<Effect.Effect<void>>("rdev/server/Departure", {
  defaultValue: () => Effect.never
})

const readOnly: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

const closed = (response: ServerResponse) =>
  Effect.callback<void>((resume) => {
    const done = () => resume(Effect.void)
    if (response.destroyed) return done()
    response.once("close", done)
    return Effect.sync(() => {
      response.off("close", done)
    })
  })

export interface ToItsEnd {
  /** Of the connections: they end after the handlers that change something. */
  readonly requests: Scope.Scope
  /** The handler of a request with this method, which is answered on `response`. */
  readonly run: <A, E, R>(
    handler: Effect.Effect<A, E, R>,
    method: string,
    response: ServerResponse
  ) => Effect.Effect<A, E, R>
}

/** `graceMillis`: how long the end of the scope waits for handlers that are under way. */
export const make = (graceMillis: number): Effect.Effect<ToItsEnd, never, Scope.Scope> =>
  Effect.gen(function* () {
    const running = new Set<Fiber.Fiber<unknown, unknown>>()
    const stopping = yield* Deferred.make<void>()
    const requests = yield* Scope.make()
    yield* Effect.addFinalizer((exit) =>
      Effect.gen(function* () {
        yield* Deferred.succeed(stopping, void 0)
        yield* Effect.timeoutOption(Fiber.awaitAll(running), graceMillis)
        yield* Fiber.interruptAll(running)
        yield* Scope.close(requests, exit)
      })
    )
    return {
      requests,
      run: (handler, method, response) => {
        if (readOnly.has(method)) return handler
        const departure = Effect.raceFirst(closed(response), Deferred.await(stopping))
        // A scope of its own: the request's ends with the connection.
        return Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkDetach(
              Effect.interruptible(Effect.provideService(Effect.scoped(handler), Departure, departure))
            )
            running.add(fiber)
            fiber.addObserver(() => running.delete(fiber))
            return yield* restore(Fiber.join(fiber))
          })
        )
      }
    }
  })
