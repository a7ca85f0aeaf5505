/**
 * Which components a change of files touches. A file belongs to the component, or workspace package, with the longest path that holds it;
 * what depends on a package by its `package.json` is touched with it. A file that belongs to nobody (a lock file, a shared configuration)
 * touches all: nothing is left out by a guess. What rdev itself keeps in a repository (`.sdlc/`) touches none. Pure.
 */
import type { Component } from "../../domain/components/Component.ts"

/** A `package.json` of the repository: its folder (`.` for the root), its name, and what it depends on. */
export interface Manifest {
  readonly path: string
  readonly name: string | null
  readonly dependencies: ReadonlyArray<string>
}

const decoder = new TextDecoder()
const asRecord = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}

/** null when it is no JSON object; every sort of dependency counts, as any may be built into what is released. */
export const manifestOf = (path: string, content: Uint8Array | string): Manifest | null => {
  try {
    const json: unknown = JSON.parse(typeof content === "string" ? content : decoder.decode(content))
    if (typeof json !== "object" || json === null || Array.isArray(json)) return null
    const { name } = json as { readonly name?: unknown }
    const sorts = ["dependencies", "devDependencies", "peerDependencies", "optionalDependencies"]
    const dependencies = sorts.flatMap((sort) => Object.keys(asRecord((json as Record<string, unknown>)[sort])))
    return {
      path: path === "package.json" ? "." : path.replace(/\/package\.json$/, ""),
      name: typeof name === "string" ? name : null,
      dependencies: [...new Set(dependencies)].sort()
    }
  } catch {
    // Not JSON: an unfinished file of a branch. Its folder then depends on nothing that is known.
    return null
  }
}

interface Place {
  readonly path: string
  readonly components: ReadonlyArray<string>
  readonly names: ReadonlyArray<string>
  readonly needs: ReadonlySet<string>
}

export interface Graph {
  readonly places: ReadonlyArray<Place>
  /** Of each place, by path: the places that depend on it, itself among them, directly or by others. */
  readonly dependents: ReadonlyMap<string, ReadonlySet<string>>
}

const holds = (folder: string, file: string): boolean =>
  folder === "." || file === folder || file.startsWith(`${folder}/`)

const closure = (start: string, direct: ReadonlyMap<string, ReadonlyArray<string>>): ReadonlySet<string> => {
  const reached = new Set([start])
  for (const one of reached) for (const next of direct.get(one) ?? []) reached.add(next)
  return reached
}

/** The root's own manifest is no package that others depend on, unless a component stands there. */
export const make = (
  components: ReadonlyArray<Pick<Component, "name" | "path">>,
  manifests: ReadonlyArray<Manifest>
): Graph => {
  const paths = new Set([
    ...components.map(({ path }) => path),
    ...manifests.map(({ path }) => path).filter((path) => path !== ".")
  ])
  const places = [...paths].sort().map((path): Place => {
    const manifest = manifests.find((one) => one.path === path)
    return {
      path,
      components: components.filter((one) => one.path === path).map(({ name }) => name),
      names: manifest?.name == null ? [] : [manifest.name],
      needs: new Set(manifest?.dependencies)
    }
  })
  const direct = new Map(
    places.map((place) => [
      place.path,
      places.filter((other) => place.names.some((name) => other.needs.has(name))).map(({ path }) => path)
    ])
  )
  return { places, dependents: new Map(places.map(({ path }) => [path, closure(path, direct)])) }
}

/** The place that a file belongs to; null = to nobody. */
export const placeOf = ({ places }: Graph, file: string): string | null => {
  let best: string | null = null
  for (const { path } of places)
    if (holds(path, file) && (best === null || best === "." || (path !== "." && path.length > best.length))) best = path
  return best
}

const isRdevs = (file: string): boolean => file === ".sdlc" || file.startsWith(".sdlc/")

/** Names of the components that a change of these files touches, in the graph's order. */
export const touched = (graph: Graph, files: Iterable<string>): ReadonlyArray<string> => {
  const reached = new Set<string>()
  for (const file of files) {
    if (isRdevs(file)) continue
    const place = placeOf(graph, file)
    // A component that is the whole repository holds what nobody else does, and others may be built with it.
    if (place === null || place === ".") return graph.places.flatMap(({ components }) => components)
    for (const one of graph.dependents.get(place) ?? []) reached.add(one)
  }
  return graph.places.flatMap(({ components, path }) => (reached.has(path) ? components : []))
}
