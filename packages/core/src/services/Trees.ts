/** Cookbook trees: checked, and run as durable operations. */
import { Context, Effect, Layer, Result, Schema } from "effect"
import * as Ids from "../domain/Ids.ts"
import type { Operation } from "../domain/Operation.ts"
import type { OperationError } from "../operations/OperationError.ts"
import { Operations } from "../operations/Operations.ts"
import type { StoreError } from "../ports/StoreError.ts"
import { Input, kind } from "./trees/TreeOperation.ts"
import * as TreeParser from "./trees/TreeParser.ts"
import type { Tree } from "./trees/TreeSchema.ts"

export class TreeError extends Schema.TaggedError<TreeError>()("TreeError", {
  operation: Schema.String,
  problems: Schema.Array(Schema.Struct({ at: Schema.String, message: Schema.String }))
}) {
  override get message(): string { return this.problems.map((problem) => `${problem.at}: ${problem.message}`).join("\n") }
}

export interface TreeRequest {
  /** The YAML text. */
  readonly text: string
  readonly vars: Readonly<Record<string, Schema.Json>>
  /** The same key answers with the run it started first. */
  readonly idempotencyKey?: string
}

export class Trees extends Context.Service<Trees, {
  /** The tree, or everything that is wrong with it. Runs nothing. */
  check(text: string): Effect.Effect<Tree, TreeError>
  /** Starts it in the name of the current principal. */
  run(request: TreeRequest): Effect.Effect<Operation, TreeError | OperationError | StoreError>
}>()("rdev/services/Trees") {}

const orFail = <A>(verb: string, result: Result.Result<A, ReadonlyArray<TreeParser.Problem>>): Effect.Effect<A, TreeError> =>
  Result.isSuccess(result) ? Effect.succeed(result.success) : Effect.fail(new TreeError({ operation: `Trees.${verb}`, problems: result.failure }))
const encode = Schema.encodeSync(Input)

export const layer: Layer.Layer<Trees, never, Operations> = Layer.effect(Trees, Effect.map(Operations, (operations) => Trees.of({
  check: (text) => orFail("check", TreeParser.parse(text)),
  run: Effect.fn("Trees.run")(function*({ idempotencyKey, text, vars }: TreeRequest) {
    const tree = yield* orFail("run", TreeParser.parse(text))
    const values = yield* orFail("run", TreeParser.variables(tree, vars))
    return yield* operations.start({ kind, projectId: null, input: encode({ tree, vars: values }), idempotencyKey: `${kind}/${idempotencyKey ?? (yield* Ids.ulid)}` })
  })
})))
