/** The processes of an installation: which of them are alive, for what only one of them holds (a running command). */
import { Context, Effect } from "effect"
import type { StoreError } from "./StoreError.ts"

export interface Replicas {
  /** This process, until it ends; another start is another one. */
  readonly self: string
  /** Whether the process works. One that ended without a word counts as alive for up to ten seconds. */
  alive(id: string): Effect.Effect<boolean, StoreError>
}

/** Alone, unless an installation says otherwise. */
export const Replicas = Context.Reference<Replicas>("rdev/ports/Replicas", {
  defaultValue: () => ({ self: "alone", alive: (id) => Effect.succeed(id === "alone") })
})
