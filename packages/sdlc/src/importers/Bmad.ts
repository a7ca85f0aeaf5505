/**
 * BMAD: story files (`docs/stories/1.2.title.md`, or v6's `1-2-title.md` beside `sprint-status.yaml`), one feature per story.
 *
 * Acceptance criteria become requirements and scenarios of their number, `Task n (AC: …)` becomes task-00n. Spec and plan
 * share one file, so each is digested over its own sections: work notes in the story do not un-approve it.
 */
import { parse } from "yaml"
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Foreign from "./Foreign.ts"

const storyFile = /(?:^|\/)([a-z]?\d{1,3})[.-](\d{1,3})[.-]([\w.-]{1,120}?)(?:\.story)?\.md$/i
const storyFolder = /(?:^|\/)(?:stories|implementation-artifacts|sprint-artifacts)\//

const three = (number: string | undefined): string => String(Number(number)).padStart(3, "0")

type Section = "story" | "criteria" | "tasks" | "other"

const sectionOf = (heading: string): Section =>
  /^acceptance criteria/i.test(heading) ? "criteria" : /^tasks\b/i.test(heading) ? "tasks" : /^story\b/i.test(heading) ? "story" : "other"

/** Rewrites the lines of the wanted sections; the others are left out of the artifact and of its digest. */
const within = (source: Foreign.Source, wanted: ReadonlyArray<Section>, visit: (text: string, section: Section) => ReadonlyArray<string> | null): Foreign.Translation => {
  let section: Section = "other"
  const content: Array<string> = []
  const lines = Foreign.rewrite(source, (line) => {
    const heading = /^#{2,3}\s+(.*)$/.exec(line.text)
    if (heading !== null) section = sectionOf(heading[1] ?? "")
    const title = /^#\s/.test(line.text)
    if (!title && !wanted.includes(section)) return []
    content.push(line.raw)
    return visit(line.text, section)
  })
  return { lines, content: content.join("\n") }
}

const spec = (source: Foreign.Source): Foreign.Translation =>
  within(source, ["story", "criteria"], (text, section) => {
    const item = section === "criteria" ? /^\s{0,3}(?:[-*+]\s+)?(?:\*\*)?(?:AC[- ]?#?)?(\d{1,3})[.):]?(?:\*\*)?[:.]?\s+(.*)$/i.exec(text) : null
    if (item === null) return null
    const id = three(item[1])
    return [`- REQ-${id}: ${item[2] ?? ""}`, `- SC-${id} (REQ-${id}): ${item[2] ?? ""}`]
  })

const tasks = (source: Foreign.Source): Foreign.Translation => {
  const id = Foreign.allocator("task")
  let previous: string | undefined
  let count = 0
  return within(source, ["tasks"], (text, section) => {
    const item = section === "tasks" ? Foreign.box.exec(text) : null
    if (item === null || (item[1] ?? "").length > 1) return null
    const match = /^(?:\*\*)?(?:Task\s+)?(\d{1,3})?(?:\*\*)?[.:)]?\s*(.*)$/i.exec(item[4] ?? "")
    count++
    const native = id(String(count), Number(match?.[1] ?? count))
    const deps = previous === undefined ? [] : [previous]
    previous = native
    const criteria = /\(AC:?([^)]*)\)/i.exec(item[4] ?? "")?.[1]?.match(/\d{1,3}/g) ?? []
    const title = (match?.[2] ?? "").replace(/\s*\(AC:?[^)]*\)/i, "").replace(/\*\*/g, "").trim() || `Task ${match?.[1] ?? count}`
    return Foreign.taskLines({ id: native, title, ticked: Foreign.isTicked(item[2]), deps, covers: criteria.map((number) => `REQ-${three(number)}`), writes: Foreign.pathsIn(title) })
  })
}

/** Story keys and their states in every `sprint-status.yaml`. */
const sprint = (files: Foreign.Files): ReadonlyMap<string, string> => {
  const states = new Map<string, string>()
  for (const [path, text] of files) {
    if (!path.endsWith("sprint-status.yaml")) continue
    let yaml: unknown
    try {
      yaml = parse(text, { logLevel: "error" })
    } catch {
      continue
    }
    const all = typeof yaml === "object" && yaml !== null ? (yaml as { development_status?: unknown }).development_status : undefined
    if (typeof all !== "object" || all === null) continue
    for (const [key, state] of Object.entries(all)) if (typeof state === "string") states.set(key, state)
  }
  return states
}

const ready = /^(approved|ready|ready-for-dev|in-?progress|review|ready for review|done|completed?)$/i

export const importer: Foreign.Importer = {
  format: "bmad",
  find: (files) => {
    const states = sprint(files)
    const found: Array<Foreign.Candidate> = []
    for (const [path, text] of files) {
      const match = storyFile.exec(path)
      if (match === null || !storyFolder.test(path) || !/^#{1,3}\s+(story\b|acceptance criteria)/im.test(text)) continue
      const name = path.slice(path.lastIndexOf("/") + 1).replace(/(\.story)?\.md$/, "")
      const status = (states.get(name) ?? /^(?:\*\*)?Status(?:\*\*)?:\s*(?:\*\*)?\s*([\w -]{1,30}?)\s*$/im.exec(text)?.[1] ?? /^##\s+Status\s*\n+\s*([\w -]{1,30}?)\s*$/im.exec(text)?.[1] ?? "").replace(/\s+/g, "-")
      const approved: ReadonlyArray<ArtifactKind> = ready.test(status) ? ["spec", "tasks"] : []
      const context = path.replace(/\.md$/, ".context.xml")
      found.push({
        format: "bmad",
        root: path,
        slug: Foreign.slugOf(name),
        title: Foreign.titleOf(text, name),
        sources: { spec: [path], tasks: [path], ...(files.has(context) ? { design: [context] } : {}) },
        approved,
        waivers: [],
        dependsOn: [],
        notes: /^(done|completed?)$/i.test(status) ? [`The story says "${status}"; it starts at draft, because that word carries no evidence.`] : []
      })
    }
    return found
  },
  translate: (kind, sources) => {
    const first = sources[0]
    if (first === undefined) return { lines: [], content: "" }
    if (kind === "spec") return spec(first)
    return kind === "tasks" ? tasks(first) : Foreign.verbatim(sources)
  }
}
