/**
 * The older layout: `.sdlc/features/<slug>/manifest.yaml` beside free-form documents.
 *
 * Acceptance criteria become requirements and scenarios, numbered or ticked task lines become tasks in order, tasks of the
 * manifest win over tasks.md. The manifest's phase and approvals carry no digest, so they are worth a submission.
 */
import { parse } from "yaml"
import * as Headings from "../language/Headings.ts"
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Foreign from "./Foreign.ts"

const kinds: Readonly<Record<string, ArtifactKind>> = {
  spec: "spec",
  design: "design",
  tasks: "tasks",
  qa_plan: "qa-plan",
  review: "review",
  audit: "audit",
  qa_results: "qa-report"
}

const record = (value: unknown): Readonly<Record<string, unknown>> | null =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null
const words = (value: unknown): string =>
  (typeof value === "string" ? value : typeof value === "number" ? String(value) : "").replace(/\s+/g, " ").trim()
const array = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const load = (text: string): Readonly<Record<string, unknown>> | null => {
  try {
    return record(parse(text, { logLevel: "error" }))
  } catch {
    return null
  }
}

const three = (number: number): string => String(number).padStart(3, "0")

const criteriaHeading = new RegExp(`${Headings.acceptanceCriteria}|${Headings.requirement}`, "iu")

const spec = (source: Foreign.Source): Foreign.Translation => {
  let criteria = false
  let count = 0
  const lines = Foreign.rewrite(source, (line) => {
    const heading = /^#{1,6}\s+(.*)$/.exec(line.text)
    if (heading !== null) criteria = criteriaHeading.test(heading[1] ?? "")
    const item = criteria ? /^(?:\d{1,4}[.)]|[-*+])\s+(?:\[.\]\s+)?(.*)$/.exec(line.text) : null
    if (item === null || /^(?:\*\*)?(REQ|SC)-\d/.test(item[1] ?? ""))
      return heading === null && item !== null ? [line.text] : null
    count++
    return [`- REQ-${three(count)}: ${item[1] ?? ""}`, `- SC-${three(count)} (REQ-${three(count)}): ${item[1] ?? ""}`]
  })
  return { lines, content: source.text }
}

const done = /^(completed?|done)$/i

const manifestTasks = (source: Foreign.Source): Foreign.Translation => {
  const id = Foreign.allocator("task")
  const items = array(load(source.text)?.["tasks"])
    .map(record)
    .filter((item) => item !== null)
  const native = (name: unknown): string => id(words(name), Number(words(name).replace(/\D/g, "")) || 0)
  const lines = items.flatMap((item) =>
    Foreign.taskLines({
      id: native(item["id"]),
      title: words(item["title"]),
      ticked: done.test(words(item["status"])),
      deps: [...array(item["depends_on"]), ...array(item["depends"])].map(native)
    })
  )
  return { lines: lines.map((text) => ({ text, file: source.path, line: 1 })), content: lines.join("\n") }
}

const dependency = new RegExp(
  `^\\s*(?:[-*+]\\s+)?(?:\\*\\*|_)?${Headings.dependsOn}(?:\\*\\*|_)?\\s*[:\\uff1a](?:\\*\\*|_)?\\s*(.*)$`,
  "iu"
)
const references = (text: string): ReadonlyArray<number> =>
  [...text.matchAll(/(?:\btask|\bT)[- ]?(\d{1,4})\b/gi)].map((match) => Number(match[1]))

const tasks = (source: Foreign.Source): Foreign.Translation => {
  if (source.path.endsWith("manifest.yaml")) return manifestTasks(source)
  const id = Foreign.allocator("task")
  // A plan that says what waits for what means no more than that; in any other, tasks wait for the one before.
  const explicit = source.text.split("\n").some((line) => references(dependency.exec(line)?.[1] ?? "").length > 0)
  let previous: string | undefined
  let count = 0
  const lines = Foreign.rewrite(source, (line) => {
    const waits = dependency.exec(line.text)
    if (waits !== null)
      return previous === undefined || references(waits[1] ?? "").length === 0
        ? []
        : [
            `  - depends: ${references(waits[1] ?? "")
              .map((number) => `task-${three(number)}`)
              .join(", ")}`
          ]
    const item = Foreign.box.exec(line.text)
    const match =
      /^(?:#{2,4}|\d{1,4}[.)]|[-*+])\s+(?:\[[^\]]?\]\s+)?(?:\*\*)?(?:(?:task|T)[- ]?(\d{1,4})(?:\*\*)?\s*[:.)\u2013\u2014-]?\s*)?(.*)$/i.exec(
        line.text
      )
    const heading = line.text.startsWith("#")
    if (match === null || (heading && match[1] === undefined)) return null
    if (!heading && item === null && match[1] === undefined && !/^\d/.test(line.text)) return null
    count++
    const native = id(`${line.number}`, Number(match[1] ?? count))
    const deps = previous === undefined || explicit ? [] : [previous]
    previous = native
    const title = (match[2] ?? "").replace(/\*\*/g, "").trim()
    return Foreign.taskLines({
      id: native,
      title,
      ticked: Foreign.isTicked(item?.[2]),
      deps,
      writes: Foreign.pathsIn(title.replace(/`/g, ""))
    })
  })
  return { lines, content: source.text }
}

/** Every item of a list is a check that a person makes; those in our own notation are kept. */
const qaPlan = (source: Foreign.Source): Foreign.Translation => {
  let count = 0
  const lines = Foreign.rewrite(source, (line) => {
    const item = /^(?:\d{1,4}[.)]|[-*+])\s+(?:\[.\]\s+)?(.*)$/.exec(line.text)
    const text = item?.[1] ?? ""
    if (item === null || text.trim() === "") return null
    if (/^(?:\*\*)?QA-\d/.test(text)) return [line.text]
    count++
    return [`- QA-${three(count)}: ${text}`, `  - manual: ${text}`]
  })
  return { lines, content: source.text }
}

const finishedWords = /^(released|deployed|completed?|done|archived|merged)$/i
const documentKinds: ReadonlySet<ArtifactKind> = new Set<ArtifactKind>(["spec", "design", "tasks", "qa-plan"])

/** What a manifest says of its artifacts. */
const artifactsOf = (manifest: Readonly<Record<string, unknown>>, root: string, files: Foreign.Files) => {
  const sources: { [K in ArtifactKind]?: ReadonlyArray<string> } = {}
  const approved: Array<ArtifactKind> = []
  const waivers: Array<Foreign.Candidate["waivers"][number]> = []
  const leftOut: Array<Foreign.LeftOut> = []
  for (const raw of array(manifest["artifacts"])) {
    const item = record(raw)
    const type = words(item?.["artifact_type"] ?? item?.["type"])
    const kind = kinds[type.replace(/-/g, "_")]
    if (kind === undefined) {
      leftOut.push({ what: `${root}: artifact ${type || "without a type"}`, why: "it has no counterpart here" })
      continue
    }
    const status = words(item?.["status"]).toLowerCase()
    const named = words(item?.["path"])
    const file = [named, `${root}/${type.replace(/_/g, "-")}.md`, `${root}/${type.replace(/-/g, "_")}.md`].find(
      (candidate) => files.has(candidate)
    )
    if (file !== undefined) sources[kind] = [file]
    if (status === "waived" && documentKinds.has(kind))
      waivers.push({
        kind,
        reason: words(item?.["reason"] ?? item?.["waive_reason"]) || "The manifest says that it is waived."
      })
    else if (status === "approved" && file === undefined)
      leftOut.push({
        what: `${root}: approval of ${kind}`,
        why: named === "" ? "no file is named and none is there" : `its file ${named} is not there`
      })
    else if (status === "approved" && documentKinds.has(kind)) approved.push(kind)
  }
  return { sources, approved, waivers, leftOut }
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
      const { approved, leftOut, sources, waivers } = artifactsOf(manifest, root, files)
      if (array(manifest["tasks"]).length > 0) sources.tasks = [path]
      const phase = words(manifest["phase"])
      const finished =
        manifest["archived"] === true
          ? 'the manifest says "archived"'
          : finishedWords.test(phase)
            ? `the manifest says "${phase}"`
            : null
      found.push({
        format: "legacy",
        root,
        slug: Foreign.slugOf(name),
        title: words(manifest["title"]) || name,
        sources,
        approved,
        waivers,
        leftOut,
        finished,
        dependsOn: array(manifest["dependencies"]).map((dep) => Foreign.slugOf(words(dep))),
        notes:
          phase === "" || phase === "draft" || finished !== null
            ? []
            : [`The manifest says "${phase}"; the feature starts at draft, because that word carries no evidence.`]
      })
    }
    return found
  },
  missed: (files) =>
    [...files].flatMap(([path, text]) => {
      if (!path.startsWith(".sdlc/") || !path.endsWith("/manifest.yaml")) return []
      const manifest = load(text)
      return manifest === null
        ? [{ what: path, why: "it is not YAML" }]
        : Array.isArray(manifest["artifacts"])
          ? []
          : [{ what: path, why: "it lists no artifacts" }]
    }),
  translate: (kind, sources) => {
    const first = sources[0]
    if (first === undefined) return { lines: [], content: "" }
    if (kind === "spec") return spec(first)
    if (kind === "qa-plan") return qaPlan(first)
    return kind === "tasks" ? tasks(first) : Foreign.verbatim(sources)
  }
}
