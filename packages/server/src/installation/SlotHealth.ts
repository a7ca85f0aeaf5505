/** What fills each slot of this installation and how it is: each asked for real, in bounded time, at most once a second. */
import type { Health } from "@rdev/core/adapter/Adapter"
import type * as Host from "@rdev/core/adapter/Host"
import { type SlotName, type SlotServices, slots } from "@rdev/core/adapter/Slots"
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Choice, Chosen } from "./Choice.ts"
import type { Key } from "./Decode.ts"
import * as Resources from "./Resources.ts"
import type { ChosenResource } from "./Resources.ts"

export const patienceMillis = 5_000
const partMillis = 10_000
/** Adapters that ask nobody over a network. */
const inside: ReadonlySet<string> = new Set(["local", "memory", "none"])

export interface SlotView {
  readonly slot: string
  readonly purpose: string
  readonly use: string
  readonly version: string
  readonly by: Chosen["by"]
  readonly keys: ReadonlyArray<Key>
}
export interface SlotState extends SlotView {
  readonly health: Health & { readonly durationMs: number }
}

export interface Part {
  /** Filled by something that is reached over a network: it can be away while this server works. */
  readonly outside: boolean
  readonly look: Effect.Effect<{ readonly ok: boolean; readonly detail: string; readonly durationMs: number }>
}

export class SlotHealth extends Context.Service<
  SlotHealth,
  {
    readonly file: string | null
    readonly look: Effect.Effect<ReadonlyArray<SlotState>>
    /** By where it stands in platform.yaml, without what it says: for anybody. At most once in 10 seconds, for a vendor counts what it is asked. */
    readonly parts: ReadonlyMap<string, Part>
  }
>()("rdev/server/SlotHealth") {}

export const viewOf = (chosen: Chosen): SlotView => ({
  slot: slots[chosen.slot].path,
  purpose: slots[chosen.slot].purpose,
  use: chosen.use,
  version: chosen.version,
  by: chosen.by,
  keys: chosen.keys
})

export const viewOfResource = ({ keys, kind, use, version }: ChosenResource): SlotView => ({
  slot: `resources.${kind}`,
  purpose: `${kind} for projects.`,
  use,
  version,
  by: "file",
  keys
})
/** Of everything that was chosen. */
export const views = ({ resources, slots: chosen }: Choice): ReadonlyArray<SlotView> => [
  ...[...chosen.values()].map(viewOf),
  ...[...resources.values()].map(viewOfResource)
]

/** Whatever an adapter does: an answer, in time. */
export const asked = <R>(
  effect: Effect.Effect<Health, unknown, R>,
  millis = patienceMillis
): Effect.Effect<SlotState["health"], never, R> =>
  Effect.suspend(() => {
    const began = performance.now()
    const done = (health: Health) => ({ ...health, durationMs: Math.round((performance.now() - began) * 10) / 10 })
    return effect.pipe(
      Effect.timeoutOrElse({
        duration: millis,
        orElse: () => Effect.succeed({ ok: false, detail: `no answer within ${millis} ms` })
      }),
      Effect.catchCause((cause) => {
        const error = Cause.squash(cause)
        return Effect.succeed({ ok: false, detail: error instanceof Error ? error.message : String(error) })
      }),
      Effect.map(done)
    )
  })

/** Over the layers of all slots. */
export const layer = (
  choice: Choice
): Layer.Layer<SlotHealth, never, SlotServices[Exclude<SlotName, "stores">] | Host.Host> =>
  Layer.effect(
    SlotHealth,
    Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const { text } = yield* Redaction
      const one = (view: SlotView, health: Effect.Effect<Health, unknown>) =>
        Effect.map(Effect.provideContext(asked(health), context), (found): SlotState => ({
          ...view,
          health: {
            ...found,
            detail: text(found.detail),
            ...(found.checks === undefined
              ? {}
              : { checks: found.checks.map((check) => ({ ...check, detail: text(check.detail) })) })
          }
        }))
      const ofSlot = (chosen: Chosen): Effect.Effect<Health, unknown> =>
        chosen.definition === null
          ? Effect.succeed({ ok: true, detail: "was built" })
          : (chosen.definition.health(chosen.config) as Effect.Effect<Health, unknown>)
      const everything = [
        ...[...choice.slots.values()].map((chosen) => ({
          state: one(viewOf(chosen), ofSlot(chosen)),
          place: slots[chosen.slot].path,
          outside:
            chosen.definition !== null && chosen.by === "file" && !inside.has(chosen.use) && chosen.slot !== "stores"
        })),
        ...[...choice.resources.values()].map((chosen) => ({
          state: one(viewOfResource(chosen), Resources.health(chosen.kind)),
          place: viewOfResource(chosen).slot,
          outside: true
        }))
      ]
      const part = ({ outside, place, state }: (typeof everything)[number]) =>
        Effect.map(Effect.cachedWithTTL(state, partMillis), (look): readonly [string, Part] => [
          place,
          {
            outside,
            look: Effect.map(look, ({ health: { durationMs, ok } }) => ({
              ok,
              detail: ok ? "answers" : "it does not answer as it should; rdev adapters says why",
              durationMs
            }))
          }
        ])
      const look = Effect.forEach(everything, ({ state }) => state, { concurrency: 4 })
      return SlotHealth.of({
        file: choice.file,
        look: yield* Effect.cachedWithTTL(look, 1_000),
        parts: new Map(yield* Effect.forEach(everything, part))
      })
    })
  )
