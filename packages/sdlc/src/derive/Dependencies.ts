/** Statuses of the dependencies between features: met, unmet, dead (cancelled or missing), cycle. Pure; the caller supplies all features. */
import type { Lifecycle } from "../model/Feature.ts"
import type { DependencyStatus } from "../model/Observed.ts"
import type { Phase } from "../model/Phase.ts"

export interface DependencyNode {
  readonly slug: string
  readonly deps: ReadonlyArray<string>
  readonly phase: Phase
  readonly lifecycle: Lifecycle
}

/** Slugs that reach themselves through dependencies that are not released yet: nothing among them could ever start. */
const cyclic = (nodes: ReadonlyMap<string, DependencyNode>): ReadonlySet<string> => {
  const found = new Set<string>()
  for (const start of nodes.keys()) {
    const seen = new Set<string>()
    const stack = [...(nodes.get(start)?.deps ?? [])]
    while (stack.length > 0) {
      const slug = stack.pop() as string
      const node = nodes.get(slug)
      if (node === undefined || node.phase === "released" || seen.has(slug)) continue
      seen.add(slug)
      stack.push(...node.deps)
    }
    if (seen.has(start)) found.add(start)
  }
  return found
}

/** Per feature, the status of each of its dependencies: what `observed.deps` wants. */
export const dependencyStatuses = (
  features: ReadonlyArray<DependencyNode>
): { readonly [slug: string]: { readonly [dep: string]: DependencyStatus } } => {
  const nodes = new Map(features.map((feature) => [feature.slug, feature]))
  const cycles = cyclic(nodes)
  const status = (from: string, slug: string): DependencyStatus => {
    const dep = nodes.get(slug)
    if (dep === undefined) return "dead"
    if (dep.phase === "released") return "met"
    if (dep.lifecycle === "cancelled" || dep.lifecycle === "archived") return "dead"
    return cycles.has(from) && cycles.has(slug) ? "cycle" : "unmet"
  }
  return Object.fromEntries(
    features.map((feature) => [
      feature.slug,
      Object.fromEntries(feature.deps.map((dep) => [dep, status(feature.slug, dep)]))
    ])
  )
}
