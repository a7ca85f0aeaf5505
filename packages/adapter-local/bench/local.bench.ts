/** Medians of the local adapter's verbs. Run: node --conditions=@rdev/source packages/adapter-local/bench/local.bench.ts */
import * as NewId from "@rdev/core/ids/NewId"
import { ProjectName } from "@rdev/core/domain/Project"
import { BranchName } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import { Effect, Layer, Option, Stream } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as LocalForge from "../src/forge/LocalForge.ts"
import * as LocalWorkspaceHost from "../src/workspaces/LocalWorkspaceHost.ts"

const main = BranchName.make("main")
const author = { name: "a", email: "b" }
const dataDir = mkdtempSync(join(tmpdir(), "rdev-bench-"))

const median = <E, R>(title: string, times: number, effect: (i: number) => Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const taken: Array<number> = []
    for (let i = 0; i < times; i++) {
      const begun = performance.now()
      yield* effect(i)
      taken.push(performance.now() - begun)
    }
    taken.sort((a, b) => a - b)
    const at = (part: number) => (taken[Math.floor(taken.length * part)] ?? 0).toFixed(2)
    yield* Effect.sync(() => console.log(`${title.padEnd(44)} p50 ${at(0.5)} ms  p95 ${at(0.95)} ms  (n=${times})`))
  })

const program = Effect.gen(function* () {
  const repositories = yield* RepositoryHost
  const git = yield* GitObjects
  const host = yield* WorkspaceHost
  const target = { projectId: yield* NewId.make("proj"), name: ProjectName.make("bench") }
  yield* repositories.ensure(target, {
    defaultBranch: main,
    message: "Start",
    files: Array.from({ length: 100 }, (_, i) => ({
      path: `src/${i % 10}/f${i}.txt`,
      content: `file ${i}\n`.repeat(50)
    }))
  })
  const head = Effect.map(git.head(target, main), Option.getOrThrow)
  const first = yield* head
  yield* median("Forge.head", 500, () => git.head(target, main))
  yield* median("Forge.commit (one file)", 30, (i) =>
    Effect.flatMap(head, (expectedHead) =>
      git.commit(target, {
        branch: main,
        expectedHead,
        changes: [{ path: `.sdlc/e${i}.json`, content: `{"i":${i}}` }],
        message: "m",
        author
      })
    )
  )
  yield* median("Forge.readFiles at a new commit", 30, (i) =>
    Effect.gen(function* () {
      const sha = yield* git.commit(target, {
        branch: main,
        expectedHead: yield* head,
        changes: [{ path: "x", content: String(i) }],
        message: "m",
        author
      })
      yield* git.readFiles(target, sha, "")
    })
  )
  const sha = yield* head
  yield* median("Forge.readFiles again (130 files)", 200, () => git.readFiles(target, sha, ""))
  yield* git.ensureBranch(target, BranchName.make("topic"), first)
  yield* git.commit(target, {
    branch: BranchName.make("topic"),
    expectedHead: first,
    changes: [{ path: "t", content: "t" }],
    message: "t",
    author
  })
  yield* median("Forge.compare (diverged)", 30, () => git.compare(target, main, BranchName.make("topic")))
  yield* median("Forge.exportBundle (whole)", 30, () => git.exportBundle(target, main, null))
  const workspace = yield* host.ensure({ projectId: target.projectId, name: "main", network: "none" })
  yield* Effect.sync(() => console.log(`isolation: ${workspace.isolation}`))
  yield* median("WorkspaceHost.start true, to its end", 50, () =>
    Effect.scoped(
      Effect.gen(function* () {
        const process = yield* host.start(workspace, { argv: ["true"] })
        yield* Stream.runDrain(process.output)
        yield* process.exit
      })
    )
  )
  yield* median("WorkspaceHost.writeFile + readFile (1 KiB)", 100, (i) =>
    Effect.andThen(host.writeFile(workspace, `a/b/f${i}`, "x".repeat(1024)), host.readFile(workspace, `a/b/f${i}`))
  )
}).pipe(
  Effect.provide(
    Layer.merge(
      LocalForge.layer({ dataDir, baseUrl: "http://127.0.0.1:1/git" }),
      LocalWorkspaceHost.layer({ dataDir, unsafeHost: true })
    )
  )
)

try {
  await Effect.runPromise(program)
} finally {
  rmSync(dataDir, { recursive: true, force: true })
}
