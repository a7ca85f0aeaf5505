/**
 * Kiro and cc-sdd: `.kiro/specs/<name>/{requirements or bugfix,design,tasks}.md`, with cc-sdd's `spec.json`.
 *
 * Acceptance criterion i.j becomes REQ-(100·i+j) and, since it already reads as one, scenario SC-(100·i+j). `_Requirements:_` (or
 * `Validates: Requirements`), `_Depends:_` and `_Boundary:_` become covers, dependencies and written paths; a whole requirement
 * stands for all its criteria. A task with sub-tasks, on whatever level, is only their heading.
 */
import { parse } from "yaml"
import * as Headings from "../language/Headings.ts"
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Foreign from "./Foreign.ts"

const number = (major: string | undefined, minor: string | undefined): number =>
  Number(major) * 100 + Number(minor ?? 0)
const three = (value: number): string => String(value).padStart(3, "0")

const requirementHeading = new RegExp(
  `^#{2,4}\\s+(?:${Headings.requirement}\\s*)?(\\d{1,4})(?![\\p{L}\\d])[.:\\uff1a]?\\s*(.*)$`,
  "iu"
)
const criteriaHeading = new RegExp(Headings.acceptanceCriteria, "iu")
const criteriaLine = new RegExp(`^\\**${Headings.acceptanceCriteria}\\**[:\\uff1a]?\\**\\s*$`, "iu")
const isBugfix = (path: string): boolean => path.endsWith("/bugfix.md")

/** A bug's spec: what has to hold afterwards. What is wrong now stays prose. */
const bugfix = (source: Foreign.Source): Foreign.Translation => {
  const wanted = new RegExp(`${Headings.expectedBehaviour}|${Headings.unchangedBehaviour}`, "iu")
  let live = false
  const lines = Foreign.rewrite(source, (line) => {
    if (/^#{1,6}\s/.test(line.text)) live = wanted.test(line.text)
    const item = live ? /^\s{0,3}(?:[-*+]\s+)?(\d{1,4})\.(\d{1,4})[.)]?\s+(.*)$/.exec(line.text) : null
    return item === null ? null : criterion(three(number(item[1], item[2])), item[3] ?? "")
  })
  return { lines, content: source.text }
}

const criterion = (id: string, text: string): ReadonlyArray<string> => [
  `- REQ-${id}: ${text.replace(/\s+THEN\s+(?=(?:the|\S+)\s)/i, (_then, at: number) => (text[at - 1] === "," ? " then " : ", then "))}`,
  `- SC-${id} (REQ-${id}): ${text}`
]

const requirements = (source: Foreign.Source): Foreign.Translation => {
  if (isBugfix(source.path)) return bugfix(source)
  let major = ""
  let criteria = false
  const lines = Foreign.rewrite(source, (line) => {
    const heading = requirementHeading.exec(line.text)
    if (heading !== null) {
      major = heading[1] ?? ""
      criteria = false
      return null
    }
    if (/^#{1,6}\s/.test(line.text)) criteria = criteriaHeading.test(line.text)
    else if (criteriaLine.test(line.text.trim())) criteria = true
    const item = /^\s{0,3}(?:\d{1,4}\.)?(\d{1,4})[.)]?\s+(.*)$/.exec(line.text)
    if (item === null || !criteria || major === "") return null
    return criterion(three(number(major, item[1])), item[2] ?? "")
  })
  return { lines, content: source.text }
}

interface Item {
  /** Such as `2.1.3`. */
  readonly name: string
  readonly line: number
  readonly title: string
  readonly ticked: boolean
  readonly parallel: boolean
  readonly details: Array<string>
}

const numbered = "(\\d{1,4}(?:\\.\\d{1,4}){0,2})\\*?\\.?"
const boxed = new RegExp(
  `^(?:${Headings.tasks}\\s*)?${numbered}[:\\uff1a]?\\s+(\\(P\\)\\s+)?(.*?)(\\s+\\(P\\))?$`,
  "iu"
)
const headed = new RegExp(
  `^#{2,4}\\s+(?:\\[([ xX])\\]\\s+)?(?:${Headings.tasks}\\s*)?${numbered}[:\\uff1a]?\\s+(.*)$`,
  "iu"
)

/** Boxes with a number; in a plan that has none, headings with a number. */
const readItems = (source: Foreign.Source): ReadonlyArray<Item> => {
  const [boxes, headings]: [Array<Item>, Array<Item>] = [[], []]
  Foreign.rewrite(source, (line) => {
    const box = Foreign.box.exec(line.text)
    const match = box === null ? null : boxed.exec(box[4] ?? "")
    const heading = headed.exec(line.text)
    if (box !== null && match !== null) {
      boxes.push({
        name: match[1] ?? "",
        line: line.number,
        title: match[3] ?? "",
        ticked: Foreign.isTicked(box[2]),
        parallel: match[2] !== undefined || match[4] !== undefined,
        details: []
      })
    } else if (heading !== null) {
      headings.push({
        name: heading[2] ?? "",
        line: line.number,
        title: heading[3] ?? "",
        ticked: Foreign.isTicked(heading[1]),
        parallel: false,
        details: []
      })
    } else if (line.text.trim() !== "") {
      if (/^\s/.test(line.text)) boxes.at(-1)?.details.push(line.text.trim())
      headings.at(-1)?.details.push(line.text.trim())
    }
    return null
  })
  return boxes.length > 0 ? boxes : headings
}

const marks = (item: Item, name: string): string =>
  item.details
    .flatMap((detail) => new RegExp(`_${name}[:\\uff1a]\\s*([^_]*)_`, "iu").exec(detail)?.[1] ?? [])
    .join(", ")
const validates = new RegExp(`\\bValidates:?\\**:?\\s*(?:${Headings.requirement})?\\s*([\\d.,\\s]+|[^*_]*)`, "iu")
const numbersIn = (text: string): ReadonlyArray<string> => text.match(/\d{1,4}(?:\.\d{1,4}){0,2}/g) ?? []

/** Ids of the criteria that a mark names. A whole requirement stands for all of its criteria, where the spec is known. */
const covered = (item: Item, known: ReadonlySet<number>): ReadonlyArray<string> => {
  const named = [
    marks(item, Headings.requirement),
    ...item.details.map((detail) => validates.exec(detail)?.[1] ?? "")
  ].flatMap(numbersIn)
  const all = named.flatMap((name) => {
    const [major, minor] = name.split(".")
    return minor === undefined
      ? [...known].filter((id) => Math.floor(id / 100) === Number(major))
      : [number(major, minor)]
  })
  return [...new Set(all)].map((id) => `REQ-${three(id)}`)
}

const criteriaOf = (spec: ReadonlyArray<Foreign.Source>): ReadonlySet<number> =>
  new Set(
    spec
      .flatMap((source) => requirements(source).lines)
      .flatMap((line) => /^- REQ-(\d{1,6}):/.exec(line.text)?.[1] ?? [])
      .map(Number)
  )

/** `{ "waves": [{ "tasks": ["1.1", …] }, …] }` in a code block: what a plan says itself about its order. */
const wavesOf = (text: string): ReadonlyArray<ReadonlyArray<string>> => {
  for (const [, block] of text.matchAll(/```(?:json)?\s*\n(\s*\{[\s\S]*?"waves"[\s\S]*?)```/g)) {
    try {
      const waves = (JSON.parse(block ?? "") as { readonly waves?: unknown }).waves
      if (Array.isArray(waves))
        return waves.map((wave: unknown) =>
          Array.isArray(wave)
            ? wave.map(String)
            : Array.isArray((wave as { tasks?: unknown } | null)?.tasks)
              ? (wave as { tasks: ReadonlyArray<unknown> }).tasks.map(String)
              : []
        )
    } catch {
      // Not JSON after all: the order of the lines is the plan's.
    }
  }
  return []
}

/** The tasks that are work: those without sub-tasks. */
const workOf = (items: ReadonlyArray<Item>): ReadonlyArray<Item> => {
  const parents = new Set(
    items.flatMap(({ name }) =>
      name
        .split(".")
        .slice(0, -1)
        .map((_, at, parts) => parts.slice(0, at + 1).join("."))
    )
  )
  return items.filter((item) => !parents.has(item.name))
}

const tasks = (source: Foreign.Source, spec: ReadonlyArray<Foreign.Source>): Foreign.Translation => {
  const work = workOf(readItems(source))
  const criteria = criteriaOf(spec)
  const allocate = Foreign.allocator("task")
  const ids = new Map<Item, string>()
  const known = new Map<string, Array<string>>()
  for (const item of work) {
    const [major, minor, third] = item.name.split(".").map(Number)
    const wanted =
      third === undefined ? (major ?? 0) * 100 + (minor ?? 0) : (major ?? 0) * 10_000 + (minor ?? 0) * 100 + third
    const id = allocate(`${item.line}`, wanted)
    ids.set(item, id)
    const parts = item.name.split(".")
    for (let count = 1; count <= parts.length; count++) {
      const name = parts.slice(0, count).join(".")
      known.set(name, [...(known.get(name) ?? []), id])
    }
  }
  const waves = wavesOf(source.text)
  const waveOf = (item: Item): number => waves.findIndex((wave) => wave.includes(item.name))
  let before: ReadonlyArray<string> = []
  let group: Array<string> = []
  const byLine = new Map<number, ReadonlyArray<string>>()
  for (const item of work) {
    const native = ids.get(item) ?? ""
    const named = numbersIn(marks(item, "Depends")).flatMap((dep) => known.get(dep) ?? [])
    const wave = waveOf(item)
    const implied =
      wave >= 0
        ? (waves[wave - 1] ?? []).flatMap((name) => known.get(name) ?? [])
        : item.parallel || group.length === 0
          ? before
          : group
    if (item.parallel) group.push(native)
    else {
      before = [native]
      group = []
    }
    const boundary = [
      ...marks(item, "Boundary")
        .split(",")
        .map((path) => path.trim())
        .filter((path) => path.includes("/")),
      ...Foreign.pathsIn([item.title, ...item.details].join(" "))
    ]
    byLine.set(
      item.line,
      Foreign.taskLines({
        id: native,
        title: item.title,
        ticked: item.ticked,
        deps: [...new Set([...implied, ...named])].filter((dep) => dep !== native),
        covers: covered(item, criteria),
        writes: [...new Set(boundary)]
      })
    )
  }
  const dropped = new RegExp(
    `^\\s+[-*+]\\s+(?:_(?:${Headings.requirement}|Depends|Boundary)[:\\uff1a]|\\**_?Validates\\b)`,
    "iu"
  )
  return {
    lines: Foreign.rewrite(source, (line) => byLine.get(line.number) ?? (dropped.test(line.text) ? [] : null)),
    content: source.text
  }
}

const approvals = (text: string | undefined): ReadonlyArray<ArtifactKind> => {
  if (text === undefined) return []
  let json: unknown
  try {
    json = parse(text, { logLevel: "error" })
  } catch {
    return []
  }
  const all = typeof json === "object" && json !== null ? (json as { approvals?: unknown }).approvals : undefined
  if (typeof all !== "object" || all === null) return []
  const kinds: ReadonlyArray<readonly [string, ArtifactKind]> = [
    ["requirements", "spec"],
    ["design", "design"],
    ["tasks", "tasks"]
  ]
  return kinds
    .filter(([name]) => (all as Record<string, { approved?: unknown } | undefined>)[name]?.approved === true)
    .map(([, kind]) => kind)
}

export const importer: Foreign.Importer = {
  format: "kiro",
  // Criterion m of requirement n is 100·n + m.
  nameOf: (id) => {
    const number = Number(/^(?:REQ|SC)-(\d+)$/.exec(id)?.[1] ?? Number.NaN)
    return number > 100 ? `${Math.floor(number / 100)}.${number % 100}` : null
  },
  find: (files) => {
    const found: Array<Foreign.Candidate> = []
    for (const [name, names] of Foreign.foldersBelow(files, ".kiro/specs/")) {
      const root = `.kiro/specs/${name}`
      const has = (kind: ArtifactKind, file: string): Foreign.Sources =>
        names.includes(file) ? { [kind]: [`${root}/${file}`] } : {}
      const sources: Foreign.Sources = {
        ...has("spec", "bugfix.md"),
        ...has("spec", "requirements.md"),
        ...has("design", "design.md"),
        ...has("tasks", "tasks.md")
      }
      if (Object.keys(sources).length === 0) continue
      const claimed = approvals(files.get(`${root}/spec.json`))
      const approved = claimed.filter((kind) => sources[kind] !== undefined)
      found.push({
        format: "kiro",
        root,
        slug: Foreign.slugOf(name),
        title: Foreign.titleOf(files.get(`${root}/requirements.md`), name),
        sources,
        approved,
        waivers: [],
        dependsOn: [],
        notes: [],
        finished: null,
        leftOut: claimed
          .filter((kind) => sources[kind] === undefined)
          .map((kind) => ({ what: `${root}: approval of ${kind}`, why: "its file is not there" }))
      })
    }
    return found
  },
  missed: (files) =>
    [...Foreign.foldersBelow(files, ".kiro/specs/")].flatMap(([name, names]) =>
      names.some((file) => ["bugfix.md", "requirements.md", "design.md", "tasks.md"].includes(file))
        ? []
        : [{ what: `.kiro/specs/${name}`, why: "it has no requirements.md, bugfix.md, design.md or tasks.md" }]
    ),
  translate: (kind, sources, spec = []) => {
    const first = sources[0]
    if (first === undefined) return { lines: [], content: "" }
    if (kind === "spec") return requirements(first)
    return kind === "tasks" ? tasks(first, spec) : Foreign.verbatim(sources)
  }
}
