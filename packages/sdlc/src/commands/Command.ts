/** What an agent command is, whatever harness it is rendered for. Plain data. */

/** What a command needs to be allowed to do. */
export type Capability = "sdlc" | "read" | "write" | "shell" | "git"

export interface Command {
  readonly id: string
  /** One sentence: what it does and when to use it. Harnesses choose by it. */
  readonly summary: string
  /** Argument hint, such as `[feature]`. */
  readonly args: string
  /** Actions of decisions that this command carries out. */
  readonly handles: ReadonlyArray<string>
  /** Files it looks at. */
  readonly reads: ReadonlyArray<string>
  /** Globs it may write. */
  readonly writes: ReadonlyArray<string>
  readonly caps: ReadonlyArray<Capability>
  /** user: only when a person asks for it · model: the agent may choose it. */
  readonly invoke: "user" | "model"
  /** Runs best in a context of its own, so that it judges without having written. */
  readonly fresh: boolean
  /** Markdown; `{{args.feature}}` is replaced by what the harness passes. */
  readonly body: string
}

export const feature = ".sdlc/features/<feature>"

/** The four verbs of a document's life short of approval. */
export const authoring = (kind: string): ReadonlyArray<string> =>
  ["create", "fix", "submit", "revise", "reconcile"].map((verb) => `${verb}-${kind}`)
