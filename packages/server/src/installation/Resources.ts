/**
 * Kinds of resources that adapters bring (`resources.<kind>` of the platform file, where no slot is meant): chosen and decoded like slots,
 * built before everything that provisions. A provider that is not what it was chosen for ends the start, with what to do.
 */
import type { Adapter, AnyResourceSlot, Health } from "@rdev/core/adapter/Adapter"
import * as Host from "@rdev/core/adapter/Host"
import { Installed, type ResourceProvider } from "@rdev/core/adapter/ResourceProvider"
import { describe } from "@rdev/core/ports/infra/PortReason"
import { foundation, ours } from "@rdev/core/services/resources/Providers"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { StartError } from "../ServerConfig.ts"
import { decode, type Key, keysOf } from "./Decode.ts"
import { fault, nearest, oneOf } from "./Fault.ts"
import * as Packages from "./Packages.ts"
import { join, type Value } from "./PlatformYaml.ts"
import type { Source } from "./SecretRefs.ts"

export interface AskedResource {
  readonly kind: string
  readonly path: string
  readonly use: string
  readonly said: Readonly<Record<string, Value>>
}
export interface ChosenResource {
  readonly kind: string
  readonly use: string
  readonly version: string
  /** As its definition's schema decoded it, and for that alone. */
  readonly config: never
  readonly keys: ReadonlyArray<Key>
  readonly definition: AnyResourceSlot
}

const pattern = /^[a-z][a-z0-9-]{0,39}$/
/** Why no adapter can bring a kind of this name, and the way out; null = one can. */
export const refusedKind = (kind: string): readonly [problem: string, fix: string] | null =>
  foundation.has(kind)
    ? ["every project gets this, from a slot at the top of the file", "Remove it, and choose the adapter of that slot"]
    : pattern.test(kind)
      ? null
      : [
          "this is not the name of a kind",
          "Write lower-case letters, digits and hyphens, at most 40, beginning with a letter"
        ]

/** `kinds`: those that slots fill. */
export const choose = async (
  { kind, path, said, use }: AskedResource,
  source: Source,
  folders: ReadonlyArray<string>,
  kinds: ReadonlyArray<string>
) => {
  const at = (problem: string, fix: string) => ({
    chosen: null,
    secrets: [],
    faults: [fault(join(path, "use"), source.lineOf(join(path, "use")), problem, fix)]
  })
  const loaded = await Packages.load(use, folders)
  if ("problem" in loaded) return at(loaded.problem, loaded.fix)
  const offered = (loaded.adapter as Adapter).resources ?? {}
  const definition = Object.hasOwn(offered, kind) ? offered[kind] : undefined
  if (definition === undefined) {
    const near = nearest(kind, [...kinds, ...Object.keys(offered)])
    const others = oneOf(Object.keys(offered).map((one) => `resources.${one}`))
    return at(
      `${use} offers no resources of this kind${others === "" ? "" : `; it offers ${others}`}`,
      near === null ? "Name a package that offers it, or remove it" : `Write ${near}, or remove it`
    )
  }
  const { config, faults, secrets } = decode(definition, said, path, source)
  const chosen: ChosenResource = {
    kind,
    use,
    config: config as never,
    definition,
    keys: keysOf(definition.config),
    get version() {
      return loaded.version
    }
  }
  return { chosen, faults, secrets }
}

const refuse = ({ kind, use }: ChosenResource, problem: string, fix: string, cause?: unknown) =>
  new StartError({ field: `resources.${kind} (${use})`, problem, fix, cause })
const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

const variablePattern = /^[A-Z][A-Z0-9_]{0,99}$/
/** Variables that what runs has for other reasons. */
const reserved = new Set(["HOME", "HOST", "LANG", "NODE_ENV", "PATH", "PORT", "PWD", "SHELL", "TMPDIR", "USER"])

/** What keeps the provider from being used, or null. Pure. */
export const problemOf = (
  kind: string,
  { kind: own, variables }: Pick<ResourceProvider, "kind" | "variables">,
  taken: ReadonlyMap<string, string>
): string | null => {
  if (own !== kind) return `its provider says that it is of kind ${own}`
  for (const name of variables) {
    if (!variablePattern.test(name)) return `its output ${name} cannot be a variable: write capitals, digits and _`
    if (reserved.has(name) || name.startsWith("RDEV_") || name.startsWith("SDLC_"))
      return `its output ${name} is a variable that is used otherwise`
    const other = taken.get(name)
    if (other !== undefined && other !== kind) return `its output ${name} is an output of ${other} too`
  }
  return null
}

/** Builds every provider that was chosen, and offers them. */
export const layer = (chosen: ReadonlyMap<string, ChosenResource>): Layer.Layer<never, StartError, Host.Host> =>
  Layer.effect(
    Installed,
    Effect.gen(function* () {
      const built = new Map<string, ResourceProvider>()
      const taken = new Map(ours.flatMap(({ kind, variables }) => variables.map((name) => [name, kind] as const)))
      for (const one of chosen.values()) {
        const provider = yield* one.definition
          .provider(one.config)
          .pipe(
            Effect.mapError((error) =>
              refuse(one, textOf(error), error.fix ?? "Correct its configuration, or see what it needs", error)
            )
          )
        const problem = problemOf(one.kind, provider, taken)
        if (problem !== null) return yield* refuse(one, problem, "Mend the package, or remove the kind")
        for (const name of provider.variables) taken.set(name, one.kind)
        built.set(one.kind, provider)
      }
      return built
    })
  )

/** How a provider that was built is: it is asked for what it made. */
export const health = (kind: string): Effect.Effect<Health> =>
  Effect.flatMap(Installed, (installed) => {
    const provider = installed.get(kind)
    return provider === undefined
      ? Effect.succeed({ ok: false, detail: "was not built" })
      : Effect.match(provider.list, {
          onSuccess: (all) => ({ ok: true, detail: `${all.length} of projects` }),
          onFailure: ({ reason }) => ({ ok: false, detail: describe(reason) })
        })
  })
