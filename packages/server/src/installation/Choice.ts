/**
 * Which adapter fills each slot of an installation, with its configuration: from the platform file where it says it, else as embedded
 * installations have it. Everything that is wrong is found before anything is built.
 */
import type { AnySlot, Adapter } from "@rdev/core/adapter/Adapter"
import { type SlotName, slotNames, slots } from "@rdev/core/adapter/Slots"
import type { Any } from "effect/Layer"
import { decode, type Key, keysOf } from "./Decode.ts"
import { type Fault, fault, nearest, oneOf } from "./Fault.ts"
import * as Packages from "./Packages.ts"
import * as Resources from "./Resources.ts"
import { join, type Value } from "./PlatformYaml.ts"
import type { Source } from "./SecretRefs.ts"

export interface Chosen {
  readonly slot: SlotName
  /** The value of `use`. */
  readonly use: string
  readonly version: string
  /** Who chose it. */
  readonly by: "file" | "default" | "code"
  /** As its definition's schema decoded it, and for that alone. */
  readonly config: never
  readonly keys: ReadonlyArray<Key>
  /** null = a layer that was given in TypeScript. */
  readonly definition: AnySlot | null
  readonly layer: Any | null
}
export interface Choice {
  /** null = no file. */
  readonly file: string | null
  readonly slots: ReadonlyMap<SlotName, Chosen>
  /** By kind: what adapters bring beside the slots. */
  readonly resources: ReadonlyMap<string, Resources.ChosenResource>
  /** To be masked wherever text is kept. */
  readonly secrets: ReadonlyArray<string>
  /** Whether several processes may use the stores at once. */
  readonly shared: boolean
  /** What records of host names point at. */
  readonly address: string
}

/** What is there when nothing is said. `credentials` and `notifier` are the stores' own then. */
export const defaults = (env: Source["env"]): ReadonlyMap<SlotName, string> =>
  new Map<SlotName, string>([
    ["stores", "postgres"],
    ["limits", "memory"],
    ["templates", "folder"],
    ["dns", "local"],
    ["tls", "none"],
    ["outputs", "local"],
    ["webhooks", "local"],
    ["database", (env["RDEV_TENANT_DATABASE_URL"] ?? "").trim() === "" ? "none" : "postgres"],
    ["cache", "none"],
    ["forge", "local"],
    ["workspaces", "local"],
    ["ci", "local"],
    ["builder", "local"],
    ["deployer", "local"],
    ["router", "local"],
    ["agents", "agents"],
    ["edge", "local"]
  ])

export interface Asked {
  readonly slot: SlotName
  readonly path: string
  readonly use: string
  readonly said: Readonly<Record<string, Value>>
}
export interface Wanted {
  readonly asked: ReadonlyArray<Asked>
  readonly resources: ReadonlyArray<Resources.AskedResource>
  readonly address: string | null
  readonly faults: ReadonlyArray<Fault>
}

const isMap = (value: unknown): value is Readonly<Record<string, Value>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const top = new Map(slotNames.filter((name) => !slots[name].path.includes(".")).map((name) => [name as string, name]))
const resources = new Map(
  slotNames.flatMap((name) => {
    const [first, kind] = slots[name].path.split(".")
    return first === "resources" && kind !== undefined ? [[kind, name] as const] : []
  })
)
/** A word that people use for a slot. */
const meant = (key: string, among: ReadonlyMap<string, SlotName>): string | null => {
  const word = key.toLowerCase()
  const aliased = slotNames.find((name) => slots[name].alias.includes(word))
  if (aliased !== undefined) return slots[aliased].path
  const near = nearest(word, [...among.keys()])
  const slot = near === null ? undefined : among.get(near)
  return slot === undefined ? null : slots[slot].path
}

const addressPattern = /^(?=.{1,253}$)[a-z0-9:]([a-z0-9.:-]*[a-z0-9:])?$/i

/** What a platform file asks for. Pure. */
export const wanted = (value: Value, lineOf: Source["lineOf"]): Wanted => {
  const asked: Array<Asked> = []
  const brought: Array<Resources.AskedResource> = []
  const faults: Array<Fault> = []
  let address: string | null = null
  const tell = (path: string, problem: string, fix: string) => void faults.push(fault(path, lineOf(path), problem, fix))
  const entryAt = (path: string, entry: Value, choices: ReadonlyArray<string>) => {
    const example = `${path.split(".").at(-1)}: { use: ${choices[0] ?? '"@acme/package"'} }`
    if (!isMap(entry)) return tell(path, "this is no choice of an adapter", `Write ${example}`)
    const { use, ...said } = entry
    if (use === undefined) {
      const near = nearest("use", Object.keys(said))
      return tell(
        path,
        "it does not say which adapter is used",
        near === null ? `Write ${example}` : `Write use instead of ${near}`
      )
    }
    if (typeof use !== "string" || use.trim() === "")
      return tell(join(path, "use"), "this is not the name of an adapter", `Write ${example}`)
    return { path, use: use.trim(), said }
  }
  const slotAt = (slot: SlotName, path: string, entry: Value) => {
    const found = entryAt(path, entry, Packages.forSlot(slot))
    if (found !== undefined) asked.push({ slot, ...found })
  }
  /** A kind that no slot fills. */
  const kindAt = (kind: string, path: string, entry: Value) => {
    const elsewhere = top.has(kind) ? meant(kind, top) : null
    const refused = elsewhere === null ? Resources.refusedKind(kind) : null
    if (elsewhere !== null)
      return tell(
        path,
        "every project gets this, from a slot of its own",
        `Write it as ${elsewhere}, at the top of the file`
      )
    if (refused !== null) return tell(path, ...refused)
    const found = entryAt(path, entry, [])
    if (found !== undefined) brought.push({ kind, ...found })
  }
  const resourcesAt = (entry: Value) => {
    if (!isMap(entry))
      return tell(
        "resources",
        "these are no resources",
        "Write kinds below it, such as database: { use: postgres, url: … }"
      )
    for (const [kind, inner] of Object.entries(entry)) {
      const slot = resources.get(kind)
      const path = join("resources", kind)
      if (slot !== undefined) slotAt(slot, path, inner)
      else kindAt(kind, path, inner)
    }
  }
  if (value === null) return { asked, resources: brought, address, faults }
  if (!isMap(value)) {
    tell("", "the file says no keys", "Write slots such as dns: { use: local }")
    return { asked, resources: brought, address, faults }
  }
  for (const [key, entry] of Object.entries(value)) {
    const slot = top.get(key)
    if (slot !== undefined) slotAt(slot, key, entry)
    else if (key === "resources") resourcesAt(entry)
    else if (key === "address") {
      if (typeof entry === "string" && addressPattern.test(entry)) address = entry.toLowerCase()
      else
        tell(
          key,
          "this is neither an address nor a host name",
          "Write where this server is reached, such as 203.0.113.7"
        )
    } else if (key === "environments")
      tell(
        key,
        "adapters are not chosen for each environment by this version: staging and production have the same deployer",
        "Remove it, and choose deployer for both"
      )
    else {
      const near = resources.has(key) ? join("resources", key) : meant(key, top)
      tell(
        key,
        "there is no slot of this name",
        near !== null ? `Write ${near}` : `Remove it; slots are ${oneOf([...top.keys(), "resources", "address"])}`
      )
    }
  }
  return { asked, resources: brought, address, faults }
}

/** How people call what fills a slot. */
export const titleOf = ({ path, use }: Asked): string => `${path} (${use})`

const ask = async (asked: Asked, by: Chosen["by"], source: Source, folders: ReadonlyArray<string>) => {
  const { path, said, slot, use } = asked
  const at = (problem: string, fix: string) => ({
    chosen: null,
    secrets: [],
    faults: [fault(join(path, "use"), source.lineOf(join(path, "use")), problem, fix)]
  })
  const loaded = await Packages.load(use, folders)
  if ("problem" in loaded) return at(loaded.problem, loaded.fix)
  const { adapter } = loaded
  const definition = (adapter as Adapter).slots[slot]
  if (definition === undefined) {
    const others = Packages.forSlot(slot)
    return at(
      `${use} does not offer the slot ${path}; it offers ${oneOf(Packages.slotsOf(adapter).map((name) => slots[name].path)) || "none"}`,
      others.length === 0
        ? "Name a package that offers it, or remove the slot"
        : `Write ${oneOf(others)}, or a package that offers it`
    )
  }
  const { config, faults, secrets } = decode(definition, said, path, source)
  const chosen: Chosen = {
    slot,
    use,
    by,
    config: config as never,
    definition,
    layer: null,
    keys: keysOf(definition.config),
    get version() {
      return loaded.version
    }
  }
  return { chosen, faults, secrets }
}

/** What is given in code, or does not say otherwise, is taken to be a server. */
const isShared = (stores: Chosen | undefined): boolean =>
  stores !== undefined &&
  (stores.definition === null || (stores.config !== null && (stores.definition.shared?.(stores.config) ?? true)))

/** `folders`: where packages are looked for. */
export const make = async (
  request: Wanted & { readonly file: string | null },
  source: Source,
  folders: ReadonlyArray<string>,
  given: ReadonlyMap<SlotName, Any> = new Map()
): Promise<{ readonly choice: Choice; readonly faults: ReadonlyArray<Fault> }> => {
  const said = new Set([...request.asked.map(({ slot }) => slot), ...given.keys()])
  const answers = await Promise.all([
    ...request.asked.filter(({ slot }) => !given.has(slot)).map((one) => ask(one, "file", source, folders)),
    ...[...defaults(source.env)]
      .filter(([slot]) => !said.has(slot))
      .map(([slot, use]) => ask({ slot, path: slots[slot].path, use, said: {} }, "default", source, folders))
  ])
  const kinds = await Promise.all(
    request.resources.map((one) => Resources.choose(one, source, folders, [...resources.keys()]))
  )
  const twice = request.asked
    .filter(({ slot }) => given.has(slot))
    .map(({ path }) =>
      fault(
        path,
        source.lineOf(path),
        "this program fills the slot itself",
        "Remove it from the file, or from the program"
      )
    )
  const faults = [...request.faults, ...twice, ...[...answers, ...kinds].flatMap((answer) => answer.faults)]
  const chosen = new Map(
    answers.flatMap((answer) => (answer.chosen === null ? [] : [[answer.chosen.slot, answer.chosen] as const]))
  )
  for (const [slot, layer] of given)
    chosen.set(slot, {
      slot,
      use: "(given in code)",
      version: "",
      by: "code",
      config: null as never,
      keys: [],
      definition: null,
      layer
    })
  return {
    faults,
    choice: {
      file: request.file,
      slots: new Map(slotNames.flatMap((name) => (chosen.has(name) ? [[name, chosen.get(name)!] as const] : []))),
      resources: new Map(kinds.flatMap(({ chosen: one }) => (one === null ? [] : [[one.kind, one] as const]))),
      secrets: [...answers, ...kinds].flatMap((answer) => answer.secrets),
      shared: isShared(chosen.get("stores")),
      address: request.address ?? "127.0.0.1"
    }
  }
}
