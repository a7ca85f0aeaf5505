/**
 * What an operation of a kind is: its input, its steps (pure), and what its start and end change in our own records. Runners find
 * definitions by kind and version; a version stays registered for as long as operations of it may be unfinished.
 */
import { Context, Effect, Layer, Result, Schema } from "effect"
import type { OperationId, ProjectId } from "../domain/Ids.ts"
import type { Operation, OperationStep } from "../domain/Operation.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import type { Step } from "./Step.ts"

/** Which operation it is, about which project, and who asked for it (principal id). */
export interface Identity {
  readonly operationId: OperationId
  readonly projectId: ProjectId | null
  readonly actor: string
}

export interface DefinitionSpec<I, R> {
  /** Dotted lower-case, e.g. `project.provision`. */
  readonly kind: string
  /** Grows when the steps of an input, or the form of an output, change. */
  readonly version: number
  readonly input: Schema.Codec<I, Schema.Json>
  /** `compensate`: a failed step undoes the others. `continue`: the other steps run all the same and the errors add up (for tearing down). */
  readonly onFailure: "compensate" | "continue"
  /** In whose name its steps call this installation: the platform's own (default), or the principal's that started it, whose rights bound them. */
  readonly actsAs?: "platform" | "starter"
  /** Pure: the same input gives the same steps. */
  readonly steps: (input: I, identity: Identity) => ReadonlyArray<Step<R>>
  /** Writes to stores, in the transaction that stores the operation. */
  readonly started?: (operation: Operation, input: I) => Effect.Effect<void, StoreError, R>
  /** Writes to stores, in the transaction that ends (or parks) the operation. */
  readonly settled?: (
    operation: Operation,
    steps: ReadonlyArray<OperationStep>,
    input: I
  ) => Effect.Effect<void, StoreError, R>
  /** The operation's output, from the outputs of its steps. */
  readonly result?: (outputs: ReadonlyMap<string, Schema.Json>) => Schema.Json
}

/** A definition whose input type and needs are settled. */
export interface Definition {
  readonly kind: string
  readonly version: number
  readonly onFailure: "compensate" | "continue"
  readonly actsAs: "platform" | "starter"
  /** The steps for a recorded input, or what is wrong with it. */
  readonly steps: (input: Schema.Json, identity: Identity) => Result.Result<ReadonlyArray<Step>, string>
  readonly started: (operation: Operation) => Effect.Effect<void, StoreError>
  readonly settled: (operation: Operation, steps: ReadonlyArray<OperationStep>) => Effect.Effect<void, StoreError>
  readonly result: (outputs: ReadonlyMap<string, Schema.Json>) => Schema.Json
}

const closed = <R>(step: Step<R>, context: Context.Context<R>): Step => {
  const { observe, undo } = step
  return {
    ...step,
    observe: observe === null ? null : (given) => Effect.provideContext(observe(given), context),
    do: (given) => Effect.provideContext(step.do(given), context),
    undo: undo === null ? null : (given, output) => Effect.provideContext(undo(given, output), context)
  }
}

/** What the definition needs is taken from where it is made. */
export const make = <I, R = never>(spec: DefinitionSpec<I, R>): Effect.Effect<Definition, never, R> =>
  Effect.map(Effect.context<R>(), (context): Definition => {
    const decode = Schema.decodeUnknownResult(spec.input)
    const withInput = (operation: Operation, run: (input: I) => Effect.Effect<void, StoreError, R>) => {
      const input = decode(operation.input)
      // An unreadable input has parked the operation before anything of it ran: there is nothing to write down.
      return Result.isSuccess(input) ? Effect.provideContext(run(input.success), context) : Effect.void
    }
    return {
      kind: spec.kind,
      version: spec.version,
      onFailure: spec.onFailure,
      actsAs: spec.actsAs ?? "platform",
      steps: (input, identity) =>
        Result.mapBoth(decode(input), {
          onFailure: (error) => error.message,
          onSuccess: (decoded) => spec.steps(decoded, identity).map((step) => closed(step, context))
        }),
      started: (operation) => withInput(operation, (input) => spec.started?.(operation, input) ?? Effect.void),
      settled: (operation, steps) =>
        withInput(operation, (input) => spec.settled?.(operation, steps, input) ?? Effect.void),
      result: spec.result ?? ((outputs) => Object.fromEntries(outputs))
    }
  })

const nameOf = (kind: string, version: number) => `${kind}@${version}`

/** The kinds this installation can run. */
export class OperationDefinitions extends Context.Service<
  OperationDefinitions,
  {
    find(kind: string, version: number): Definition | undefined
    /** The greatest version of a kind: what new operations get. */
    latest(kind: string): Definition | undefined
    readonly kinds: ReadonlyArray<string>
  }
>()("rdev/operations/OperationDefinitions") {}

export const registry = (definitions: ReadonlyArray<Definition>): OperationDefinitions["Service"] => {
  const byName = new Map(definitions.map((definition) => [nameOf(definition.kind, definition.version), definition]))
  const byKind = Map.groupBy(definitions, (definition) => definition.kind)
  return {
    find: (kind, version) => byName.get(nameOf(kind, version)),
    latest: (kind) => byKind.get(kind)?.reduce((newest, next) => (next.version > newest.version ? next : newest)),
    kinds: [...byKind.keys()]
  }
}

/** The layer of all given definitions, each made where this layer is built. */
export const layer = <R>(
  definitions: ReadonlyArray<Effect.Effect<Definition, never, R>>
): Layer.Layer<OperationDefinitions, never, R> =>
  Layer.effect(OperationDefinitions, Effect.map(Effect.all(definitions), registry))
