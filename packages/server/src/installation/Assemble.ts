/**
 * The layers of a choice, one above the other in the order of the slots. What takes long to find out about the machine is found out side
 * by side with the opening of the stores.
 */
import { AdapterError, isAdapterError } from "@rdev/core/adapter/Adapter"
import * as Host from "@rdev/core/adapter/Host"
import { type SlotName, type SlotServices, slots, type Stores } from "@rdev/core/adapter/Slots"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createRequire } from "node:module"
import { dirname, join } from "node:path"
import { type ServerConfig, StartError } from "../ServerConfig.ts"
import type { Choice, Chosen } from "./Choice.ts"
import * as Packages from "./Packages.ts"
import * as Resources from "./Resources.ts"

/** The `sdlc` command in one file, as workspaces get it. */
export const sdlcProgram = () =>
  join(dirname(createRequire(import.meta.url).resolve("@rdev/sdlc/package.json")), "dist", "cli", "main.js")

/** Where people reach a host name of this installation. */
export const urlOf =
  (config: ServerConfig, port: number) =>
  (host: string): string =>
    config.publicUrl === null ? `http://${host}:${port}/` : `${new URL(config.publicUrl).protocol}//${host}/`

/** `url`: where people reach the server. */
export const host = (config: ServerConfig, url: string, port: number): Layer.Layer<Host.Host> =>
  Layer.sync(Host.Host, () =>
    Host.Host.of({
      dataDir: config.dataDir,
      domain: config.domain,
      url,
      urlOf: urlOf(config, port),
      projectNetwork: config.projectNetwork,
      unsafeHost: config.unsafeHost,
      budget: config.budget,
      programs: [{ hostPath: sdlcProgram(), name: "sdlc" }],
      variables: { ...process.env, ...config.variables }
    })
  )

type Built<N extends SlotName> = Layer.Layer<SlotServices[N], StartError | AdapterError, never>
/** An error says which slot it comes from; those of our own layers are told in their own words (see Server.startErrorOf). */
const named =
  ({ by, slot: name, use }: Chosen) =>
  (error: unknown): StartError | AdapterError => {
    if (error instanceof StartError) return error
    const known = isAdapterError(error) ? error : null
    if (known !== null && (Object.hasOwn(Packages.own, use) || by === "code")) {
      return known.fix === undefined
        ? known
        : new AdapterError({ operation: known.operation, reason: known.reason, fix: known.fix, cause: known.cause })
    }
    return new StartError({
      field: `${slots[name].path} (${use})`,
      problem: known?.message ?? (error instanceof Error ? error.message : String(error)),
      fix: known?.fix ?? "Correct its configuration, or see what it needs in its documentation",
      cause: error
    })
  }

/** Layers come from packages: their services are those of the slot by the contract, what they need is below them by the order. */
export const slot = <N extends SlotName>(choice: Choice, name: N): Built<N> => {
  const chosen = choice.slots.get(name)
  if (chosen === undefined) return Layer.empty as unknown as Built<N>
  const layer = (chosen.layer ?? chosen.definition?.layer(chosen.config) ?? Layer.empty) as Layer.Layer<never, unknown>
  return Layer.catch(layer, (error) => Layer.effectContext(Effect.fail(named(chosen)(error)))) as unknown as Built<N>
}
const part = (
  choice: Choice,
  which: "offers" | "prepare"
): Layer.Layer<never, StartError | AdapterError, Host.Host> => {
  let all: Layer.Layer<never, StartError | AdapterError, Host.Host> = Layer.empty
  for (const chosen of choice.slots.values()) {
    const one = chosen.definition?.[which]?.(chosen.config)
    if (one !== undefined)
      all = Layer.merge(
        all,
        Layer.catch(one, (error) => Layer.effectContext(Effect.fail(named(chosen)(error)))) as typeof one
      )
  }
  return all
}

/** What slots tell before any of them is built. */
export const offers = (choice: Choice): Layer.Layer<never, StartError | AdapterError, Host.Host> =>
  part(choice, "offers")

/** Stores and machine, and what is told beside them. */
export const below = (choice: Choice): Layer.Layer<Stores, StartError | AdapterError, Host.Host> =>
  Layer.merge(slot(choice, "notifier"), slot(choice, "credentials")).pipe(
    Layer.provideMerge(Layer.merge(part(choice, "prepare"), slot(choice, "stores"))),
    Layer.provideMerge(Layer.merge(part(choice, "offers"), Resources.layer(choice.resources)))
  ) as Layer.Layer<Stores, StartError | AdapterError, Host.Host>

type Above = Exclude<SlotName, "stores" | "credentials" | "notifier">
/** Every other port, over the stores. */
export const above = (
  choice: Choice
): Layer.Layer<SlotServices[Above], StartError | AdapterError, Host.Host | Stores> => {
  const of = <N extends Above>(name: N) => slot(choice, name)
  const names = Layer.mergeAll(
    of("limits"),
    of("templates"),
    of("tls").pipe(Layer.provideMerge(of("dns"))),
    of("outputs"),
    of("webhooks"),
    of("database"),
    of("cache")
  )
  const runs = Layer.mergeAll(of("workspaces"), of("ci"), of("builder"), of("deployer"), of("router"))
  return of("edge").pipe(
    Layer.provideMerge(of("agents")),
    Layer.provideMerge(runs),
    Layer.provideMerge(of("forge")),
    Layer.provideMerge(names)
  ) as Layer.Layer<SlotServices[Above], StartError | AdapterError, Host.Host | Stores>
}
