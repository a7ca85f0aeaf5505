/**
 * Kiro and cc-sdd: `.kiro/specs/<name>/{requirements,design,tasks}.md`, with cc-sdd's `spec.json`.
 *
 * Acceptance criterion i.j becomes REQ-(100·i+j) and, since it already reads as one, scenario SC-(100·i+j). `_Requirements:_`,
 * `_Depends:_` and `_Boundary:_` become covers, dependencies and written paths. A task with sub-tasks is only their heading.
 */
import { parse } from "yaml"
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Foreign from "./Foreign.ts"

const number = (major: string | undefined, minor: string | undefined): number => Number(major) * 100 + Number(minor ?? 0)
const three = (value: number): string => String(value).padStart(3, "0")

const requirements = (source: Foreign.Source): Foreign.Translation => {
  let major = ""
  let criteria = false
  const lines = Foreign.rewrite(source, (line) => {
    const heading = /^###\s+(?:Requirement\s+)?(\d{1,4})\b[.:]?\s*(.*)$/i.exec(line.text)
    if (heading !== null) {
      major = heading[1] ?? ""
      criteria = false
      return null
    }
    if (/^#{1,6}\s/.test(line.text)) criteria = /acceptance criteria/i.test(line.text)
    else if (/^\**acceptance criteria\**:?\**\s*$/i.test(line.text.trim())) criteria = true
    const item = /^\s{0,3}(?:\d{1,4}\.)?(\d{1,4})[.)]?\s+(.*)$/.exec(line.text)
    if (item === null || !criteria || major === "") return null
    const id = three(number(major, item[1]))
    const text = item[2] ?? ""
    return [`- REQ-${id}: ${text.replace(/\s+THEN\s+(?=(?:the|\S+)\s)/i, (_then, at: number) => (text[at - 1] === "," ? " then " : ", then "))}`, `- SC-${id} (REQ-${id}): ${text}`]
  })
  return { lines, content: source.text }
}

interface Item {
  readonly major: string
  readonly minor: string | undefined
  readonly line: number
  readonly title: string
  readonly ticked: boolean
  readonly parallel: boolean
  readonly details: Array<string>
}

const readItems = (source: Foreign.Source): ReadonlyArray<Item> => {
  const items: Array<Item> = []
  Foreign.rewrite(source, (line) => {
    const box = Foreign.box.exec(line.text)
    const match = box === null ? null : /^(\d{1,4})(?:\.(\d{1,4}))?\.?\s+(\(P\)\s+)?(.*?)(\s+\(P\))?$/.exec(box[4] ?? "")
    if (box !== null && match !== null) {
      items.push({ major: match[1] ?? "", minor: match[2], line: line.number, title: match[4] ?? "", ticked: Foreign.isTicked(box[2]), parallel: match[3] !== undefined || match[5] !== undefined, details: [] })
    } else if (/^\s+\S/.test(line.text)) items.at(-1)?.details.push(line.text.trim())
    return null
  })
  return items
}

const marks = (item: Item, name: string): string =>
  item.details.flatMap((detail) => new RegExp(`_${name}:\\s*([^_]*)_`, "i").exec(detail)?.[1] ?? []).join(", ")

const idOf = (item: Item): string => `task-${three(number(item.major, item.minor))}`

const tasks = (source: Foreign.Source): Foreign.Translation => {
  const items = readItems(source)
  const parents = new Set(items.filter((item) => item.minor !== undefined).map((item) => item.major))
  const work = items.filter((item) => item.minor !== undefined || !parents.has(item.major))
  const known = new Map<string, ReadonlyArray<string>>()
  for (const item of work) {
    known.set(item.minor === undefined ? item.major : `${item.major}.${item.minor}`, [idOf(item)])
    if (item.minor !== undefined) known.set(item.major, [...(known.get(item.major) ?? []), idOf(item)])
  }
  let before: ReadonlyArray<string> = []
  let group: Array<string> = []
  const byLine = new Map<number, ReadonlyArray<string>>()
  for (const item of work) {
    const native = idOf(item)
    const named = (marks(item, "Depends").match(/\d{1,4}(?:\.\d{1,4})?/g) ?? []).flatMap((dep) => known.get(dep) ?? [])
    const implied = item.parallel || group.length === 0 ? before : group
    if (item.parallel) group.push(native)
    else {
      before = [native]
      group = []
    }
    const covers = (marks(item, "Requirements").match(/\d{1,4}(?:\.\d{1,4})?/g) ?? []).map((id) => `REQ-${three(number(id.split(".")[0], id.split(".")[1]))}`)
    const boundary = [...marks(item, "Boundary").split(",").map((path) => path.trim()).filter((path) => path.includes("/")), ...Foreign.pathsIn([item.title, ...item.details].join(" "))]
    byLine.set(item.line, Foreign.taskLines({ id: native, title: item.title, ticked: item.ticked, deps: [...new Set([...implied, ...named])].filter((dep) => dep !== native), covers: covers.filter((id) => !id.endsWith("00")), writes: [...new Set(boundary)] }))
  }
  const dropped = /^\s+-\s+_(Requirements|Depends|Boundary):/i
  return { lines: Foreign.rewrite(source, (line) => byLine.get(line.number) ?? (dropped.test(line.text) ? [] : null)), content: source.text }
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
  const kinds: ReadonlyArray<readonly [string, ArtifactKind]> = [["requirements", "spec"], ["design", "design"], ["tasks", "tasks"]]
  return kinds.filter(([name]) => (all as Record<string, { approved?: unknown } | undefined>)[name]?.approved === true).map(([, kind]) => kind)
}

export const importer: Foreign.Importer = {
  format: "kiro",
  find: (files) => {
    const found: Array<Foreign.Candidate> = []
    for (const [name, names] of Foreign.foldersBelow(files, ".kiro/specs/")) {
      const root = `.kiro/specs/${name}`
      const has = (kind: ArtifactKind, file: string): Foreign.Sources => (names.includes(file) ? { [kind]: [`${root}/${file}`] } : {})
      const sources = { ...has("spec", "requirements.md"), ...has("design", "design.md"), ...has("tasks", "tasks.md") }
      if (Object.keys(sources).length === 0) continue
      const approved = approvals(files.get(`${root}/spec.json`)).filter((kind) => sources[kind] !== undefined)
      found.push({ format: "kiro", root, slug: Foreign.slugOf(name), title: Foreign.titleOf(files.get(`${root}/requirements.md`), name), sources, approved, waivers: [], dependsOn: [], notes: [] })
    }
    return found
  },
  translate: (kind, sources) => {
    const first = sources[0]
    if (first === undefined) return { lines: [], content: "" }
    if (kind === "spec") return requirements(first)
    return kind === "tasks" ? tasks(first) : Foreign.verbatim(sources)
  }
}
