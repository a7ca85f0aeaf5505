/**
 * Task Master: `tasks.json` (one list, or one per tag), with the PRD as spec.
 *
 * Task n becomes task-(100·n), sub-task n.m task-(100·n+m), a task with a text for an id the next free number and the text as its
 * alias; a task waits for its sub-tasks. Cancelled tasks are left out. The digest is taken over the translation, because the file mixes the plan with its status.
 */
import { parse } from "yaml"
import * as Foreign from "./Foreign.ts"

interface Item {
  /** As the plan writes it, without its parent's: `3`, `core-setup`. */
  readonly name: string
  readonly title: string
  readonly description: string
  readonly status: string
  readonly deps: ReadonlyArray<string>
  readonly verify: string
  readonly subtasks: ReadonlyArray<Item>
}

const record = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
const text = (value: unknown): string =>
  (typeof value === "string" ? value : typeof value === "number" ? String(value) : "").replace(/\s+/g, " ").trim()

/** Items without an id are counted in `nameless`: nothing could refer to them. */
const readItems = (value: unknown, parent: string | null, nameless: { count: number }): ReadonlyArray<Item> => {
  if (!Array.isArray(value)) return []
  return value.flatMap((raw) => {
    const item = record(raw)
    const whole = text(item?.["id"])
    const name = parent !== null && whole.startsWith(`${parent}.`) ? whole.slice(parent.length + 1) : whole
    if (item === null || name === "") {
      nameless.count++
      return []
    }
    const deps = item["dependencies"]
    return [
      {
        name,
        title: text(item["title"]),
        description: text(item["description"]),
        status: text(item["status"]),
        deps: Array.isArray(deps) ? deps.map(text) : [],
        verify: text(item["testStrategy"]),
        // Deeper levels do not exist in the format.
        subtasks: parent === null ? readItems(item["subtasks"], name, nameless) : []
      }
    ]
  })
}

interface Plan {
  readonly items: ReadonlyArray<Item>
  readonly nameless: number
}
const planOf = (value: unknown): Plan => {
  const nameless = { count: 0 }
  const items = readItems(value, null, nameless)
  return { items, nameless: nameless.count }
}

/** Plans by tag; `null` when the file is none. */
const read = (source: string): ReadonlyMap<string, Plan> | null => {
  let json: unknown
  try {
    json = parse(source, { logLevel: "error" })
  } catch {
    return null
  }
  const root = record(json)
  if (root === null) return null
  if (Array.isArray(root["tasks"])) return new Map([["master", planOf(root["tasks"])]])
  return new Map(
    Object.entries(root).flatMap(([tag, list]) =>
      Array.isArray(record(list)?.["tasks"]) ? [[tag, planOf(record(list)?.["tasks"])] as const] : []
    )
  )
}

const alive = (item: Item): boolean => item.status !== "cancelled"
const numberOf = (name: string): number => (/^\d{1,5}$/.test(name) ? Number(name) : 0)

/** Our ids by the plan's full names (`3`, `3.1`, `core-setup`, `core-setup.1`). */
const idsOf = (items: ReadonlyArray<Item>): ReadonlyMap<string, string> => {
  const id = Foreign.allocator("task")
  const ids = new Map<string, string>()
  for (const item of items.filter(alive)) {
    const major = numberOf(item.name) * 100
    if (!ids.has(item.name)) ids.set(item.name, id(item.name, major))
    for (const sub of item.subtasks.filter(alive)) {
      const minor = numberOf(sub.name)
      const full = `${item.name}.${sub.name}`
      if (!ids.has(full)) ids.set(full, id(full, major > 0 && minor > 0 && minor < 100 ? major + minor : 0))
    }
  }
  return ids
}

/** Within a task's sub-tasks a bare name is a sibling's where there is one, else a task's. */
const resolve = (ids: ReadonlyMap<string, string>, parent: string | null, dep: string): string | undefined =>
  (parent === null ? undefined : ids.get(`${parent}.${dep}`)) ?? ids.get(dep)

const lines = (items: ReadonlyArray<Item>): ReadonlyArray<string> => {
  const ids = idsOf(items)
  const one = (item: Item, id: string, deps: ReadonlyArray<string>, full: string): ReadonlyArray<string> => [
    ...Foreign.taskLines({
      id,
      title: item.title === "" ? item.description : item.title,
      ticked: item.status === "done",
      deps: [...new Set(deps)].filter((dep) => dep !== id),
      writes: Foreign.pathsIn(item.description),
      ...(/^\d+(?:\.\d+)?$/.test(full) ? {} : { alias: full })
    }),
    ...(item.verify === "" ? [] : [`  Test strategy: ${item.verify}`])
  ]
  const found = (parent: string | null, deps: ReadonlyArray<string>): ReadonlyArray<string> =>
    deps.flatMap((dep) => resolve(ids, parent, dep) ?? [])
  return items.filter(alive).flatMap((item) => {
    const subs = item.subtasks.filter(alive)
    const deps = found(null, item.deps)
    return [
      ...one(
        item,
        ids.get(item.name) ?? "",
        [...deps, ...subs.flatMap((sub) => ids.get(`${item.name}.${sub.name}`) ?? [])],
        item.name
      ),
      ...subs.flatMap((sub) =>
        one(
          sub,
          ids.get(`${item.name}.${sub.name}`) ?? "",
          [...deps, ...found(item.name, sub.deps)],
          `${item.name}.${sub.name}`
        )
      )
    ]
  })
}

/** What a plan has and its translation has not. */
const lostOf = (root: string, { items, nameless }: Plan): ReadonlyArray<Foreign.LeftOut> => {
  const ids = idsOf(items)
  const all = items.flatMap((item) => [
    { item, parent: null as string | null },
    ...item.subtasks.map((sub) => ({ item: sub, parent: item.name }))
  ])
  const full = ({ item, parent }: (typeof all)[number]) => (parent === null ? item.name : `${parent}.${item.name}`)
  const cancelled = new Set(all.filter(({ item }) => !alive(item)).map(full))
  return [
    ...[...cancelled].map((name) => ({ what: `${root}: task ${name}`, why: "it is cancelled" })),
    ...(nameless === 0 ? [] : [{ what: `${root}: ${nameless} tasks`, why: "they have no id" }]),
    ...all
      .filter(({ item }) => alive(item))
      .flatMap((one) =>
        one.item.deps.flatMap((dep) =>
          resolve(ids, one.parent, dep) === undefined && !cancelled.has(dep)
            ? [{ what: `${root}: dependency of ${full(one)} on ${dep}`, why: "the plan has no such task" }]
            : []
        )
      )
  ]
}

/** The tag stands after a `#` in a source path, since one file holds the plans of several features. */
export const splitTag = (path: string): { readonly path: string; readonly tag: string } => {
  const at = path.indexOf("#")
  return at < 0 ? { path, tag: "master" } : { path: path.slice(0, at), tag: path.slice(at + 1) }
}

const places = [".taskmaster/tasks/tasks.json", "tasks/tasks.json"]

/** Lines of the plan's file, by the titles of its tasks in their order; what follows a task belongs to it. */
const placesOf = (file: string): ((translated: string) => number) => {
  let [at, line] = [0, 1]
  return (translated) => {
    const title = Foreign.definedBy(translated) === null ? null : /^[^:]*:\s*(.*)$/.exec(translated)?.[1]
    if (title === null || title === undefined || title === "") return line
    const quoted = JSON.stringify(title)
    const found = file.indexOf(quoted, at)
    const hit = found >= 0 ? found : file.indexOf(quoted)
    if (hit < 0) return line
    line =
      hit >= at
        ? line + (file.slice(at, hit).match(/\n/g)?.length ?? 0)
        : (file.slice(0, hit).match(/\n/g)?.length ?? 0) + 1
    at = hit + 1
    return line
  }
}

export const importer: Foreign.Importer = {
  format: "task-master",
  nameOf: (id) => {
    const number = Number(/^task-(\d+)$/.exec(id)?.[1] ?? Number.NaN)
    if (Number.isNaN(number)) return null
    const [task, sub] = [Math.floor(number / 100), number % 100]
    return `task ${task}${sub === 0 ? "" : `.${sub}`}`
  },
  find: (files) => {
    const found: Array<Foreign.Candidate> = []
    for (const path of places) {
      const source = files.get(path)
      if (source === undefined) continue
      const prd = [".taskmaster/docs/prd.txt", ".taskmaster/docs/prd.md", "scripts/prd.txt"].find((file) =>
        files.has(file)
      )
      for (const [tag, plan] of read(source) ?? []) {
        if (plan.items.length === 0) continue
        found.push({
          format: "task-master",
          root: `${path}#${tag}`,
          slug: Foreign.slugOf(tag === "master" ? "taskmaster" : tag),
          title: tag === "master" ? "Task Master plan" : tag,
          sources: { ...(prd === undefined ? {} : { spec: [prd] }), tasks: [`${path}#${tag}`] },
          approved: [],
          waivers: [],
          dependsOn: [],
          notes: [],
          leftOut: lostOf(`${path}#${tag}`, plan),
          finished: null
        })
      }
    }
    return found
  },
  missed: (files) =>
    places.flatMap((path) => {
      const source = files.get(path)
      if (source === undefined) return []
      const plans = read(source)
      if (plans === null) return [{ what: path, why: "it is not JSON" }]
      if (plans.size === 0) return [{ what: path, why: "it has no list of tasks" }]
      return [...plans].flatMap(([tag, plan]) =>
        plan.items.length > 0 ? [] : [{ what: `${path}#${tag}`, why: "it has no tasks" }]
      )
    }),
  translate: (kind, sources) => {
    const first = sources[0]
    if (kind !== "tasks" || first === undefined) return Foreign.verbatim(sources)
    const { path, tag } = splitTag(first.path)
    const translated = lines(read(first.text)?.get(tag)?.items ?? [])
    const place = placesOf(first.text)
    return {
      lines: translated.map((line) => ({ text: line, file: path, line: place(line) })),
      content: translated.join("\n")
    }
  }
}
