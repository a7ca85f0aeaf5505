/**
 * The step that opens the pull request "Set up rdev" in a repository with a history of its own. A repository that has everything gets
 * none. Asked again, it leaves the branch that is there as people may have changed it.
 */
import { Effect, Option, Schema } from "effect"
import type { ProjectId } from "../../../domain/Ids.ts"
import { ProjectSetup } from "../../../domain/Project.ts"
import * as Step from "../../../operations/Step.ts"
import { BranchName, type ForgeError, type RepositoryTarget, type Sha } from "../../../ports/infra/Forge.ts"
import { GitObjects } from "../../../ports/infra/GitObjects.ts"
import { type PullRequest, RepositoryHost } from "../../../ports/infra/RepositoryHost.ts"
import { platformAuthor } from "../../features/act/WorkspaceSync.ts"
import { PlatformKey } from "../../features/act/PlatformKey.ts"
import * as Detected from "./Detected.ts"
import * as SetupFiles from "./SetupFiles.ts"

export const key = "setup"
export const branch = BranchName.make("rdev/setup")
const title = "Set up rdev"

const text = (content: Uint8Array | undefined) =>
  content === undefined ? undefined : Buffer.from(content).toString("utf8")

/** What a commit seems to be. */
export const look = Effect.fn("SetupStep.look")(function* (target: RepositoryTarget, sha: Sha) {
  const git = yield* GitObjects
  const paths = (yield* git.listTree(target, sha)).map(({ path }) => path)
  const files = yield* git.readFiles(target, sha, [...Detected.probes, SetupFiles.agentsFile])
  const texts = new Map([...files].map(([path, content]) => [path, text(content) ?? ""]))
  return { paths, texts, detected: Detected.detect({ paths, text: texts }) }
})

const pullRequest = Effect.fnUntraced(function* (target: RepositoryTarget, base: BranchName, head: Sha) {
  const git = yield* GitObjects
  const { detected, paths, texts } = yield* look(target, head)
  const setup = SetupFiles.make(paths, texts.get(SetupFiles.agentsFile), detected, yield* PlatformKey)
  const { files, findings } = setup
  if (files.length === 0) return { findings, pull: null }
  const at = yield* git.ensureBranch(target, branch, head)
  if (at === head)
    yield* git.commit(target, { branch, expectedHead: head, changes: files, message: title, author: platformAuthor })
  const repositories = yield* RepositoryHost
  const pull: PullRequest = yield* repositories.ensurePullRequest(target, {
    head: branch,
    base,
    title,
    body: SetupFiles.body(setup)
  })
  return { findings, pull }
})

const output = Schema.Struct({ setup: ProjectSetup })
export const make = (
  { defaultBranch, name }: { readonly defaultBranch: string; readonly name: RepositoryTarget["name"] },
  projectId: ProjectId,
  dependsOn: ReadonlyArray<string>
) => {
  const target = { projectId, name }
  const base = BranchName.make(defaultBranch)
  return Step.make<typeof output.Type, GitObjects | RepositoryHost>({
    key,
    title: `Open the pull request "${title}"`,
    dependsOn,
    intent: "run",
    repeatable: true,
    output,
    do: () =>
      Effect.gen(function* () {
        const head = yield* (yield* GitObjects).head(target, base)
        if (Option.isNone(head)) return Step.done({ setup: { pullRequest: null, url: null, findings: [] } })
        const { findings, pull } = yield* pullRequest(target, base, head.value)
        return Step.done({ setup: { pullRequest: pull?.number ?? null, url: pull?.url ?? null, findings } })
      }).pipe(Effect.mapError((error: ForgeError) => Step.fromPort(error)))
  })
}
