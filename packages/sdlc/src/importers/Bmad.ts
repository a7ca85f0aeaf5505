/**
 * BMAD: story files (`docs/stories/1.2.title.md`, or v6's `1-2-title.md` beside `sprint-status.yaml`), one feature per story.
 *
 * Acceptance criteria become requirements and scenarios of their number, `Task n (AC: …)` becomes task-00n. Spec and plan
 * share one file, so each is digested over its own sections: work notes in the story do not un-approve it.
 */
import { parse } from "yaml"
import * as Headings from "../language/Headings.ts"
import type { ArtifactKind } from "../model/Artifact.ts"
import * as Foreign from "./Foreign.ts"

const storyFile = /(?:^|\/)([a-z]?\d{1,3})[.-](\d{1,3})[.-]([\w.-]{1,120}?)(?:\.story)?\.md$/i
const storyFolder = /(?:^|\/)(?:stories|implementation-artifacts|sprint-artifacts)\//

const three = (number: string | undefined): string => String(Number(number)).padStart(3, "0")

type Section = "story" | "criteria" | "tasks" | "other"

const starts = (words: string): RegExp => new RegExp(`^${words}(?![\\p{L}\\p{N}])`, "iu")
const [criteriaHeading, tasksHeading, storyHeading] = [
  starts(Headings.acceptanceCriteria),
  starts(Headings.tasks),
  starts(Headings.story)
]
const sectionOf = (heading: string): Section =>
  criteriaHeading.test(heading)
    ? "criteria"
    : tasksHeading.test(heading)
      ? "tasks"
      : storyHeading.test(heading)
        ? "story"
        : "other"

/** Rewrites the lines of the wanted sections; the others are left out of the artifact and of its digest. */
const within = (
  source: Foreign.Source,
  wanted: ReadonlyArray<Section>,
  visit: (text: string, section: Section) => ReadonlyArray<string> | null
): Foreign.Translation => {
  let section: Section = "other"
  let level = 7
  const content: Array<string> = []
  const lines = Foreign.rewrite(source, (line) => {
    const heading = /^(#{2,6})\s+(.*)$/.exec(line.text)
    const depth = heading?.[1]?.length ?? 7
    const named = heading === null ? "other" : sectionOf(heading[2] ?? "")
    // A deeper heading divides the section that it stands in; outside of the known ones it may open one.
    if (heading !== null && (depth <= level || (section !== "tasks" && section !== "criteria" && named !== "other"))) {
      section = named
      level = depth
    }
    const title = /^#\s/.test(line.text)
    if (!title && !wanted.includes(section)) return []
    content.push(line.raw)
    return visit(line.text, section)
  })
  return { lines, content: content.join("\n") }
}

const spec = (source: Foreign.Source): Foreign.Translation =>
  within(source, ["story", "criteria"], (text, section) => {
    const item =
      section === "criteria"
        ? /^\s{0,3}(?:[-*+]\s+)?(?:\*\*)?(?:AC[- ]?#?)?(\d{1,3})[.):]?(?:\*\*)?[:.]?\s+(.*)$/i.exec(text)
        : null
    if (item === null) return null
    const id = three(item[1])
    return [`- REQ-${id}: ${item[2] ?? ""}`, `- SC-${id} (REQ-${id}): ${item[2] ?? ""}`]
  })

const taskTitle = new RegExp(
  `^(?:\\*\\*)?(?:${Headings.tasks}\\s*(?=\\d))?(\\d{1,3})?(?:\\*\\*)?[.:)\\uff1a]?\\s*(.*)$`,
  "iu"
)

const tasks = (source: Foreign.Source): Foreign.Translation => {
  const id = Foreign.allocator("task")
  let previous: string | undefined
  let count = 0
  return within(source, ["tasks"], (text, section) => {
    const item = section === "tasks" ? Foreign.box.exec(text) : null
    if (item === null || (item[1] ?? "").length > 1) return null
    const match = taskTitle.exec(item[4] ?? "")
    count++
    const native = id(String(count), Number(match?.[1] ?? count))
    const deps = previous === undefined ? [] : [previous]
    previous = native
    const criteria = /\(AC:?([^)]*)\)/i.exec(item[4] ?? "")?.[1]?.match(/\d{1,3}/g) ?? []
    const title =
      (match?.[2] ?? "")
        .replace(/\s*\(AC:?[^)]*\)/i, "")
        .replace(/\*\*/g, "")
        .trim() || `Task ${match?.[1] ?? count}`
    return Foreign.taskLines({
      id: native,
      title,
      ticked: Foreign.isTicked(item[2]),
      deps,
      covers: criteria.map((number) => `REQ-${three(number)}`),
      writes: Foreign.pathsIn(title)
    })
  })
}

interface Sprint {
  /** State and place of every story, by its key. */
  readonly states: ReadonlyMap<string, { readonly state: string; readonly path: string }>
  readonly damaged: ReadonlyArray<string>
}

/** What every `sprint-status.yaml` tracks. */
const sprint = (files: Foreign.Files): Sprint => {
  const states = new Map<string, { readonly state: string; readonly path: string }>()
  const damaged: Array<string> = []
  for (const [path, text] of files) {
    if (!path.endsWith("sprint-status.yaml")) continue
    let yaml: unknown
    try {
      yaml = parse(text, { logLevel: "error" })
    } catch {
      damaged.push(path)
      continue
    }
    const all =
      typeof yaml === "object" && yaml !== null
        ? (yaml as { development_status?: unknown }).development_status
        : undefined
    if (typeof all !== "object" || all === null) continue
    for (const [key, state] of Object.entries(all)) if (typeof state === "string") states.set(key, { state, path })
  }
  return { states, damaged }
}

const isStory = (path: string, text: string): boolean =>
  storyFile.test(path) && storyFolder.test(path) && storyText.test(text)
const storyText = new RegExp(`^#{1,3}\\s+(?:${Headings.story}(?![\\p{L}\\p{N}])|${Headings.acceptanceCriteria})`, "imu")
const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1).replace(/(\.story)?\.md$/, "")
const storyKey = /^[a-z]?\d{1,3}-\d{1,3}-/i

const ready = /^(approved|ready|ready-for-dev|in-?progress|review|ready for review|done|completed?)$/i

const done = /^(done|completed?)$/i
const allTicked = (text: string): boolean => {
  const boxes = tasks({ path: "", text }).lines.filter((line) => /^- \[[ x]\] task-/.test(line.text))
  return boxes.length > 0 && boxes.every((line) => line.text.startsWith("- [x]"))
}

export const importer: Foreign.Importer = {
  format: "bmad",
  find: (files) => {
    const { states } = sprint(files)
    const found: Array<Foreign.Candidate> = []
    for (const [path, text] of files) {
      if (!isStory(path, text)) continue
      const name = nameOf(path)
      const status = (
        states.get(name)?.state ??
        /^(?:\*\*)?Status(?:\*\*)?:\s*(?:\*\*)?\s*([\w -]{1,30}?)\s*$/im.exec(text)?.[1] ??
        /^##\s+Status\s*\n+\s*([\w -]{1,30}?)\s*$/im.exec(text)?.[1] ??
        ""
      ).replace(/\s+/g, "-")
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
        notes:
          done.test(status) && !allTicked(text)
            ? [`The story says "${status}" and has open tasks; it starts at draft.`]
            : [],
        leftOut: [],
        finished: done.test(status) && allTicked(text) ? `the story says "${status}"` : null
      })
    }
    return found
  },
  missed: (files) => {
    const { damaged, states } = sprint(files)
    const written = new Set([...files].flatMap(([path, text]) => (isStory(path, text) ? [nameOf(path)] : [])))
    return [
      ...damaged.map((path) => ({ what: path, why: "it is not YAML" })),
      ...[...states].flatMap(([key, { path, state }]) =>
        storyKey.test(key) && !written.has(key)
          ? [{ what: `story ${key}`, why: `${path} tracks it as "${state}", and it has no file yet` }]
          : []
      ),
      ...[...files].flatMap(([path, text]) =>
        storyFile.test(path) && storyFolder.test(path) && !storyText.test(text)
          ? [{ what: path, why: "it has neither a story nor acceptance criteria" }]
          : []
      )
    ]
  },
  translate: (kind, sources) => {
    const first = sources[0]
    if (first === undefined) return { lines: [], content: "" }
    if (kind === "spec") return spec(first)
    return kind === "tasks" ? tasks(first) : Foreign.verbatim(sources)
  }
}
