/** The steps of a pipeline, one after the other, in the sandbox on a fresh checkout. */
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { ExitStatus, OutputChunk } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Turns from "@rdev/core/services/redaction/Turns"
import * as Lines from "@rdev/runtime-node/Lines"
import * as Pipeline from "@rdev/runtime-node/pipeline/Pipeline"
import { Clock, Effect, Stream } from "effect"
import { join } from "node:path"
import { fail } from "../LocalFailure.ts"
import type { Folders } from "../sandbox/SandboxTypes.ts"
import * as Checkout from "../workspaces/Checkout.ts"
import type { Journal } from "./CiJournal.ts"
import type { Place, Request } from "./CiPlace.ts"

const how = (exit: ExitStatus) =>
  exit.code !== null
    ? `exited ${exit.code}`
    : exit.reason === "timeout"
      ? "ran longer than its time limit"
      : exit.reason === "oom" || exit.reason === "disk"
        ? `was ended: ${exit.detail ?? "memory ran out"}`
        : `was ended by ${exit.signal ?? exit.reason}`

const processOf = (
  { network, sandbox, stepTimeoutMillis }: Place,
  step: Pipeline.Step,
  target: RepositoryTarget,
  request: Request,
  folders: Folders
) => {
  const { workDir } = sandbox.inside(folders)
  return sandbox.start({
    folders,
    argv: ["sh", "-c", Pipeline.script(step.commands)],
    cwd: step.directory === "" ? workDir : join(workDir, step.directory),
    network,
    account: target.projectId,
    quotas: [
      {
        paths: [folders.files, folders.home],
        bytes: sandbox.budget.diskBytes,
        files: sandbox.budget.files,
        what: "the run's checkout"
      }
    ],
    timeoutMillis: stepTimeoutMillis,
    env: {
      CI: "true",
      CI_WORKSPACE: workDir,
      CI_REPO_NAME: target.name,
      CI_COMMIT_SHA: request.sha,
      CI_COMMIT_BRANCH: request.branch,
      CI_PIPELINE_EVENT: request.event,
      CI_STEP_NAME: step.name,
      ...step.environment
    }
  })
}

const runStep = Effect.fnUntraced(function* (
  place: Place,
  book: Journal,
  step: Pipeline.Step,
  target: RepositoryTarget,
  request: Request,
  folders: Folders
) {
  const startedAt = yield* Clock.currentTimeMillis
  yield* book.step(step.name, { status: "running" })
  yield* book.log([{ _tag: "StepStarted", step: step.name }])
  const process = yield* processOf(place, step, target, request, folders)
  const redactor = yield* place.redactorOf(target.projectId)
  const splitters = { stdout: Lines.forLog(redactor), stderr: Lines.forLog(redactor) }
  const output = (stream: OutputChunk["stream"], lines: ReadonlyArray<string>) =>
    lines.length === 0
      ? Effect.void
      : book.log(lines.map((line) => ({ _tag: "Output", step: step.name, stream, line }) as const))
  yield* Stream.runForEach(process.output, ({ stream, data }) =>
    Effect.flatMap(Turns.inPieces(data, splitters[stream].push), (lines) => output(stream, lines))
  )
  yield* output("stdout", splitters.stdout.end())
  yield* output("stderr", splitters.stderr.end())
  const exit = yield* process.exit
  const durationMillis = (yield* Clock.currentTimeMillis) - startedAt
  const status = exit.code === 0 ? "success" : "failure"
  yield* book.step(step.name, { status, exitCode: exit.code, durationMillis })
  yield* book.log([{ _tag: "StepEnded", step: step.name, status, exitCode: exit.code, durationMillis }])
  return exit
}, Effect.scoped)

export const run = Effect.fnUntraced(function* (
  place: Place,
  book: Journal,
  target: RepositoryTarget,
  request: Request,
  pipeline: Pipeline.Pipeline,
  folders: Folders
) {
  const { git, sandbox } = place
  yield* sandbox.mayWrite
  yield* Checkout.write(target, request.sha, folders.files).pipe(Effect.provideService(GitObjects, git))
  yield* sandbox.ownFolder(folders.home)
  yield* sandbox.ownTree(folders.files)
  let reason: string | null = null
  for (const step of pipeline.steps) {
    if (!Pipeline.matches(pipeline.when, request, false) || !Pipeline.matches(step.when, request, reason !== null)) {
      yield* book.step(step.name, { status: "skipped" })
      yield* book.log([{ _tag: "StepEnded", step: step.name, status: "skipped", exitCode: null, durationMillis: 0 }])
      continue
    }
    const exit = yield* runStep(place, book, step, target, request, folders)
    if (exit.reason === "connection_lost")
      return yield* fail({ _tag: "Unavailable", message: `the sandbox of step "${step.name}" was lost` })
    if (exit.code !== 0 && !step.ignoreFailure) reason ??= `step "${step.name}" ${how(exit)}`
  }
  return reason
})
