/**
 * The proof that a move of a branch was examined. `GitObjects.advanceBranch` takes nothing else, and the only way to one is `examine`,
 * which runs the examination of exactly this commit against exactly this head: what was checked is what lands.
 */
import { Data, Effect } from "effect"

/** A branch's head and the commit that it is to move to. */
export interface Move {
  readonly head: string
  readonly to: string
}

/** What is wrong with the commit; the branch has not moved. */
export class Refused extends Data.TaggedError("Refused")<{ readonly problems: ReadonlyArray<string> }> {
  override get message(): string {
    return `${this.problems.slice(0, 3).join("; ")}${this.problems.length > 3 ? `; and ${this.problems.length - 3} more` : ""}`
  }
}

export class Examined implements Move {
  readonly head: string
  readonly to: string
  /** A private field makes the type nominal: no object literal passes for it. */
  readonly #proven = true

  private constructor(move: Move) {
    this.head = move.head
    this.to = move.to
  }

  /** Whether the value came from `examine`, also where types were cast away. */
  static is = (value: unknown): value is Examined =>
    typeof value === "object" && value !== null && #proven in value && value.#proven

  /** `problems` examines the move and answers with everything that is wrong; empty = it may land. */
  static examine = <E, R>(
    move: Move,
    problems: (move: Move) => Effect.Effect<ReadonlyArray<string>, E, R>
  ): Effect.Effect<Examined, E | Refused, R> => {
    const fixed: Move = { head: move.head, to: move.to }
    return Effect.flatMap(problems(fixed), (found) =>
      found.length === 0 ? Effect.succeed(new Examined(fixed)) : Effect.fail(new Refused({ problems: found }))
    )
  }
}
