/** Cookbook trees: checked, and run as durable operations. */
import { Context, Effect, Layer, Result, Schema } from "effect"
import * as NewId from "../ids/NewId.ts"
import type { ProjectId } from "../domain/Ids.ts"
import type { Operation } from "../domain/Operation.ts"
import type { OperationError } from "../operations/OperationError.ts"
import { Operations } from "../operations/Operations.ts"
import type { OperationPlan } from "../operations/Plan.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import { Input, kind } from "./trees/TreeOperation.ts"
import * as TreeParser from "./trees/TreeParser.ts"
import type { Tree } from "./trees/TreeSchema.ts"

export class TreeError extends Schema.TaggedError<TreeError>()("TreeError", {
  operation: Schema.String,
  problems: Schema.Array(Schema.Struct({ at: Schema.String, message: Schema.String }))
}) {
  override get message(): string {
    return this.problems.map((problem) => `${problem.at}: ${problem.message}`).join("\n")
  }
}

export interface TreeRequest {
  /** The YAML text. */
  readonly text: string
  readonly vars: Readonly<Record<string, Schema.Json>>
  /** The project it is run on, whose trail and stream then hold it; a variable `project_name` is its name unless one is given. */
  readonly project?: { readonly id: ProjectId; readonly name: string }
  /** Of a plan that was looked at. */
  readonly planDigest?: string
  /** The same key answers with the run it started first. */
  readonly idempotencyKey?: string
}

export class Trees extends Context.Service<
  Trees,
  {
    /** The tree, or everything that is wrong with it. Runs nothing. */
    check(text: string): Effect.Effect<Tree, TreeError>
    /** What running it would do. Runs nothing. */
    plan(request: TreeRequest): Effect.Effect<OperationPlan, TreeError | OperationError | StoreError>
    /** Starts it in the name of the current principal. */
    run(request: TreeRequest): Effect.Effect<Operation, TreeError | OperationError | StoreError>
  }
>()("rdev/services/Trees") {}

const orFail = <A>(
  verb: string,
  result: Result.Result<A, ReadonlyArray<TreeParser.Problem>>
): Effect.Effect<A, TreeError> =>
  Result.isSuccess(result)
    ? Effect.succeed(result.success)
    : Effect.fail(new TreeError({ operation: `Trees.${verb}`, problems: result.failure }))
const encode = Schema.encodeSync(Input)

/** The variable that names the project a tree works on. */
const projectVariable = "project_name"

const requested = Effect.fnUntraced(function* (verb: string, { project, text, vars }: TreeRequest) {
  const tree = yield* orFail(verb, TreeParser.parse(text))
  const named =
    project !== undefined && Object.hasOwn(tree.vars ?? {}, projectVariable)
      ? { [projectVariable]: project.name, ...vars }
      : vars
  const values = yield* orFail(verb, TreeParser.variables(tree, named))
  return { kind, projectId: project?.id ?? null, input: encode({ tree, vars: values }) }
})

export const layer: Layer.Layer<Trees, never, Operations> = Layer.effect(
  Trees,
  Effect.map(Operations, (operations) =>
    Trees.of({
      check: (text) => orFail("check", TreeParser.parse(text)),
      plan: Effect.fn("Trees.plan")(function* (request: TreeRequest) {
        const { input, projectId } = yield* requested("plan", request)
        return yield* operations.plan(kind, input, projectId)
      }),
      run: Effect.fn("Trees.run")(function* (request: TreeRequest) {
        const wanted = yield* requested("run", request)
        const start = { ...wanted, idempotencyKey: `${kind}/${request.idempotencyKey ?? (yield* NewId.ulid)}` }
        return yield* request.planDigest === undefined
          ? operations.start(start)
          : operations.apply(start, request.planDigest)
      })
    })
  )
)
