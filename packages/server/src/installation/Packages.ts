/**
 * The adapter that a name of the platform file stands for: one of our own by the table, any other an npm package (or a folder or file,
 * where it begins with `.` or `/`), looked for from the folder of the platform file, the working folder, and beside this server. This is
 * the one place where adapters are imported; what is not chosen is not loaded.
 */
import { type Adapter, api, isAdapterLike } from "@rdev/core/adapter/Adapter"
import { type SlotName, slotNames } from "@rdev/core/adapter/Slots"
import { readFileSync, realpathSync, statSync } from "node:fs"
import { dirname, isAbsolute, join, resolve } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import { nearest, oneOf } from "./Fault.ts"
import none from "./None.ts"

interface Module {
  readonly default?: unknown
}
export interface Loaded {
  readonly adapter: Adapter
  readonly version: string
}
/** Why a name stands for no adapter, and the way out. */
export interface Refused {
  readonly problem: string
  readonly fix: string
}

interface Own {
  readonly packageName: string
  readonly load: () => Promise<Module>
  readonly slots: ReadonlyArray<SlotName>
}
/** Ours. A package is imported when a slot chooses it. */
export const own: { readonly [name: string]: Own } = {
  local: {
    packageName: "@rdev/adapter-local",
    load: () => import("@rdev/adapter-local/adapter"),
    slots: ["forge", "workspaces", "ci", "builder", "deployer", "router", "dns", "edge", "outputs", "webhooks"]
  },
  postgres: {
    packageName: "@rdev/adapter-postgres",
    load: () => import("@rdev/adapter-postgres/adapter"),
    slots: ["stores", "database"]
  },
  agents: {
    packageName: "@rdev/adapter-agents",
    load: () => import("@rdev/adapter-agents/adapter"),
    slots: ["agents"]
  },
  redis: {
    packageName: "@rdev/adapter-redis",
    load: () => import("@rdev/adapter-redis/adapter"),
    slots: ["cache", "limits", "notifier"]
  },
  gitea: {
    packageName: "@rdev/adapter-gitea",
    load: () => import("@rdev/adapter-gitea/adapter"),
    slots: ["forge", "ci"]
  },
  github: {
    packageName: "@rdev/adapter-github",
    load: () => import("@rdev/adapter-github/adapter"),
    slots: ["forge", "ci"]
  },
  acme: {
    packageName: "@rdev/adapter-acme",
    load: () => import("@rdev/adapter-acme/adapter"),
    slots: ["tls"]
  },
  none: {
    packageName: "@rdev/server",
    load: () => Promise.resolve({ default: none }),
    slots: Object.keys(none.slots) as ReadonlyArray<SlotName>
  },
  memory: {
    packageName: "@rdev/server",
    load: () => import("./Memory.ts"),
    slots: ["limits"]
  },
  folder: {
    packageName: "@rdev/server",
    load: () => import("./Folder.ts"),
    slots: ["templates"]
  }
}

const isPath = (name: string): boolean => /^\.{0,2}\//.test(name) || isAbsolute(name)
const packagePattern = /^(@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/
export const isPackage = (name: string): boolean => packagePattern.test(name)

const textOf = (cause: unknown): string =>
  (cause instanceof Error ? cause.message : String(cause)).split("\n", 1)[0] ?? ""
const kindOf = (path: string): "file" | "folder" | null => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? null : found.isDirectory() ? "folder" : "file"
}

interface Manifest {
  readonly name?: unknown
  readonly version?: unknown
  readonly rdev?: { readonly adapter?: unknown }
  readonly exports?: unknown
}
const manifestIn = (folder: string): Manifest | null => {
  const file = join(folder, "package.json")
  if (kindOf(file) !== "file") return null
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"))
  return typeof parsed === "object" && parsed !== null ? parsed : {}
}

/** As Node does it: `node_modules` of each folder on the way up. */
const findPackage = (name: string, from: string): string | null => {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name)
    if (kindOf(join(candidate, "package.json")) === "file") return realpathSync(candidate)
    if (dirname(folder) === folder) return null
  }
}

const conditions = (): ReadonlySet<string> => {
  const told = [...process.execArgv, ...(process.env["NODE_OPTIONS"] ?? "").split(/\s+/)].flatMap((arg) => {
    const found = /^(?:--conditions|-C)=(.+)$/.exec(arg)
    return found === null ? [] : [found[1] ?? ""]
  })
  return new Set([...told, "node", "import", "module-sync", "default"])
}
const targetOf = (target: unknown, wanted: ReadonlySet<string>): string | null => {
  if (typeof target === "string") return target
  if (Array.isArray(target)) return target.map((one) => targetOf(one, wanted)).find((one) => one !== null) ?? null
  if (typeof target !== "object" || target === null) return null
  for (const [condition, inner] of Object.entries(target)) {
    const found = wanted.has(condition) ? targetOf(inner, wanted) : null
    if (found !== null) return found
  }
  return null
}
/** The file that the package exports as `./adapter`. */
const entryOf = (folder: string, manifest: Manifest): string | null => {
  if (manifest.exports === undefined) {
    const plain = [join(folder, "adapter.js"), join(folder, "adapter", "index.js")]
    return plain.find((file) => kindOf(file) === "file") ?? null
  }
  if (typeof manifest.exports !== "object" || manifest.exports === null) return null
  const table = manifest.exports as Readonly<Record<string, unknown>>
  const wanted = conditions()
  const exact = targetOf(table["./adapter"], wanted)
  const target = exact ?? targetOf(table["./*"], wanted)?.replaceAll("*", "adapter") ?? null
  if (target === null) return null
  const file = resolve(folder, target)
  return file.startsWith(folder) ? file : null
}

/** Where the value of `use` leads: the file to import, and the version of its package. */
const locate = (
  name: string,
  folders: ReadonlyArray<string>
): { readonly file: string; readonly version: string } | Refused => {
  if (isPath(name)) {
    const path = resolve(folders[0] ?? ".", name)
    const kind = kindOf(path)
    if (kind === "file") return { file: path, version: "" }
    if (kind === null)
      return { problem: `${path} does not exist`, fix: "Name a folder with a package.json, or the file itself" }
    return inFolder(path, name)
  }
  for (const folder of folders) {
    const found = findPackage(name, folder)
    if (found !== null) return inFolder(found, name)
  }
  return {
    problem: `the package ${name} is not installed`,
    fix: `Run \`npm install ${name}\` in ${folders[0] ?? "."}, or \`npm install -g ${name}\` where rdev is installed globally`
  }
}
const inFolder = (folder: string, name: string): { readonly file: string; readonly version: string } | Refused => {
  const manifest = manifestIn(folder)
  if (manifest === null) return { problem: `${folder} has no package.json`, fix: "Name the file of the adapter itself" }
  const told = manifest.rdev?.adapter
  if (told === undefined)
    return {
      problem: `the package ${name} is no adapter of rdev: its package.json does not say "rdev": { "adapter": ${api} }`,
      fix: "Name a package that is one"
    }
  if (told !== api)
    return {
      problem: `the package ${name} was written for version ${String(told).slice(0, 20)} of rdev's adapters; this server has version ${api}`,
      fix: `Install a version of ${name} for this server, or the server that it was written for`
    }
  const file = entryOf(folder, manifest)
  return file === null || kindOf(file) !== "file"
    ? {
        problem: `the package ${name} exports no file as ./adapter`,
        fix: "Build it, or mend the exports of its package.json"
      }
    : { file, version: typeof manifest.version === "string" ? manifest.version : "" }
}

const adapterIn = (module: Module, name: string): Adapter | Refused => {
  const found = module.default
  if (!isAdapterLike(found))
    return {
      problem: `${name} has no default export that Adapter.define made`,
      fix: "See docs/adapters/writing.md for the shape of an adapter"
    }
  if (found.api !== api)
    return {
      problem: `${name} was written for version ${String(found.api).slice(0, 20)} of rdev's adapters; this server has version ${api}`,
      fix: `Install a version of ${name} for this server`
    }
  return found as Adapter
}

const versions = new Map<string, string>()
const versionOf = (packageName: string): string => {
  let version = versions.get(packageName)
  if (version === undefined) {
    const manifest = manifestIn(
      findPackage(packageName, here) ?? (packageName === "@rdev/server" ? join(here, "..", "..") : here)
    )
    versions.set(packageName, (version = typeof manifest?.version === "string" ? manifest.version : ""))
  }
  return version
}
const here = dirname(fileURLToPath(import.meta.url))

const ours = async (name: string, { load, packageName }: Own): Promise<Loaded | Refused> => {
  try {
    const adapter = adapterIn(await load(), name)
    return "problem" in adapter
      ? adapter
      : {
          adapter,
          get version() {
            return versionOf(packageName)
          }
        }
  } catch (cause) {
    if (!(cause instanceof Error) || !("code" in cause) || cause.code !== "ERR_MODULE_NOT_FOUND") throw cause
    return { problem: `the package ${packageName} is not installed`, fix: `Run \`npm install ${packageName}\`` }
  }
}

/** `folders`: where packages are looked for, in this order; relative paths are below the first. */
export const load = async (name: string, folders: ReadonlyArray<string>): Promise<Loaded | Refused> => {
  const known = Object.hasOwn(own, name) ? own[name] : undefined
  if (known !== undefined) return ours(name, known)
  if (!isPath(name) && !isPackage(name))
    return {
      problem: "this is neither the name of an adapter nor of a package",
      fix: `Write ${oneOf(Object.keys(own))}, or an npm package`
    }
  try {
    const found = locate(name, [...folders, here])
    if ("problem" in found) {
      const near = isPath(name) ? null : nearest(name, Object.keys(own))
      return near === null ? found : { problem: found.problem, fix: `Did you mean ${near}? ${found.fix}` }
    }
    const module = (await import(/* @vite-ignore */ pathToFileURL(found.file).href)) as Module
    const adapter = adapterIn(module, name)
    return "problem" in adapter ? adapter : { adapter, version: found.version }
  } catch (cause) {
    return { problem: `${name} cannot be loaded: ${textOf(cause)}`, fix: "Mend the package, or install it anew" }
  }
}

/** Adapters of ours that can fill a slot. */
export const forSlot = (slot: SlotName): ReadonlyArray<string> =>
  Object.keys(own).filter((name) => own[name]?.slots.includes(slot))
export const slotsOf = (adapter: Adapter): ReadonlyArray<SlotName> =>
  slotNames.filter((name) => adapter.slots[name] !== undefined)
