/**
 * How a repository is released: `rdev.yaml` in its root, here of one component; several stand under `components` (see docs/components.md). Without the file the repository is a static site in `dist`, `public`, or
 * its root, whichever first has an `index.html`.
 *
 * kind: static | node    what is released
 * build: text | list     commands run before, in the sandbox (optional)
 * publish: folder        static: what is served; default dist
 * start: text            node: the command; it must listen on 127.0.0.1:$PORT
 * health: path           answers 2xx when the release is good; default /
 * idle: never | minutes  node: after how long without a request it sleeps; default: what the installation says
 */
import * as Components from "@rdev/core/services/components/Components"
import { Schema } from "effect"
import { parse as parseYaml } from "yaml"
import { invalid } from "../LocalFailure.ts"

export const file = "rdev.yaml"

const Path = Schema.String.check(Schema.isPattern(/^\/[^\s?#\\]*$/, { message: "expected a path that begins with /" }))
const Folder = Schema.String.check(
  Schema.isPattern(/^(?!.*(?:^|\/)\.\.(?:\/|$))[A-Za-z0-9._][A-Za-z0-9._/-]{0,199}$/, {
    message: "expected a folder of the repository, e.g. dist"
  })
)
const Build = Schema.Union([Schema.NonEmptyString, Schema.Array(Schema.NonEmptyString)])
/** A week at most: who wants more says never. */
const maxIdleMinutes = 10_080
const Idle = Schema.Union([
  Schema.Literal("never"),
  Schema.Finite.check(Schema.isBetween({ minimum: 0.1, maximum: maxIdleMinutes }))
]).annotate({ expected: `idle: never, or minutes from 0.1 to ${maxIdleMinutes}` })
/** What the component needs is provisioned, not released. */
const needs = Schema.optionalKey(Schema.Array(Schema.String))
const Static = Schema.Struct({
  kind: Schema.Literal("static"),
  needs,
  build: Schema.optionalKey(Build),
  publish: Schema.optionalKey(Folder),
  health: Schema.optionalKey(Path)
})
const Node = Schema.Struct({
  kind: Schema.Literal("node"),
  needs,
  port: Schema.optionalKey(Schema.Int),
  build: Schema.optionalKey(Build),
  start: Schema.NonEmptyString,
  health: Schema.optionalKey(Path),
  idle: Schema.optionalKey(Idle)
})

export type ReleaseConfig =
  | {
      readonly kind: "static"
      readonly build: ReadonlyArray<string>
      readonly publish: string
      readonly health: string
    }
  | {
      readonly kind: "node"
      readonly build: ReadonlyArray<string>
      readonly start: string
      readonly health: string
      readonly idle?: "never" | number
    }

const decodeStatic = Schema.decodeUnknownSync(Static, { onExcessProperty: "error" })
const decodeNode = Schema.decodeUnknownSync(Node, { onExcessProperty: "error" })
const list = (build: string | ReadonlyArray<string> | undefined) =>
  build === undefined ? [] : typeof build === "string" ? [build] : build

/** Folders of components hold no quotes (see core's ComponentRules). */
const within = (folder: string, command: string): string =>
  folder === "." ? command : `(cd '${folder}' && ${command}\n)`

/** Of several components the one that people reach; the others are no business of a release on one machine. */
const ofComponents = (text: string): ReleaseConfig => {
  const { components, faults } = Components.ofFile(new TextEncoder().encode(text), "release")
  if (faults.length > 0)
    throw new Error(
      faults.map(({ fix, line, path, problem }) => `line ${line}, ${path || "file"}: ${problem}. ${fix}`).join("; ")
    )
  const one = components.find((component) => component.public)
  if (one === undefined)
    throw new Error("no component is public, so there is nothing to release: write `public: true` at the one to reach")
  const build = one.build.map((command) => within(one.path, command))
  const health = one.health ?? "/"
  const inFolder = (folder: string) => (one.path === "." ? folder : folder === "." ? one.path : `${one.path}/${folder}`)
  switch (one.kind) {
    case "static":
      return { kind: "static", build, publish: inFolder(one.publish ?? "dist"), health }
    case "node":
      return {
        kind: "node",
        build,
        start: within(one.path, one.start ?? ""),
        health,
        ...(one.idle === null ? {} : { idle: one.idle })
      }
    default:
      throw new Error(
        `${one.name} is of kind ${one.kind}, and this installation releases static and node components: make one of those public`
      )
  }
}

/** Throws Invalid(rdev.yaml) with what is wrong. */
export const parse = (text: string): ReleaseConfig => {
  try {
    const document: unknown = parseYaml(text, { maxAliasCount: 10 })
    if (typeof document === "object" && document !== null && "components" in document) return ofComponents(text)
    const kind = typeof document === "object" && document !== null && "kind" in document ? document.kind : undefined
    if (kind !== "static" && kind !== "node") throw new Error("kind: expected static or node")
    if (kind === "node") {
      const { build, health, idle, start } = decodeNode(document)
      return { kind, build: list(build), start, health: health ?? "/", ...(idle === undefined ? {} : { idle }) }
    }
    const { build, publish, health } = decodeStatic(document)
    return { kind, build: list(build), publish: publish ?? "dist", health: health ?? "/" }
  } catch (cause) {
    throw invalid(file, cause instanceof Error ? cause.message.replace(/\s*\n\s*/g, " ") : String(cause))
  }
}

/** What is released when the repository says nothing, given the paths of its files; null = there is nothing to serve. */
export const guess = (paths: ReadonlyArray<string>): ReleaseConfig | null => {
  const publish = ["dist", "public", "."].find((folder) =>
    paths.includes(folder === "." ? "index.html" : `${folder}/index.html`)
  )
  return publish === undefined ? null : { kind: "static", build: [], publish, health: "/" }
}
