/**
 * spec-kit: `specs/NNN-name/{spec,plan,tasks}.md`.
 *
 * Functional requirements keep their numbers, user stories become requirements from REQ-901 on (tasks refer to stories, not
 * to requirements: `[US1]` covers the story and the requirements that stand below it), acceptance scenarios are numbered in file order.
 */
import * as Headings from "../language/Headings.ts"
import { anyOf } from "../language/Language.ts"
import { english, languages } from "../language/Languages.ts"
import * as Foreign from "./Foreign.ts"

const storyHeading = new RegExp(
  `^#{2,4}\\s+${Headings.userStory}\\s*(\\d{1,4})\\s*[-\\u2013\\u2014:\\uff1a]?\\s*(.*)$`,
  "iu"
)
/** The steps of a scenario in one line, in English or in another language of the table. */
const scenarioForms = languages.map((language) =>
  (["given", "when", "outcome"] as const).map((name) =>
    anyOf([...language.steps[name], ...(language === english ? [] : english.steps[name])])
  )
)
const isScenario = (text: string): boolean => {
  const plain = text.replace(/[*_]/g, "")
  return scenarioForms.some(([given, when, outcome]) => {
    const at = given === undefined ? -1 : plain.search(given)
    const after = at < 0 || when === undefined ? -1 : plain.slice(at + 1).search(when)
    return after >= 0 && outcome?.test(plain.slice(at + after + 2)) === true
  })
}

const translateSpec = (source: Foreign.Source): Foreign.Translation => {
  const requirement = Foreign.allocator("REQ")
  let story = ""
  let scenarios = 0
  const lines = Foreign.rewrite(source, (line) => {
    const text = line.text
    const functional = /^\s*[-*+]\s+(?:\*\*)?((FR|NFR)-?(\d{1,6})[a-z]?)(?:\*\*)?\s*:?\s*(?:\*\*)?\s*(.*)$/.exec(text)
    if (functional !== null) {
      const id = requirement(functional[1] ?? "", Number(functional[3]) + (functional[2] === "NFR" ? 800 : 0))
      return [`- ${id}: ${functional[4] ?? ""}`]
    }
    const heading = storyHeading.exec(text)
    if (heading !== null) {
      story = requirement(`US${heading[1] ?? ""}`, 900 + Number(heading[1]))
      return [`### ${story}: ${heading[2] ?? ""}`]
    }
    if (/^#{1,3}\s/.test(text)) story = ""
    const scenario = /^\s*(?:\d{1,4}[.)]|[-*+])\s+(.*)$/.exec(text)
    if (scenario !== null && story !== "" && isScenario(scenario[1] ?? "")) {
      scenarios++
      return [`- SC-${String(scenarios).padStart(3, "0")} (${story}): ${scenario[1] ?? ""}`]
    }
    const criterion = /^(\s*[-*+]\s+)(?:\*\*)?SC-(\d{1,6})(?:\*\*)?\s*:?\s*(.*)$/.exec(text)
    return criterion === null
      ? null
      : [`${criterion[1] ?? "- "}Success criterion ${criterion[2] ?? ""}: ${criterion[3] ?? ""}`]
  })
  return { lines, content: source.text }
}

/** Requirements of every story, by its number: the story's own and those that stand below its heading. */
const requirementsOfStories = (spec: ReadonlyArray<Foreign.Source>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const found = new Map<string, Array<string>>()
  for (const source of spec) {
    let story: Array<string> | null = null
    for (const { text } of translateSpec(source).lines) {
      const heading = /^###\s+(REQ-9(\d{2,5})):/.exec(text)
      if (heading !== null) {
        story = [heading[1] ?? ""]
        found.set(String(Number(heading[2])), story)
      } else if (/^#{1,3}\s/.test(text)) story = null
      const own = /^- (REQ-\d{3,6}):/.exec(text)?.[1]
      if (own !== undefined) story?.push(own)
    }
  }
  return found
}

/** What a later task of the same phase has to wait for: the last sequential task, or the parallel group after it. */
interface Frontier {
  readonly before: ReadonlyArray<string>
  readonly group: ReadonlyArray<string>
}

const phaseHeading = new RegExp(`^##\\s+(${Headings.phase}(?![\\p{L}]).*|第.{1,4}(?:阶段|階段).*)$`, "iu")
const storyPhase = new RegExp(`${Headings.userStory}|(?<![\\p{L}])${Headings.story}\\s*\\d|\\bUS\\d`, "iu")

const tasks = (source: Foreign.Source, spec: ReadonlyArray<Foreign.Source>): Foreign.Translation => {
  const storyRequirements = requirementsOfStories(spec)
  const id = Foreign.allocator("task")
  let common: ReadonlyArray<string> = []
  let stories: Array<string> = []
  let frontier: Frontier = { before: [], group: [] }
  let inStory = false
  const closePhase = (next: string): void => {
    const last = frontier.group.length > 0 ? frontier.group : frontier.before
    if (inStory) stories.push(...last)
    else common = last.length > 0 ? last : common
    inStory = storyPhase.test(next)
    if (!inStory && stories.length > 0) {
      common = stories
      stories = []
    }
    frontier = { before: common, group: [] }
  }
  const lines = Foreign.rewrite(source, (line) => {
    const phase = phaseHeading.exec(line.text)
    if (phase !== null) closePhase(phase[1] ?? "")
    const item = Foreign.box.exec(line.text)
    const match = item === null ? null : /^(T\d{1,6}[a-z]?)\b\s*((?:\[[^\]]{1,20}\]\s*)*)(.*)$/.exec(item[4] ?? "")
    if (item === null || match === null) return null
    const name = match[1] ?? ""
    const marks = match[2] ?? ""
    const title = match[3] ?? ""
    const parallel = /\[P\]/.test(marks)
    const native = id(name, /[a-z]$/.test(name) ? 0 : Number(name.slice(1)))
    const named = (/\(?\bdepends on ([^)]*)\)?/i.exec(title)?.[1]?.match(/T\d{1,6}[a-z]?/g) ?? []).map((dep) =>
      id(dep, Number(dep.replace(/\D/g, "")))
    )
    const before = parallel || frontier.group.length === 0 ? frontier.before : frontier.group
    frontier = parallel
      ? { before: frontier.before, group: [...frontier.group, native] }
      : { before: [native], group: [] }
    const story = /\[US(\d{1,4})\]/.exec(marks)?.[1]
    return Foreign.taskLines({
      id: native,
      title,
      ticked: Foreign.isTicked(item[2]),
      deps: [...new Set([...before, ...named])].filter((dep) => dep !== native),
      covers: story === undefined ? [] : (storyRequirements.get(String(Number(story))) ?? []),
      writes: Foreign.pathsIn(title)
    })
  })
  return { lines, content: source.text }
}

const constitution = ".specify/memory/constitution.md"

const empty: Foreign.Translation = { lines: [], content: "" }

export const importer: Foreign.Importer = {
  format: "spec-kit",
  find: (files) => {
    const found: Array<Foreign.Candidate> = []
    for (const base of ["specs/", ".specify/specs/"]) {
      for (const [name, names] of Foreign.foldersBelow(files, base)) {
        if (!/^\d{3,}-/.test(name) || !names.includes("spec.md")) continue
        const root = `${base}${name}`
        const has = (file: string): ReadonlyArray<string> | undefined =>
          names.includes(file) ? [`${root}/${file}`] : undefined
        const extra = ["research.md", "data-model.md", "quickstart.md"].filter((file) => names.includes(file))
        const design = has("plan.md")
        found.push({
          format: "spec-kit",
          root,
          slug: Foreign.slugOf(name),
          title: Foreign.titleOf(files.get(`${root}/spec.md`), name),
          sources: {
            spec: [`${root}/spec.md`],
            ...(design === undefined ? {} : { design: [...design, ...extra.map((file) => `${root}/${file}`)] }),
            ...(names.includes("tasks.md") ? { tasks: [`${root}/tasks.md`] } : {})
          },
          approved: [],
          waivers: [],
          dependsOn: [],
          leftOut: [],
          finished: null,
          notes: [
            ...(files.has(constitution)
              ? [
                  `${constitution} stays advice: repeat its rules in AGENTS.md, and what must hold as gates in .sdlc/policy.yaml.`
                ]
              : []),
            ...(/^\*\*Status\*\*:\s*(?!Draft)(\S+)/m.test(files.get(`${root}/spec.md`) ?? "")
              ? ["The spec's Status line is not an approval: it names neither a person nor a version."]
              : [])
          ]
        })
      }
    }
    return found
  },
  missed: (files) =>
    ["specs/", ".specify/specs/"].flatMap((base) =>
      [...Foreign.foldersBelow(files, base)].flatMap(([name, names]) =>
        /^\d{3,}-/.test(name) && !names.includes("spec.md")
          ? [{ what: `${base}${name}`, why: "it has no spec.md" }]
          : []
      )
    ),
  translate: (kind, sources, spec = []) => {
    const first = sources[0]
    if (first === undefined) return empty
    if (kind === "spec") return translateSpec(first)
    return kind === "tasks" ? tasks(first, spec) : Foreign.verbatim(sources)
  }
}
