/** A toy provider for operations: named things with owners, and steps that make them. */
import { Effect, Schema } from "effect"
import * as Definition from "@rdev/core/operations/Definition"
import * as Step from "@rdev/core/operations/Step"

export interface Shelf {
  readonly things: Map<string, string>
  readonly calls: Array<string>
  /** What happens instead, by `do c` or `undo c`; consulted at every call. */
  readonly instead: Map<string, Effect.Effect<void, Step.StepFailure>>
}
export const shelf = (): Shelf => ({ things: new Map(), calls: [], instead: new Map() })

const Made = Schema.Struct({ name: Schema.String })

const call = (s: Shelf, name: string, effect: () => void) =>
  Effect.suspend(() => {
    s.calls.push(name)
    return Effect.andThen(s.instead.get(name) ?? Effect.void, Effect.sync(effect))
  })

export const thing = (
  s: Shelf,
  key: string,
  dependsOn: ReadonlyArray<string> = [],
  more: Partial<Step.StepSpec<typeof Made.Type, never>> = {}
) =>
  Step.make({
    key,
    title: `Make ${key}`,
    dependsOn,
    intent: "create",
    output: Made,
    resource: { provider: "shelf", externalId: key },
    observe: () =>
      Effect.sync((): Step.Observed<typeof Made.Type> => {
        const owner = s.things.get(key)
        if (owner === undefined) return { _tag: "Absent" }
        return owner === "us"
          ? { _tag: "Present", output: { name: key }, known: false, drift: null, detail: "it is there" }
          : { _tag: "Foreign", detail: `${key} is ${owner}'s` }
      }),
    do: () =>
      Effect.as(
        call(s, `do ${key}`, () => {
          s.things.set(key, "us")
        }),
        Step.done({ name: key })
      ),
    undo: () =>
      call(s, `undo ${key}`, () => {
        s.things.delete(key)
      }),
    ...more
  })

/** a and b side by side, then c. */
export const three = (
  s: Shelf,
  fields: {
    readonly version?: number
    readonly onFailure?: "compensate" | "continue"
    readonly actsAs?: "platform" | "starter"
    readonly steps?: (input: { readonly n: number }, identity: Definition.Identity) => ReadonlyArray<Step.Step>
  } = {}
) =>
  Definition.make({
    kind: "test.three",
    version: fields.version ?? 1,
    input: Schema.Struct({ n: Schema.Int }),
    onFailure: fields.onFailure ?? "compensate",
    actsAs: fields.actsAs ?? "platform",
    steps: fields.steps ?? (() => [thing(s, "c", ["a", "b"]), thing(s, "a"), thing(s, "b")])
  })

export const request = { kind: "test.three", projectId: null, input: { n: 1 }, idempotencyKey: "k" }
