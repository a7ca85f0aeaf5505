/**
 * Steps of operations over resource providers, the same for every kind: looked at first, made, its outputs kept as credentials of the
 * owner, taken back. A credential that is not there makes a drift of its own, so that one whose answer was lost is made anew.
 */
import { Effect, Option, Redacted, Schema } from "effect"
import type { Found, ResourceOwner, Wish } from "../../adapter/ResourceProvider.ts"
import * as Step from "../../operations/Step.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import type { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { isUnreadable } from "../../ports/stores/StoreError.ts"
import { find, type Infrastructure, type Provider } from "./Providers.ts"

export const ResourceOutput = Schema.Struct({
  externalId: Schema.String,
  attributes: Schema.Record(Schema.String, Schema.Json)
})
export type ResourceOutput = typeof ResourceOutput.Type

const outputOf = ({ attributes, externalId }: Pick<Found, "attributes" | "externalId">): ResourceOutput => ({
  externalId,
  attributes: { ...attributes }
})

/** The provider of a kind; without one the step ends as skipped and says what to do. */
const provider = (kind: string): Effect.Effect<Provider, Step.StepFailure> =>
  Effect.flatMap(find(kind), (found) =>
    found === undefined
      ? Effect.fail(
          Step.failure(
            "Unsupported",
            `this installation offers no ${kind} any more: put it back into platform.yaml as resources.${kind}`
          )
        )
      : Effect.succeed(found)
  )

/** What a port says about another owner's resource, as an observation. */
const foreignAware = <A, R>(
  look: Effect.Effect<Step.Observed<A>, Step.StepFailure, R>
): Effect.Effect<Step.Observed<A>, Step.StepFailure, R> =>
  Effect.catchIf(
    look,
    (error) => error.code === "Foreign",
    (error) => Effect.succeed<Step.Observed<A>>({ _tag: "Foreign", detail: error.message })
  )

/** Names of variables whose credential is not stored, or can no longer be read. */
const missing = (owner: ResourceOwner, { variables }: Provider) =>
  Effect.flatMap(CredentialStore, (store) =>
    Effect.filter(variables, (name) =>
      store.get(owner.id, name).pipe(
        Effect.map(Option.isNone),
        Effect.catchIf(isUnreadable, () => Effect.succeed(true)),
        Effect.mapError(Step.fromStore)
      )
    )
  )

/** Keeps new outputs, or makes new ones when some are not stored: the answer that carried them may have been lost. */
const keep = (owner: ResourceOwner, one: Provider, given: Readonly<Record<string, string>> | null) =>
  Effect.gen(function* () {
    if (given === null && (yield* missing(owner, one)).length === 0) return
    const outputs =
      given ??
      (one.rotate === undefined
        ? yield* Step.failure(
            "Invalid",
            `the credentials of ${one.kind} are lost, and its provider cannot make new ones: remove it and make it anew`
          )
        : yield* Effect.mapError(one.rotate(owner), Step.fromPort))
    const store = yield* CredentialStore
    yield* Effect.forEach(
      Object.entries(outputs),
      ([name, value]) => Effect.mapError(store.put(owner.id, name, Redacted.make(value)), Step.fromStore),
      { discard: true }
    )
  })
const forget = (owner: ResourceOwner, { variables }: Provider) =>
  Effect.flatMap(CredentialStore, (store) =>
    Effect.forEach(variables, (name) => Effect.mapError(store.remove(owner.id, name), Step.fromStore), {
      discard: true
    })
  )

/** How the resource of an owner is, its credentials among it. */
const look = (one: Provider, owner: ResourceOwner, wish: Wish) =>
  foreignAware(
    Effect.gen(function* () {
      if (one.observe === undefined) return { _tag: "Absent" } satisfies Step.Observed<ResourceOutput>
      const found = yield* Effect.mapError(one.observe(owner, wish), Step.fromPort)
      if (Option.isNone(found)) return { _tag: "Absent" } satisfies Step.Observed<ResourceOutput>
      const lost = yield* missing(owner, one)
      return {
        _tag: "Present",
        known: false,
        drift: found.value.drift ?? (lost.length === 0 ? null : `its credential ${lost.join(", ")} is not stored`),
        detail: `${one.kind} ${found.value.externalId} is there`,
        output: outputOf(found.value)
      } satisfies Step.Observed<ResourceOutput>
    })
  )

export type Needs = Infrastructure | CredentialStore | EnvironmentStore

export interface Request {
  readonly key: string
  readonly kind: string
  readonly title: string
  readonly dependsOn: ReadonlyArray<string>
  readonly provider: string
  /** What it will be called, as far as that is known beforehand. */
  readonly externalId: string
  readonly owner: ResourceOwner
  readonly wish: (context: Step.StepContext) => Effect.Effect<Wish, Step.StepFailure, Needs>
  /** Whether its verbs include one that looks, as it was when the operation was planned. */
  readonly observed: boolean
}

/** The form in which an output is recorded. */
export interface Shape<A> {
  readonly schema: Schema.Codec<A, Schema.Json>
  readonly of: (output: ResourceOutput) => A
}
export const asItIs: Shape<ResourceOutput> = { schema: ResourceOutput, of: (output) => output }

/** A step that ends with the resource there. `undone`: whether a failure of the others takes it back. */
export const creation = <A>(request: Request, undone: boolean, shape: Shape<A>): Step.Step<Needs> & Step.StepRef<A> => {
  const { kind, owner } = request
  return Step.make<A, Needs>({
    key: request.key,
    title: request.title,
    dependsOn: request.dependsOn,
    intent: "create",
    output: shape.schema,
    resource: { provider: request.provider, externalId: request.externalId },
    repeatable: !request.observed,
    ...(request.observed
      ? {
          observe: (context: Step.StepContext) =>
            Effect.gen(function* () {
              const seen = yield* look(yield* provider(kind), owner, yield* request.wish(context))
              // Of a project that was there before, what is there is what its record says.
              return seen._tag === "Present" ? { ...seen, known: !undone, output: shape.of(seen.output) } : seen
            })
        }
      : {}),
    do: (context) =>
      Effect.gen(function* () {
        const one = yield* provider(kind)
        const made = yield* Effect.mapError(one.ensure(owner, yield* request.wish(context)), Step.fromPort)
        yield* keep(owner, one, made.outputs)
        return Step.done(shape.of(outputOf(made)), made.externalId)
      }),
    ...(undone
      ? {
          undo: () =>
            Effect.flatMap(provider(kind), (one) =>
              Effect.andThen(Effect.mapError(one.remove(owner), Step.fromPort), forget(owner, one))
            )
        }
      : {})
  })
}

/** A step that ends with the resource gone. */
export const removal = (request: Request) => {
  const { kind, owner } = request
  return Step.make<null, Needs>({
    key: request.key,
    title: request.title,
    dependsOn: request.dependsOn,
    intent: "delete",
    repeatable: true,
    output: Schema.Null,
    resource: { provider: request.provider, externalId: request.externalId },
    ...(request.observed
      ? {
          observe: (context: Step.StepContext) =>
            Effect.gen(function* () {
              const seen = yield* look(yield* provider(kind), owner, yield* request.wish(context))
              return seen._tag === "Present" ? { ...seen, output: null } : seen
            })
        }
      : {}),
    do: () =>
      Effect.gen(function* () {
        const one = yield* provider(kind)
        yield* Effect.mapError(one.remove(owner), Step.fromPort)
        yield* forget(owner, one)
        return Step.done(null)
      })
  })
}
