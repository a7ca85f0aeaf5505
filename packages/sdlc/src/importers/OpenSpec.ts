/**
 * OpenSpec: `openspec/changes/<id>/{proposal,design,tasks}.md` and delta specs below `specs/`.
 *
 * Added and modified requirements are numbered in file order; removed and renamed ones stay prose, since nobody has to build
 * them. Tasks run in the order in which they stand, which is what the tool's agents do.
 */
import * as Headings from "../language/Headings.ts"
import { sectionOf } from "../specs/Delta.ts"
import * as Foreign from "./Foreign.ts"

const requirementLine = new RegExp(`^###\\s+${Headings.requirement}\\s*[:\\uff1a]\\s*(.*)$`, "iu")
const scenarioLine = new RegExp(`^####\\s+${Headings.scenario}\\s*[:\\uff1a]\\s*(.*)$`, "iu")

const spec = (sources: ReadonlyArray<Foreign.Source>): Foreign.Translation => {
  let requirements = 0
  let scenarios = 0
  const lines = sources.flatMap((source) => {
    let live = /\/specs\//.test(source.path)
    const delta = live
    let inRequirement = false
    return Foreign.rewrite(source, (line) => {
      const section = /^##\s+(.*)$/.exec(line.text)
      if (section !== null) {
        const operation = sectionOf(line.text)?.operation
        live = delta && operation !== "removed" && operation !== "renamed"
        inRequirement = false
      }
      const requirement = requirementLine.exec(line.text)
      if (requirement !== null && live) {
        requirements++
        inRequirement = true
        return [`### REQ-${String(requirements).padStart(3, "0")}: ${requirement[1] ?? ""}`]
      }
      const scenario = scenarioLine.exec(line.text)
      if (scenario === null || !inRequirement) return null
      scenarios++
      return [`#### SC-${String(scenarios).padStart(3, "0")}: ${scenario[1] ?? ""}`]
    })
  })
  return { lines, content: Foreign.joined(sources) }
}

const tasks = (source: Foreign.Source): Foreign.Translation => {
  const id = Foreign.allocator("task")
  let previous: string | undefined
  const lines = Foreign.rewrite(source, (line) => {
    const item = Foreign.box.exec(line.text)
    if (item === null || (item[1] ?? "").length > 1) return null
    const match = /^(\d{1,4})\.(\d{1,4})(?:\.\d{1,4})*\.?\s+(.*)$/.exec(item[4] ?? "")
    const title = match?.[3] ?? item[4] ?? ""
    const native = id(`${line.number}`, match === null ? 0 : Number(match[1]) * 100 + Number(match[2]))
    const deps = previous === undefined ? [] : [previous]
    previous = native
    return Foreign.taskLines({
      id: native,
      title,
      ticked: Foreign.isTicked(item[2]),
      deps,
      writes: Foreign.pathsIn(title)
    })
  })
  return { lines, content: source.text }
}

export const importer: Foreign.Importer = {
  format: "openspec",
  find: (files) => {
    const found: Array<Foreign.Candidate> = []
    for (const [name, names] of Foreign.foldersBelow(files, "openspec/changes/")) {
      if (name === "archive" || !(names.includes("proposal.md") || names.includes("tasks.md"))) continue
      const root = `openspec/changes/${name}`
      const deltas = names.filter((file) => /^specs\/.+\/spec\.md$/.test(file)).toSorted()
      const settings = files.get(`${root}/.openspec.yaml`) ?? ""
      const skips = /^\s*skip_specs\s*:\s*true\b/m.test(settings)
      const specs = [...(names.includes("proposal.md") ? ["proposal.md"] : []), ...deltas].map(
        (file) => `${root}/${file}`
      )
      found.push({
        format: "openspec",
        root,
        slug: Foreign.slugOf(name),
        title: Foreign.titleOf(files.get(`${root}/proposal.md`), name),
        sources: {
          ...(specs.length === 0 ? {} : { spec: specs }),
          ...(names.includes("design.md") ? { design: [`${root}/design.md`] } : {}),
          ...(names.includes("tasks.md") ? { tasks: [`${root}/tasks.md`] } : {})
        },
        approved: [],
        waivers: skips ? [{ kind: "spec", reason: "The change sets skip_specs: no behaviour changes." }] : [],
        dependsOn: [],
        leftOut: [],
        finished: null,
        notes: !skips && deltas.length === 0 ? ["The change has no delta spec, so it has no requirements yet."] : []
      })
    }
    return found
  },
  missed: (files) =>
    [...Foreign.foldersBelow(files, "openspec/changes/")].flatMap(([name, names]) => {
      if (name === "archive")
        return [...new Set(names.map((file) => file.split("/")[0] ?? ""))].map((change) => ({
          what: `openspec/changes/archive/${change}`,
          why: "it is archived: openspec/specs holds what it changed"
        }))
      return names.includes("proposal.md") || names.includes("tasks.md")
        ? []
        : [{ what: `openspec/changes/${name}`, why: "it has neither proposal.md nor tasks.md" }]
    }),
  translate: (kind, sources) => {
    const first = sources[0]
    if (kind === "spec") return spec(sources)
    return kind === "tasks" && first !== undefined ? tasks(first) : Foreign.verbatim(sources)
  }
}
