/**
 * Templates from folders on disk: the built-in ones beside this package, and those of a folder of your own (RDEV_TEMPLATES).
 *
 * A template is a folder `<name>/` with `template.json` (title, kind, description) and `files/`, the tree of the new repository.
 * In text files `{{project}}`, `{{description}}` and `{{defaultBranch}}` are filled in, `{{description|json}}` and `|html` for the place
 * they stand in; an unknown name is an error, so that a typo does not reach a repository. Files under `verbatim` are copied as they
 * are. A name that begins with `_dot_` stands for one that begins with a dot (npm drops some of those from packages).
 * The agent commands for Claude Code, OpenCode and Codex are rendered into every project. Nothing is cached: an edit counts at once.
 */
import type { FileChange } from "@rdev/core/ports/infra/GitObjects"
import { TemplateError, type TemplateInfo, Templates, type TemplateVariables } from "@rdev/core/ports/infra/Templates"
import * as Render from "@rdev/sdlc/render/Render"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { Effect, Layer, Schema } from "effect"
import { type Dirent } from "node:fs"
import { readdir, readFile, stat } from "node:fs/promises"
import { join, relative, sep } from "node:path"
import { fileURLToPath } from "node:url"

/** The templates that come with the server. */
export const builtIn = fileURLToPath(new URL("../templates/", import.meta.url))

const maxFiles = 5_000
const maxBytes = 33_554_432
const namePattern = /^[a-z0-9][a-z0-9-]{0,39}$/

const Manifest = Schema.Struct({
  title: Schema.NonEmptyString,
  kind: Schema.Literals(["static", "service"]),
  description: Schema.String,
  /** Paths (files or folders) whose text is copied without filling anything in. */
  verbatim: Schema.optionalKey(Schema.Array(Schema.String))
})
const decodeManifest = Schema.decodeUnknownEffect(Schema.fromJsonString(Manifest), { onExcessProperty: "error" })

interface Found extends TemplateInfo {
  readonly folder: string
  readonly verbatim: ReadonlyArray<string>
}

const problem = (operation: string, template: string, available: ReadonlyArray<string>, detail: string) =>
  new TemplateError({ operation, template, available, detail })
const read = <A>(operation: string, template: string, what: string, run: () => Promise<A>) =>
  Effect.tryPromise({
    try: run,
    catch: (cause) =>
      problem(operation, template, [], `cannot read ${what}: ${cause instanceof Error ? cause.message : String(cause)}`)
  })

const findIn = Effect.fn("TemplatesDisk.findIn")(function* (operation: string, folder: string) {
  const entries = yield* read(operation, "", `the templates folder ${folder}`, () =>
    readdir(folder, { withFileTypes: true })
  )
  const names = entries
    .filter((entry) => entry.isDirectory() && namePattern.test(entry.name))
    .map((entry) => entry.name)
    .sort()
  return yield* Effect.forEach(names, (name) =>
    Effect.gen(function* () {
      const path = join(folder, name, "template.json")
      const text = yield* read(operation, name, path, () => readFile(path, "utf8"))
      const manifest = yield* decodeManifest(text).pipe(
        Effect.mapError((error) => problem(operation, name, [], `${path}: ${error.message}`))
      )
      return {
        name,
        title: manifest.title,
        kind: manifest.kind,
        description: manifest.description,
        folder: join(folder, name, "files"),
        verbatim: manifest.verbatim ?? []
      } satisfies Found
    })
  )
})

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}
const filters: Readonly<Record<string, (value: string) => string>> = {
  json: (value) => JSON.stringify(value),
  html: (value) => value.replace(/[&<>"']/g, (character) => entities[character] ?? character)
}
const placeholder = /\{\{([A-Za-z]+)(?:\|([A-Za-z]+))?\}\}/g

/** Text with the variables filled in, or the placeholder that nothing stands for. */
export const fill = (
  text: string,
  variables: TemplateVariables
): { readonly text: string; readonly unknown: string | null } => {
  const values: Readonly<Record<string, string>> = {
    project: variables.project,
    description: variables.description,
    defaultBranch: variables.defaultBranch
  }
  let unknown: string | null = null
  const filled = text.replace(placeholder, (whole, name: string, filter: string | undefined) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    const apply =
      filter === undefined ? (plain: string) => plain : Object.hasOwn(filters, filter) ? filters[filter] : undefined
    if (value !== undefined && apply !== undefined) return apply(value)
    unknown ??= whole
    return whole
  })
  return { text: filled, unknown }
}

const destination = (path: string): string =>
  path
    .split(sep)
    .map((part) => (part.startsWith("_dot_") ? `.${part.slice(5)}` : part))
    .join("/")

const textOf = (bytes: Uint8Array): string | null => {
  if (bytes.includes(0)) return null
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

const entryPath = (found: Found, entry: Dirent): string => relative(found.folder, join(entry.parentPath, entry.name))

const fileOf = Effect.fn("TemplatesDisk.fileOf")(function* (found: Found, path: string, variables: TemplateVariables) {
  const full = join(found.folder, path)
  const [bytes, info] = yield* read("Templates.files", found.name, full, () =>
    Promise.all([readFile(full), stat(full)])
  )
  const text = textOf(bytes)
  const to = destination(path)
  const executable = (info.mode & 0o111) !== 0 ? { executable: true } : {}
  if (text === null || found.verbatim.some((prefix) => to === prefix || to.startsWith(`${prefix.replace(/\/$/, "")}/`)))
    return { path: to, content: text ?? new Uint8Array(bytes), ...executable } satisfies FileChange
  const { text: content, unknown } = fill(text, variables)
  if (unknown !== null) {
    return yield* problem(
      "Templates.files",
      found.name,
      [],
      `${full}: ${unknown} stands for nothing; use project, description or defaultBranch (with |json or |html), or list the file under verbatim in template.json`
    )
  }
  return { path: to, content, ...executable } satisfies FileChange
})

/** What every project gets besides its template: agent commands, their block in AGENTS.md, and what `sdlc init` would write. */
const withCommands = (template: string, files: ReadonlyArray<FileChange>) =>
  Effect.gen(function* () {
    const byPath = new Map<string, FileChange>(files.map((file) => [file.path, file]))
    for (const harness of Render.harnesses) {
      for (const file of Render.render(harness))
        if (!byPath.has(file.path)) byPath.set(file.path, { path: file.path, content: file.content })
    }
    const agents = byPath.get("AGENTS.md")?.content
    const block = Render.withAgentsBlock(typeof agents === "string" ? agents : undefined)
    if (block === null)
      return yield* problem(
        "Templates.files",
        template,
        [],
        `AGENTS.md: the markers ${Render.begin} and ${Render.end} do not pair up`
      )
    byPath.set("AGENTS.md", { path: "AGENTS.md", content: block })
    const present = new Map([...byPath].map(([path, file]) => [path, file.content ?? ""] as const))
    for (const file of Repo.initProject(present)) byPath.set(file.path, { path: file.path, content: file.content })
    return [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  })

const defaultDescription = "A new project."

/** `folder`: templates of your own; one of the same name takes the place of a built-in one. */
export const make = (folder: string | null): typeof Templates.Service => {
  const all = Effect.fn("TemplatesDisk.all")(function* (operation: string) {
    const own = folder === null ? [] : yield* findIn(operation, folder)
    const ours = yield* findIn(operation, builtIn)
    return [...own, ...ours.filter((one) => !own.some((other) => other.name === one.name))].sort((a, b) =>
      a.name < b.name ? -1 : 1
    )
  })
  return Templates.of({
    list: all("Templates.list").pipe(
      Effect.map((found) => found.map(({ description, kind, name, title }) => ({ name, title, kind, description })))
    ),
    files: Effect.fn("Templates.files")(function* (name, given) {
      const found = yield* all("Templates.files")
      const names = found.map((one) => one.name)
      const template = found.find((one) => one.name === name)
      if (template === undefined)
        return yield* problem(
          "Templates.files",
          name,
          names,
          `there is no template "${name}"; available: ${names.join(", ")}`
        )
      const variables = { ...given, description: given.description.replace(/\s+/g, " ").trim() || defaultDescription }
      const entries = yield* read("Templates.files", name, template.folder, () =>
        readdir(template.folder, { withFileTypes: true, recursive: true })
      )
      const strange = entries.find((entry) => !entry.isFile() && !entry.isDirectory())
      if (strange !== undefined)
        return yield* problem(
          "Templates.files",
          name,
          names,
          `${entryPath(template, strange)}: only plain files and folders belong in a template`
        )
      const paths = entries.filter((entry) => entry.isFile()).map((entry) => entryPath(template, entry))
      if (paths.length > maxFiles)
        return yield* problem("Templates.files", name, names, `it has ${paths.length} files; ${maxFiles} are the limit`)
      const files = yield* Effect.forEach(paths, (path) => fileOf(template, path, variables), { concurrency: 16 })
      const bytes = files.reduce((sum, file) => sum + Buffer.byteLength(file.content), 0)
      if (bytes > maxBytes)
        return yield* problem("Templates.files", name, names, `it has ${bytes} bytes; ${maxBytes} are the limit`)
      return yield* withCommands(name, files)
    })
  })
}

export const layer = (options: { readonly folder?: string } = {}): Layer.Layer<Templates> =>
  Layer.succeed(Templates, make(options.folder ?? null))

/** Templates of one's own in a folder too; null = those that ship. A folder that cannot be read fails here, at start-up. */
export const layerOf = (folder: string | null): Layer.Layer<Templates, TemplateError> =>
  Layer.effect(
    Templates,
    Effect.gen(function* () {
      const templates = make(folder)
      yield* templates.list
      return templates
    })
  )
