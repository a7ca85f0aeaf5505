/** From a commit to files that can be released: what its rdev.yaml says, and its build in the sandbox. */
import type * as Ids from "@rdev/core/domain/Ids"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { ExitStatus } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Turns from "@rdev/core/services/redaction/Turns"
import * as Lines from "@rdev/runtime-node/Lines"
import * as Pipeline from "@rdev/runtime-node/pipeline/Pipeline"
import type { Run } from "@rdev/core/ports/infra/Builder"
import type { Redactor } from "@rdev/core/redaction/Redactor"
import { Effect, Semaphore, Stream } from "effect"
import { join } from "node:path"
import * as Checkout from "../workspaces/Checkout.ts"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import { attempt, fail, invalid, type LocalFailure } from "../LocalFailure.ts"
import type { Network } from "../sandbox/SandboxTypes.ts"
import type { Sandbox } from "../sandbox/Sandbox.ts"
import * as Artifacts from "./Artifacts.ts"
import * as ReleaseConfig from "./ReleaseConfig.ts"

/** What builds work with. */
export interface Place {
  readonly dataDir: string
  readonly buildTimeoutMillis: number
  readonly git: GitObjects["Service"]
  readonly sandbox: Sandbox["Service"]
  readonly redactorOf: (projectId: Ids.ProjectId) => Effect.Effect<Redactor, LocalFailure>
  /** At most two builds at once. */
  readonly building: Semaphore.Semaphore
}

const fromPort = <A, E extends { readonly reason: LocalFailure["reason"] }>(effect: Effect.Effect<A, E>) =>
  Effect.mapError(effect, (error) => fail(error.reason))

const configOf = Effect.fnUntraced(function* ({ git }: Place, target: RepositoryTarget, sha: Sha) {
  const paths = (yield* fromPort(git.listTree(target, sha))).map((entry) => entry.path)
  if (!paths.includes(ReleaseConfig.file)) {
    return (
      ReleaseConfig.guess(paths) ??
      (yield* invalid(
        ReleaseConfig.file,
        "the repository has neither rdev.yaml nor an index.html in dist, public or its root; add rdev.yaml with kind, build and publish or start"
      ))
    )
  }
  const files = yield* fromPort(git.readFiles(target, sha, ""))
  return yield* attempt(async () =>
    ReleaseConfig.parse(Buffer.from(files.get(ReleaseConfig.file) ?? new Uint8Array(0)).toString("utf8"))
  )
})

/** The commands that build it, and how it is run afterwards. */
export const readConfig = Effect.fnUntraced(function* (place: Place, target: RepositoryTarget, sha: Sha) {
  const { build: commands, ...run } = yield* configOf(place, target, sha)
  return { commands, run: run satisfies Run }
})

const how = (exit: ExitStatus): string =>
  exit.code !== null
    ? `exited ${exit.code}`
    : exit.reason === "timeout"
      ? "ran longer than its time limit"
      : `was ended${exit.detail === undefined ? ` by ${exit.signal ?? exit.reason}` : `: ${exit.detail}`}`

const start = ({ buildTimeoutMillis, sandbox }: Place, projectId: Ids.ProjectId, folder: string, script: string) => {
  const folders = { files: Artifacts.filesOf(folder), home: join(folder, "home"), filesReadOnly: false }
  const network: Network = sandbox.networks.includes("loopback") ? "loopback" : "none"
  return sandbox.start({
    folders,
    argv: ["sh", "-c", script],
    cwd: sandbox.inside(folders).workDir,
    env: { CI: "true", NODE_ENV: "production" },
    network,
    account: projectId,
    quotas: [
      {
        paths: [folders.files, folders.home],
        bytes: sandbox.budget.diskBytes,
        files: sandbox.budget.files,
        what: "the build"
      }
    ],
    timeoutMillis: buildTimeoutMillis
  })
}

const run = Effect.fnUntraced(function* (
  place: Place,
  projectId: Ids.ProjectId,
  folder: string,
  commands: ReadonlyArray<string>
) {
  const process = yield* start(place, projectId, folder, Pipeline.script(commands))
  const redactor = yield* place.redactorOf(projectId)
  const splitters = { stdout: Lines.forLog(redactor), stderr: Lines.forLog(redactor) }
  let [written, tail] = [0, [] as ReadonlyArray<string>]
  yield* Stream.runForEach(process.output, ({ stream, data }) =>
    Effect.flatMap(Turns.inPieces(data, splitters[stream].push), (lines) =>
      attempt(async () => {
        tail = [...tail, ...lines].slice(-8)
        const text = lines.map((line) => `${line}\n`).join("")
        written += text.length
        await Artifacts.log(folder, text, written)
      })
    )
  )
  const exit = yield* process.exit
  if (exit.code === 0) return
  const last = [...tail, ...splitters.stdout.end(), ...splitters.stderr.end()]
  return yield* invalid("build", `the build ${how(exit)}: ${last.join(" | ") || "it printed nothing"}`)
}, Effect.scoped)

/** Checks the commit out below `folder` and runs its build there. */
export const build = Effect.fnUntraced(function* (
  place: Place,
  target: RepositoryTarget,
  sha: Sha,
  folder: string,
  commands: ReadonlyArray<string>
) {
  const { building, git, sandbox } = place
  const files = Artifacts.filesOf(folder)
  yield* Checkout.write(target, sha, files).pipe(Effect.provideService(GitObjects, git))
  yield* sandbox.ownFolder(join(folder, "home"))
  yield* sandbox.ownTree(files)
  if (commands.length > 0) yield* building.withPermit(run(place, target.projectId, folder, commands))
  yield* attempt(() => ConfinedTree.remove(join(folder, "home")))
})
