/**
 * What happened at a forge without the platform: told by the forge's adapter, which has checked who did it. Delivery is at least once,
 * in no promised order; `id` tells a repetition. A forge's adapter is made before the services that listen, so what it tells waits for
 * them; without `layer` nobody listens, and nothing waits.
 */
import { Context, Deferred, Effect, Layer, type Scope } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import type { StoreError } from "../stores/StoreError.ts"

export interface MovedRef {
  /** Whole, e.g. `refs/heads/main`. */
  readonly ref: string
  /** null = it was not there. */
  readonly old: string | null
  /** null = it is gone. */
  readonly next: string | null
}
/** Refs that somebody moved, as they stood when the push had ended. */
export interface Push {
  readonly id: string
  readonly projectId: ProjectId
  readonly refs: ReadonlyArray<MovedRef>
  readonly pusher: { readonly id: string; readonly name: string }
  readonly sourceAddress: string | null
}

export interface ForgeEventSink {
  /** Returns when it is recorded; whoever calls keeps the push until then. */
  pushed(push: Push): Effect.Effect<void, StoreError>
}

export interface ForgeEvents extends ForgeEventSink {
  /** Brings what is told to the sink until the scope ends. */
  listen(sink: ForgeEventSink): Effect.Effect<void, never, Scope.Scope>
}

export const ForgeEvents = Context.Reference<ForgeEvents>("rdev/ports/ForgeEvents", {
  defaultValue: () => ({ pushed: () => Effect.void, listen: () => Effect.void })
})

/** For an installation: one between its forge and its services. */
export const layer: Layer.Layer<never> = Layer.sync(ForgeEvents, () => {
  let listener = Deferred.makeUnsafe<ForgeEventSink>()
  return {
    pushed: (push) =>
      Effect.flatMap(
        Effect.suspend(() => Deferred.await(listener)),
        (sink) => sink.pushed(push)
      ),
    listen: (sink) =>
      Effect.asVoid(
        Effect.acquireRelease(Deferred.succeed(listener, sink), () =>
          Effect.sync(() => {
            listener = Deferred.makeUnsafe()
          })
        )
      )
  }
})
