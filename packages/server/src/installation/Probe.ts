/**
 * Tries every chosen slot for real where no server runs, and changes nothing: a slot that has a way of its own to be probed is asked in
 * it; the others are built one after the other over embedded stores in a folder that is thrown away, and asked for their health.
 */
import type { Health } from "@rdev/core/adapter/Adapter"
import type { Host } from "@rdev/core/adapter/Host"
import { type SlotName, type SlotServices, slots } from "@rdev/core/adapter/Slots"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Installation } from "../Installation.ts"
import type { ServerConfig } from "../ServerConfig.ts"
import * as Assemble from "./Assemble.ts"
import * as Choice from "./Choice.ts"
import * as Resources from "./Resources.ts"
import { asked, type SlotState, viewOf, viewOfResource } from "./SlotHealth.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rdev-doctor-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
)

/** Embedded stores in place of those that were chosen: others would be migrated by the look. */
const inFolder = (installation: Installation, dataDir: string) =>
  Effect.map(
    Effect.promise(() =>
      Choice.make(
        { asked: [], resources: [], address: null, faults: [], file: null },
        { env: {}, folder: dataDir, lineOf: () => null },
        [dataDir]
      )
    ),
    ({ choice }): Installation => ({
      ...installation,
      slots: new Map([
        ...[...choice.slots].filter(([name]) => name === "stores"),
        ...[...installation.slots].filter(([name]) => !["stores", "credentials", "notifier"].includes(name))
      ])
    })
  )

/** With the building of its layer. */
const patienceMillis = 60_000

const said = (detail: string): Health => ({ ok: false, detail })

export const tryAll = (
  config: ServerConfig,
  installation: Installation
): Effect.Effect<ReadonlyArray<SlotState>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const dataDir = yield* folder
    const apart = { ...config, dataDir }
    const host = Assemble.host(apart, config.publicUrl ?? `http://${config.host}:${config.port}`, config.port)
    const [scope, memo] = [yield* Effect.scope, yield* Layer.makeMemoMap]
    let context = (yield* Layer.buildWithMemoMap(host, memo, scope)) as Context.Context<never>
    /** What is built is there for the next ones; what cannot be built is told. */
    const build = <A, E, R>(layer: Layer.Layer<A, E, R>) =>
      Effect.gen(function* () {
        const closed = Layer.provide(layer, Layer.succeedContext(context)) as unknown as Layer.Layer<never, Error>
        const built = yield* Effect.exit(Layer.buildWithMemoMap(closed, memo, scope))
        if (Exit.isSuccess(built)) context = Context.merge(context, built.value)
        return built
      })
    const chosen = yield* inFolder(installation, dataDir)
    yield* build(Assemble.offers(chosen))
    if ([...installation.slots.values()].some(({ definition }) => definition?.probe === undefined))
      yield* build(Assemble.slot(chosen, "stores"))
    const states: Array<SlotState> = []
    for (const one of installation.slots.values()) {
      const { config: settings, definition, slot } = one
      /** Over what is there by then. */
      const ask = (effect: Effect.Effect<Health, unknown, SlotServices[SlotName] | Host>) =>
        Effect.suspend(() => Effect.provideContext(effect as Effect.Effect<Health, unknown>, context))
      const look =
        definition?.probe !== undefined
          ? ask(definition.probe(settings))
          : Effect.gen(function* () {
              const built = yield* build(Assemble.slot(installation, slot))
              if (Exit.isFailure(built)) return yield* Effect.failCause(built.cause)
              return definition === null
                ? { ok: true, detail: "can be built" }
                : yield* ask(definition.health(settings))
            })
      const health = yield* asked(look, patienceMillis)
      // Others are built over it all the same.
      if (definition?.probe !== undefined && slot !== "stores" && health.ok)
        yield* build(Assemble.slot(installation, slot))
      states.push({
        ...viewOf(one),
        health: health.detail.startsWith("Service not found")
          ? { ...health, ...said(`${slots[slot].path} needs a slot that cannot be built here`) }
          : health
      })
    }
    yield* build(Resources.layer(installation.resources))
    for (const one of installation.resources.values())
      states.push({
        ...viewOfResource(one),
        health: yield* asked(
          Effect.suspend(() => Effect.provideContext(Resources.health(one.kind), context)),
          patienceMillis
        )
      })
    return states
  })
