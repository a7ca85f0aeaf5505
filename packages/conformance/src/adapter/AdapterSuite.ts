/**
 * What every adapter must do, slot by slot: refuse a configuration that is none, become a layer, answer when it is asked for its health,
 * and keep secrets to itself. What the port promises is the port's own suite's matter.
 */
import { assert, describe, it } from "@effect/vitest"
import { type Adapter, type AnySlot, api, type Health } from "@rdev/core/adapter/Adapter"
import { type SlotName, slotNames } from "@rdev/core/adapter/Slots"
import { Cause, Context, Effect, Exit, Layer, Redacted, Result, Schema } from "effect"
import * as TestHost from "./TestHost.ts"

export interface Case {
  /** A configuration as the adapter gets it, secrets as Redacted. What it names is there. */
  readonly good: Readonly<Record<string, unknown>>
  /** One that is refused before anything is built, e.g. an address that is none. */
  readonly bad?: Readonly<Record<string, unknown>>
  /** One that can be decoded and leads nowhere: the layer or its health must say so. */
  readonly broken?: Readonly<Record<string, unknown>>
  /** What else the slot needs besides the ports in memory. */
  readonly needs?: Layer.Any
}
export type Cases = { readonly [N in SlotName]?: Case }

/** Of a configuration: what must not be seen again. */
const secretsIn = (value: unknown): ReadonlyArray<string> =>
  Redacted.isRedacted(value)
    ? [String(Redacted.value(value))]
    : typeof value === "object" && value !== null
      ? Object.values(value).flatMap(secretsIn)
      : []

const decoded = (slot: AnySlot, config: unknown) =>
  Schema.decodeUnknownResult(slot.config as Schema.Decoder<unknown>, { onExcessProperty: "error", errors: "all" })(
    config
  )

/** Builds the layer over ports in memory and asks it; whatever happens is an exit. */
const tried = (
  slot: AnySlot,
  { needs }: Case,
  given: Readonly<Record<string, unknown>> | undefined
): Effect.Effect<Exit.Exit<Health, unknown>> => {
  const config = given as never
  const host = Layer.provideMerge(TestHost.ports, TestHost.layer())
  const below = needs === undefined ? host : Layer.provideMerge(needs as Layer.Layer<never>, host)
  const offers = slot.offers?.(config) ?? Layer.empty
  const layer = slot
    .layer(config)
    .pipe(Layer.provideMerge(offers), Layer.provideMerge(below)) as unknown as Layer.Layer<never>
  return Effect.scoped(
    Effect.gen(function* () {
      const context = yield* Layer.build(layer)
      return yield* Effect.provideContext(
        slot.health(config) as Effect.Effect<Health>,
        context as Context.Context<never>
      ).pipe(Effect.timeout("5 seconds"))
    })
  ).pipe(Effect.exit)
}
const textOf = (exit: Exit.Exit<Health, unknown>): string =>
  Exit.isSuccess(exit) ? JSON.stringify(exit.value) : Cause.pretty(exit.cause)

export const suite = (name: string, adapter: Adapter, cases: Cases): void => {
  const offered = slotNames.filter((slot) => adapter.slots[slot] !== undefined)
  describe(`Adapter: ${name}`, () => {
    it("has a name, this version, and slots that there are", () => {
      assert.strictEqual(adapter.api, api)
      assert.match(adapter.name, /^[a-z][a-z0-9-]*$/)
      assert.isNotEmpty(offered)
      assert.deepStrictEqual(Object.keys(adapter.slots).sort(), [...offered].sort())
      assert.deepStrictEqual(Object.keys(cases).sort(), [...offered].sort(), "every slot has a case")
    })
    for (const slotName of offered) {
      const slot = adapter.slots[slotName]
      const one = cases[slotName]
      if (slot === undefined || one === undefined) continue
      it(`${slotName}: takes its configuration and refuses others`, () => {
        assert.isTrue(Result.isSuccess(decoded(slot, one.good)), "the good one")
        // A struct without fields takes any value: an installation refuses keys for it by itself.
        if (Object.keys(Reflect.get(slot.config, "fields") ?? {}).length > 0) {
          assert.isTrue(Result.isFailure(decoded(slot, { ...one.good, "no-such-key": 1 })), "an unknown key")
          assert.isTrue(Result.isFailure(decoded(slot, "text")), "no keys at all")
        }
        if (one.bad !== undefined) {
          const refused = decoded(slot, one.bad)
          if (Result.isSuccess(refused)) return assert.fail("the bad one was taken")
          for (const secret of secretsIn(one.bad)) assert.notInclude(String(refused.failure), secret)
        }
      })
      it.live(`${slotName}: becomes a layer and says how it is`, () =>
        Effect.gen(function* () {
          const exit = yield* tried(slot, one, one.good)
          if (Exit.isFailure(exit)) return yield* Effect.failCause(exit.cause)
          assert.isBoolean(exit.value.ok)
          assert.isNotEmpty(exit.value.detail)
          for (const secret of secretsIn(one.good)) assert.notInclude(textOf(exit), secret)
        })
      )
      if (one.broken !== undefined)
        it.live(`${slotName}: says what is wrong, without its secrets`, () =>
          Effect.gen(function* () {
            const exit = yield* tried(slot, one, one.broken)
            assert.isFalse(Exit.isSuccess(exit) && exit.value.ok, "it cannot work")
            if (Exit.isFailure(exit))
              assert.strictEqual(Reflect.get(Object(Cause.squash(exit.cause)), "_tag"), "AdapterError")
            for (const secret of secretsIn(one.broken)) assert.notInclude(textOf(exit), secret)
          })
        )
    }
  })
}
