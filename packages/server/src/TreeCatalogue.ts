/**
 * The cookbook trees that come with the server, and the tree that a request means: one of them by name, or a text of its own. They are
 * read once; a broken one stops the start.
 */
import * as Problem from "@rdev/api/Problem"
import * as TreeParser from "@rdev/core/services/trees/TreeParser"
import type { Tree } from "@rdev/core/services/trees/TreeSchema"
import { TreeError } from "@rdev/core/services/Trees"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { Json } from "effect/Schema"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { StartError } from "./ServerConfig.ts"

export const folder = fileURLToPath(new URL("../trees/", import.meta.url))

export interface Source {
  readonly name?: string
  readonly text?: string
  readonly vars?: Readonly<Record<string, Json>>
}
interface Shipped {
  readonly tree: Tree
  readonly text: string
}

export class TreeCatalogue extends Context.Service<
  TreeCatalogue,
  {
    readonly list: ReadonlyArray<Tree>
    /** Text and variables; `at` is where the source stands in the body, e.g. `/tree`. */
    resolve(
      source: Source,
      at: string
    ): Effect.Effect<{ readonly text: string; readonly vars: Readonly<Record<string, Json>> }, Problem.Problem>
  }
>()("rdev/server/TreeCatalogue") {}

const broken = (problem: string, cause?: unknown) =>
  new StartError({ field: "trees", problem, fix: "Install @rdev/server again", cause })

const load = Effect.try({
  try: () =>
    readdirSync(folder)
      .filter((file) => file.endsWith(".yaml"))
      .sort()
      .map((file) => ({ file, text: readFileSync(join(folder, file), "utf8") })),
  catch: (cause) => broken(`${folder} cannot be read`, cause)
}).pipe(
  Effect.flatMap((files) =>
    Effect.forEach(files, ({ file, text }) => {
      const tree = TreeParser.parse(text)
      return Result.isSuccess(tree)
        ? Effect.succeed<Shipped>({ tree: tree.success, text })
        : Effect.fail(broken(`${file}: ${tree.failure.map((one) => `${one.at}: ${one.message}`).join("; ")}`))
    })
  )
)

const wrong = (pointer: string, detail: string, code: Problem.Code = "invalid-input") =>
  Problem.make(code, { detail, errors: [{ pointer, detail }] })

export const layer: Layer.Layer<TreeCatalogue, StartError> = Layer.effect(
  TreeCatalogue,
  Effect.map(load, (shipped) =>
    TreeCatalogue.of({
      list: shipped.map(({ tree }) => tree),
      resolve: ({ name, text, vars = {} }, at) => {
        if ((name === undefined) === (text === undefined))
          return Effect.fail(wrong(at, "give either name (one of GET /trees) or text (the YAML)"))
        if (text !== undefined) return Effect.succeed({ text, vars })
        const found = shipped.find(({ tree }) => tree.name === name)
        return found === undefined
          ? Effect.fail(
              wrong(
                `${at}/name`,
                `there is no tree ${JSON.stringify(name)}; there are ${shipped.map(({ tree }) => tree.name).join(", ")}`,
                "unprocessable"
              )
            )
          : Effect.succeed({ text: found.text, vars })
      }
    })
  )
)

const problemOf = ({ problems }: TreeError, at: string): Problem.Problem =>
  Problem.make("unprocessable", {
    detail:
      problems.length === 1 ? "One thing is wrong with the tree" : `${problems.length} things are wrong with the tree`,
    errors: problems
      .slice(0, 50)
      .map((problem) =>
        problem.at.startsWith("vars.")
          ? { pointer: `${at}/vars/${problem.at.slice("vars.".length)}`, detail: problem.message }
          : { pointer: `${at}/text`, detail: `${problem.at}: ${problem.message}` }
      )
  })

/** Everything that is wrong with a tree becomes a problem: each thing with its place in the body and in the text. */
export const told = <A, E, R>(at: string, work: Effect.Effect<A, E | TreeError, R>) =>
  Effect.catchIf(
    work,
    (error): error is Extract<E | TreeError, TreeError> => error instanceof TreeError,
    (error) => Effect.fail(problemOf(error, at))
  )
