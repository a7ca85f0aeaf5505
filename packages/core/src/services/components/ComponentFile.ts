/**
 * `rdev.yaml` as components. In its root the file says either one component (as ever: `kind`, `build`, `publish`, `start`, …) or several
 * under `components`. Everything that is wrong with it is found at once, each fault with its path, its line and what to write. Pure.
 */
import { isAlias, isScalar, LineCounter, type Node, parseAllDocuments, visit } from "yaml"
import { Result } from "effect"
import type { Component, ComponentFault } from "../../domain/components/Component.ts"
import * as Rules from "./ComponentRules.ts"
import { Faults, type Field, fieldsOf, isList, isObject, join, list, refuseOthers, single } from "./YamlFields.ts"

export const fileName = "rdev.yaml"
export const maxBytes = 65_536
export const maxComponents = 50
const maxNodes = 5_000
const maxCommands = 20
const maxNeeds = 20

const root = ["kind", "build", "publish", "start", "port", "health", "idle", "needs"]
const fields = ["name", "kind", "path", "build", "publish", "start", "port", "health", "idle", "needs", "public"]

export interface Read {
  readonly components: ReadonlyArray<Component>
}

/** What a repository is that does not say: all of it, served as it is, with everything that the installation offers. */
export const whole = (name: string): Component => ({
  name,
  kind: "static",
  path: ".",
  build: [],
  publish: null,
  start: null,
  port: null,
  health: "/",
  idle: null,
  needs: null,
  public: true
})

const buildOf = (field: Field | undefined, path: string, faults: Faults): ReadonlyArray<string> => {
  if (field === undefined) return []
  if (isList(field.value)) return list(field, path, Rules.build, { most: maxCommands, unique: false }, faults) ?? []
  const one = single(field, path, Rules.build, faults)
  return one === undefined ? [] : [one]
}

/** Fields that say nothing about a component of this kind. */
const misplaced = (all: ReadonlyMap<string, Field>, kind: Component["kind"], path: string, faults: Faults) => {
  const refuse = (key: string, fits: boolean, who: string) => {
    const field = all.get(key)
    if (field !== undefined && !fits)
      faults.of(field.keyNode, join(path, key), `a component of kind ${kind} has no ${key}`, `Remove it: only ${who}`)
  }
  refuse("publish", kind === "static", "static components publish a folder")
  refuse("start", Rules.started.has(kind), "node and worker components are started by a command")
  refuse("port", kind === "node" || kind === "image", "node and image components listen")
  refuse("health", Rules.served.has(kind), "what answers requests is asked for its health")
  refuse("idle", kind === "node", "node components sleep")
  const open = all.get("public")
  if (open !== undefined && isScalar(open.value) && open.value.value === true && !Rules.served.has(kind))
    faults.of(
      open.keyNode,
      join(path, "public"),
      `a component of kind ${kind} answers no requests`,
      "Remove it: only static, node and image components can be public"
    )
}

const must = (
  all: ReadonlyMap<string, Field>,
  key: string,
  at: Node | null,
  path: string,
  fix: string,
  faults: Faults
) => {
  if (!all.has(key)) faults.of(at, join(path, key), "it is missing", fix)
}

/** One component; `alone`: the file's root, which has no name, path or `public` of its own. */
const component = (node: Node | null, path: string, alone: string | null, faults: Faults): Component | null => {
  if (!isObject(node)) {
    faults.of(node, path, "it is no component", "Write fields: name, kind, path, …")
    return null
  }
  const all = fieldsOf(node, path, faults)
  refuseOthers(all, alone === null ? fields : root, path, faults)
  if (alone === null) must(all, "name", node, path, "Give the component a name, such as web", faults)
  must(all, "kind", node, path, Rules.kind.fix, faults)
  const kind = single(all.get("kind"), path, Rules.kind, faults)
  if (kind !== undefined) {
    misplaced(all, kind, path, faults)
    if (Rules.started.has(kind)) must(all, "start", node, path, Rules.start.fix, faults)
  }
  const name = alone ?? single(all.get("name"), path, Rules.name, faults)
  const answers = kind !== undefined && Rules.served.has(kind)
  return {
    name: name ?? "",
    kind: kind ?? "static",
    path: single(all.get("path"), path, Rules.path, faults) ?? ".",
    build: buildOf(all.get("build"), path, faults),
    publish: single(all.get("publish"), path, Rules.publish, faults) ?? (kind === "static" ? "dist" : null),
    start: single(all.get("start"), path, Rules.start, faults) ?? null,
    port: single(all.get("port"), path, Rules.port, faults) ?? null,
    health: single(all.get("health"), path, Rules.health, faults) ?? (answers ? "/" : null),
    idle: single(all.get("idle"), path, Rules.idle, faults) ?? null,
    needs:
      list(all.get("needs"), path, Rules.need, { most: maxNeeds, unique: true }, faults) ??
      (alone === null ? [] : null),
    public: alone !== null ? answers : (single(all.get("public"), path, Rules.isPublic, faults) ?? false)
  }
}

/** Of several: names that stand twice, and more than one that is public. Two may share a folder, such as a server and its worker. */
const together = (
  found: ReadonlyArray<{ readonly component: Component; readonly node: Node | null; readonly path: string }>,
  faults: Faults
) => {
  const names = new Map<string, string>()
  let open: string | null = null
  for (const { component: one, node, path } of found) {
    const same = names.get(one.name)
    if (one.name !== "" && same !== undefined)
      faults.of(node, join(path, "name"), `${same} is called ${one.name} too`, "Give each component a name of its own")
    else names.set(one.name, path)
    if (!one.public) continue
    if (open !== null)
      faults.of(node, join(path, "public"), `${open} is public too`, "Leave public to the one that people reach")
    open ??= path
  }
}

const several = (field: Field, faults: Faults): ReadonlyArray<Component> => {
  const items = isList(field.value) ? (field.value as unknown as { items: ReadonlyArray<Node | null> }).items : null
  const fix = "Write a list: each component begins with `- name:`"
  if (items === null || items.length === 0) {
    faults.of(field.value ?? field.keyNode, "components", items === null ? "it is no list" : "it is empty", fix)
    return []
  }
  if (items.length > maxComponents) {
    faults.of(field.value, "components", `there are ${items.length}`, `Give at most ${maxComponents}`)
    return []
  }
  const found = items.flatMap((node, i) => {
    const path = join("components", i)
    const read = component(node, path, null, faults)
    return read === null ? [] : [{ component: read, node, path }]
  })
  together(found, faults)
  return found.map((one) => one.component)
}

const plain = (node: Node, faults: Faults): boolean => {
  const before = faults.found.length
  let nodes = 0
  visit(node, (_key, one) => {
    if (++nodes > maxNodes) {
      faults.of(node, "", `more than ${maxNodes} values`, "Make the file smaller")
      return visit.BREAK
    }
    const marked = one as { readonly anchor?: string; readonly tag?: string } | null
    if (isAlias(one) || marked?.anchor !== undefined)
      faults.of(one as Node, "", "anchors and aliases are not read", "Write the value out")
    else if (marked?.tag !== undefined && !marked.tag.startsWith("tag:yaml.org,2002:"))
      faults.of(one as Node, "", `the tag ${marked.tag.slice(0, 60)} is not read`, "Write the value without a tag")
    return faults.found.length > before + 10 ? visit.BREAK : undefined
  })
  return faults.found.length === before
}

const contents = (text: string, faults: Faults, lines: LineCounter): Node | null => {
  // The library goes down nested values by calling itself: what is nested too deep throws like anything else that it cannot read.
  try {
    const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
    const [document, second] = "empty" in documents ? [] : documents
    if (document === undefined) return null
    if (second !== undefined) {
      faults.at(second.range?.[0], "", "there are several documents in the file", "Keep one")
      return null
    }
    // Warnings are of tags that nobody knows: what they mean is not read.
    for (const error of [...document.errors, ...document.warnings])
      faults.at(error.pos[0], "", error.message.replace(/\s+/g, " ").slice(0, 200), "Correct the YAML")
    const node = document.contents as Node | null
    return node !== null && faults.found.length === 0 && plain(node, faults) ? node : null
  } catch (error) {
    faults.at(0, "", error instanceof Error ? error.message.slice(0, 200) : String(error), "Correct the YAML")
    return null
  }
}

/** `name`: of the component that a file without `components` says. */
export const parse = (text: string, name: string): Result.Result<Read, ReadonlyArray<ComponentFault>> => {
  const lines = new LineCounter()
  const faults = new Faults(lines)
  const bytes = new TextEncoder().encode(text).length
  if (bytes > maxBytes) faults.at(0, "", `the file has ${bytes} bytes`, `Make it at most ${maxBytes}`)
  const node = faults.found.length > 0 ? null : contents(text, faults, lines)
  let components: ReadonlyArray<Component> = []
  if (node === null || !isObject(node)) {
    if (faults.found.length === 0)
      faults.of(node, "", "it says no component", "Write `kind:` and its fields, or a list under `components:`")
  } else if (node.has("components")) {
    const all = fieldsOf(node, "", faults)
    refuseOthers(all, ["components"], "", faults)
    const many = all.get("components")
    components = many === undefined ? [] : several(many, faults)
  } else {
    const one = component(node, "", name, faults)
    components = one === null ? [] : [one]
  }
  return faults.found.length > 0 ? Result.fail(closed(faults)) : Result.succeed({ components })
}

/** In the order of the file; says how many it leaves out. */
const closed = ({ found, more }: Faults): ReadonlyArray<ComponentFault> => {
  const sorted = [...found].sort((a, b) => a.line - b.line)
  return more === 0
    ? sorted
    : [...sorted, { path: "", line: 1, problem: `and ${more} more faults`, fix: "Correct these first" }]
}
