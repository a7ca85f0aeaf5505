/**
 * The older layout: `.sdlc/features/<slug>/manifest.yaml` beside free-form documents.
 *
 * Acceptance criteria become requirements and scenarios, numbered or ticked task lines become tasks in order, tasks of the
 * manifest win over tasks.md. The manifest's phase and approvals carry no digest, so they are worth a submission.
 */
import { parse } from "yaml"
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Foreign from "./Foreign.ts"

const kinds: Readonly<Record<string, ArtifactKind>> = {
  spec: "spec", design: "design", tasks: "tasks", qa_plan: "qa-plan", review: "review", audit: "audit", qa_results: "qa-report"
}

const record = (value: unknown): Readonly<Record<string, unknown>> | null => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null)
const words = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" ? String(value) : "").replace(/\s+/g, " ").trim()
const array = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const load = (text: string): Readonly<Record<string, unknown>> | null => {
  try {
    return record(parse(text, { logLevel: "error" }))
  } catch {
    return null
  }
}

const three = (number: number): string => String(number).padStart(3, "0")

const spec = (source: Foreign.Source): Foreign.Translation => {
  let criteria = false
  let count = 0
  const lines = Foreign.rewrite(source, (line) => {
    const heading = /^#{1,6}\s+(.*)$/.exec(line.text)
    if (heading !== null) criteria = /acceptance criteria|requirements/i.test(heading[1] ?? "")
    const item = criteria ? /^(?:\d{1,4}[.)]|[-*+])\s+(?:\[.\]\s+)?(.*)$/.exec(line.text) : null
    if (item === null || /^(?:\*\*)?(REQ|SC)-\d/.test(item[1] ?? "")) return heading === null && item !== null ? [line.text] : null
    count++
    return [`- REQ-${three(count)}: ${item[1] ?? ""}`, `- SC-${three(count)} (REQ-${three(count)}): ${item[1] ?? ""}`]
  })
  return { lines, content: source.text }
}

const done = /^(completed?|done)$/i

const manifestTasks = (source: Foreign.Source): Foreign.Translation => {
  const id = Foreign.allocator("task")
  const items = array(load(source.text)?.["tasks"]).map(record).filter((item) => item !== null)
  const native = (name: unknown): string => id(words(name), Number(words(name).replace(/\D/g, "")) || 0)
  const lines = items.flatMap((item) => Foreign.taskLines({
    id: native(item["id"]),
    title: words(item["title"]),
    ticked: done.test(words(item["status"])),
    deps: [...array(item["depends_on"]), ...array(item["depends"])].map(native)
  }))
  return { lines: lines.map((text) => ({ text, file: source.path, line: 1 })), content: lines.join("\n") }
}

const tasks = (source: Foreign.Source): Foreign.Translation => {
  if (source.path.endsWith("manifest.yaml")) return manifestTasks(source)
  const id = Foreign.allocator("task")
  let previous: string | undefined
  let count = 0
  const lines = Foreign.rewrite(source, (line) => {
    const item = Foreign.box.exec(line.text)
    const match = /^(?:#{2,4}|\d{1,4}[.)]|[-*+])\s+(?:\[[^\]]?\]\s+)?(?:\*\*)?(?:(?:task|T)[- ]?(\d{1,4})(?:\*\*)?\s*[:.)\u2013\u2014-]?\s*)?(.*)$/i.exec(line.text)
    const heading = line.text.startsWith("#")
    if (match === null || (heading && match[1] === undefined)) return null
    if (!heading && item === null && match[1] === undefined && !/^\d/.test(line.text)) return null
    count++
    const native = id(`${line.number}`, Number(match[1] ?? count))
    const deps = previous === undefined ? [] : [previous]
    previous = native
    const title = (match[2] ?? "").replace(/\*\*/g, "").trim()
    return Foreign.taskLines({ id: native, title, ticked: Foreign.isTicked(item?.[2]), deps, writes: Foreign.pathsIn(title.replace(/`/g, "")) })
  })
  return { lines, content: source.text }
}

export const importer: Foreign.Importer = {
  format: "legacy",
  find: (files) => {
    const found: Array<Foreign.Candidate> = []
    for (const [path, text] of files) {
      if (!path.startsWith(".sdlc/") || !path.endsWith("/manifest.yaml")) continue
      const manifest = load(text)
      if (manifest === null || !Array.isArray(manifest["artifacts"])) continue
      const root = path.slice(0, -"/manifest.yaml".length)
      const name = words(manifest["slug"]) || root.slice(root.lastIndexOf("/") + 1)
      const sources: { [K in ArtifactKind]?: ReadonlyArray<string> } = {}
      const approved: Array<ArtifactKind> = []
      for (const raw of manifest["artifacts"]) {
        const item = record(raw)
        const type = words(item?.["artifact_type"] ?? item?.["type"])
        const kind = kinds[type.replace(/-/g, "_")]
        if (kind === undefined) continue
        const named = words(item?.["path"])
        const file = [named, `${root}/${type.replace(/_/g, "-")}.md`].find((candidate) => files.has(candidate))
        if (file !== undefined) sources[kind] = [file]
        if (file !== undefined && words(item?.["status"]) === "approved" && ["spec", "design", "tasks", "qa-plan"].includes(kind)) approved.push(kind)
      }
      if (array(manifest["tasks"]).length > 0) sources.tasks = [path]
      const phase = words(manifest["phase"])
      found.push({
        format: "legacy",
        root,
        slug: Foreign.slugOf(name),
        title: words(manifest["title"]) || name,
        sources,
        approved,
        waivers: [],
        dependsOn: array(manifest["dependencies"]).map((dep) => Foreign.slugOf(words(dep))),
        notes: phase === "" || phase === "draft" ? [] : [`The manifest says "${phase}"; the feature starts at draft, because that word carries no evidence.`]
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
