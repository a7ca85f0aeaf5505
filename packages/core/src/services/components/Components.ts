/** The components of a project at a commit, read from its repository; what they need of what this installation offers. */
import { Effect, Option, Result, Schema } from "effect"
import type { Component, ComponentFault } from "../../domain/components/Component.ts"
import type { Project } from "../../domain/Project.ts"
import { BranchName, type ForgeError, type RepositoryTarget, type Sha } from "../../ports/infra/Forge.ts"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { ProjectError } from "../projects/ProjectError.ts"
import type { PlannedComponent } from "../resources/Cells.ts"
import * as Providers from "../resources/Providers.ts"
import * as ComponentFile from "./ComponentFile.ts"

export interface ComponentsAt {
  readonly sha: Sha
  /** Whether the repository says them; without the file it is one component. */
  readonly said: boolean
  /** Empty when anything is wrong with the file. */
  readonly components: ReadonlyArray<Component>
  readonly faults: ReadonlyArray<ComponentFault>
}

/** Bytes that are no text would be read as other characters than they are. */
const textOf = (content: Uint8Array): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content)
  } catch {
    return null
  }
}

/** Of the file's content; undefined = there is none. Pure. */
export const ofFile = (content: Uint8Array | undefined, name: string): Omit<ComponentsAt, "sha"> => {
  if (content === undefined) return { said: false, components: [ComponentFile.whole(name)], faults: [] }
  const text = textOf(content)
  if (text === null) {
    const fault = { path: "", line: 1, problem: "the file is no UTF-8 text", fix: "Save it as UTF-8" }
    return { said: true, components: [], faults: [fault] }
  }
  return Result.match(ComponentFile.parse(text, name), {
    onSuccess: ({ components }) => ({ said: true, components, faults: [] }),
    onFailure: (faults) => ({ said: true, components: [], faults })
  })
}

const isBranch = Schema.is(BranchName)
const commitId = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/

const invalid = (message: string) =>
  new ProjectError({ operation: "Components.at", reason: { _tag: "Invalid", field: "at", message } })

/** The commit that a branch's name or a commit's id means. */
const commitOf = (target: RepositoryTarget, at: string): Effect.Effect<Sha, ForgeError | ProjectError, GitObjects> =>
  Effect.gen(function* () {
    if (commitId.test(at)) return at
    if (!isBranch(at)) return yield* invalid(`${JSON.stringify(at.slice(0, 80))} is neither a branch nor a commit id`)
    const head = yield* (yield* GitObjects).head(target, at)
    if (Option.isNone(head)) return yield* invalid(`the repository has no branch ${at}`)
    return head.value
  })

/** `at`: a branch, or the whole id of a commit; left out: the default branch. */
export const at = Effect.fn("Components.at")(function* (project: Project, at?: string) {
  const target: RepositoryTarget = { projectId: project.id, name: project.name }
  const sha = yield* commitOf(target, at ?? project.defaultBranch)
  const files = yield* (yield* GitObjects).readFiles(target, sha, [ComponentFile.fileName])
  return { sha, ...ofFile(files.get(ComponentFile.fileName), project.name) } satisfies ComponentsAt
})

/** What each needs beside what every project has; those that do not say, everything that is offered. */
export const planned = Effect.fnUntraced(function* (components: ReadonlyArray<Component>) {
  const offered = (yield* Providers.all).map(({ kind }) => kind).filter((kind) => !Providers.foundation.has(kind))
  return components.map(({ name, needs }): PlannedComponent => ({ name, needs: [...(needs ?? offered)] }))
})

/** Kinds that components need and this installation does not offer. */
export const unavailable = Effect.fnUntraced(function* (components: ReadonlyArray<Component>) {
  const offered = new Set((yield* Providers.all).map(({ kind }) => kind))
  return [...new Set(components.flatMap(({ needs }) => needs ?? []))].filter((kind) => !offered.has(kind)).sort()
})
