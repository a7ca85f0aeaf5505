/**
 * Task Master: `tasks.json` (one list, or one per tag), with the PRD as spec.
 *
 * Task n becomes task-(100·n), sub-task n.m task-(100·n+m); a task waits for its sub-tasks. Cancelled tasks are left out. The
 * digest is taken over the translation, because the file mixes the plan with its status.
 */
import { parse } from "yaml"
import * as Foreign from "./Foreign.ts"

interface Item {
  readonly id: number
  readonly title: string
  readonly description: string
  readonly status: string
  readonly deps: ReadonlyArray<string>
  readonly verify: string
  readonly subtasks: ReadonlyArray<Item>
}

const record = (value: unknown): Readonly<Record<string, unknown>> | null => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null)
const text = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" ? String(value) : "").replace(/\s+/g, " ").trim()

const readItems = (value: unknown, depth: number): ReadonlyArray<Item> => {
  if (!Array.isArray(value) || depth > 1) return []
  return value.flatMap((raw) => {
    const item = record(raw)
    const id = Number(text(item?.["id"]).split(".").at(-1))
    if (item === null || !Number.isInteger(id) || id <= 0) return []
    const deps = item["dependencies"]
    return [{
      id,
      title: text(item["title"]),
      description: text(item["description"]),
      status: text(item["status"]),
      deps: Array.isArray(deps) ? deps.map(text) : [],
      verify: text(item["testStrategy"]),
      subtasks: readItems(item["subtasks"], depth + 1)
    }]
  })
}

const read = (source: string): ReadonlyMap<string, ReadonlyArray<Item>> => {
  let json: unknown
  try {
    json = parse(source, { logLevel: "error" })
  } catch {
    return new Map()
  }
  const root = record(json)
  if (root === null) return new Map()
  if (Array.isArray(root["tasks"])) return new Map([["master", readItems(root["tasks"], 0)]])
  return new Map(Object.entries(root).flatMap(([tag, list]) => (Array.isArray(record(list)?.["tasks"]) ? [[tag, readItems(record(list)?.["tasks"], 0)] as const] : [])))
}

const three = (number: number): string => `task-${String(number).padStart(3, "0")}`
const alive = (item: Item): boolean => item.status !== "cancelled"

/** Native id of a dependency; one without a dot is a sibling, within a task's sub-tasks as well as at the top. */
const depOf = (parent: number, dep: string): string => {
  const [major, minor] = dep.split(".")
  if (minor !== undefined) return three(Number(major) * 100 + Number(minor))
  return parent === 0 ? three(Number(major) * 100) : three(parent * 100 + Number(major))
}

const lines = (items: ReadonlyArray<Item>): ReadonlyArray<string> => {
  const known = new Set<string>()
  for (const item of items.filter(alive)) {
    known.add(three(item.id * 100))
    for (const sub of item.subtasks.filter(alive)) known.add(three(item.id * 100 + sub.id))
  }
  const one = (item: Item, id: string, deps: ReadonlyArray<string>): ReadonlyArray<string> => [
    ...Foreign.taskLines({
      id,
      title: item.title === "" ? item.description : item.title,
      ticked: item.status === "done",
      deps: [...new Set(deps)].filter((dep) => dep !== id && known.has(dep)),
      writes: Foreign.pathsIn(item.description)
    }),
    ...(item.verify === "" ? [] : [`  Test strategy: ${item.verify}`])
  ]
  return items.filter(alive).flatMap((item) => {
    const subs = item.subtasks.filter(alive)
    const deps = item.deps.map((dep) => depOf(0, dep))
    return [
      ...one(item, three(item.id * 100), [...deps, ...subs.map((sub) => three(item.id * 100 + sub.id))]),
      ...subs.flatMap((sub) => one(sub, three(item.id * 100 + sub.id), [...deps, ...sub.deps.map((dep) => depOf(item.id, dep))]))
    ]
  })
}

/** The tag stands after a `#` in a source path, since one file holds the plans of several features. */
export const splitTag = (path: string): { readonly path: string; readonly tag: string } => {
  const at = path.indexOf("#")
  return at < 0 ? { path, tag: "master" } : { path: path.slice(0, at), tag: path.slice(at + 1) }
}

export const importer: Foreign.Importer = {
  format: "task-master",
  find: (files) => {
    const found: Array<Foreign.Candidate> = []
    for (const path of [".taskmaster/tasks/tasks.json", "tasks/tasks.json"]) {
      const source = files.get(path)
      if (source === undefined) continue
      const prd = [".taskmaster/docs/prd.txt", ".taskmaster/docs/prd.md", "scripts/prd.txt"].find((file) => files.has(file))
      for (const [tag, items] of read(source)) {
        if (items.length === 0) continue
        const gone = items.flatMap((item) => [item, ...item.subtasks]).filter((item) => !alive(item)).length
        found.push({
          format: "task-master",
          root: `${path}#${tag}`,
          slug: Foreign.slugOf(tag === "master" ? "taskmaster" : tag),
          title: tag === "master" ? "Task Master plan" : tag,
          sources: { ...(prd === undefined ? {} : { spec: [prd] }), tasks: [`${path}#${tag}`] },
          approved: [],
          waivers: [],
          dependsOn: [],
          notes: gone === 0 ? [] : [`${gone} cancelled tasks were left out.`]
        })
      }
    }
    return found
  },
  translate: (kind, sources) => {
    const first = sources[0]
    if (kind !== "tasks" || first === undefined) return Foreign.verbatim(sources)
    const { path, tag } = splitTag(first.path)
    const translated = lines(read(first.text).get(tag) ?? [])
    return { lines: translated.map((line) => ({ text: line, file: path, line: 1 })), content: translated.join("\n") }
  }
}
