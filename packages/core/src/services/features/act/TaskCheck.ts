/**
 * Checks an agent's claim that a plan task is done: runs the task's own verify commands in the workspace, on the branch's head,
 * and writes what came out as evidence. The agent that did the work has no part in this.
 */
import type { Task } from "@rdev/sdlc/model/Task"
import * as Repo from "@rdev/sdlc/repo/Repo"
import { Clock, Effect } from "effect"
import { lastLines, linesOf } from "../../../domain/LineText.ts"
import type { FileChange } from "../../../ports/infra/GitObjects.ts"
import { WorkspaceHost } from "../../../ports/infra/WorkspaceHost.ts"
import * as Variables from "../../projects/Variables.ts"
import * as Processes from "../../Processes.ts"
import type { Snapshot } from "../read/FeatureFiles.ts"
import * as FeatureWorkspace from "./FeatureWorkspace.ts"
import * as Log from "../report/FeatureLog.ts"
import * as WorkspaceSync from "./WorkspaceSync.ts"

/** One verify command may take this long. */
const commandTimeoutMillis = 10 * 60_000
/** Of each command's output, this much is kept in the evidence and in a failure's reason. */
const keptOutput = 2_000

interface Ran {
  readonly command: string
  readonly exitCode: number | null
  readonly reason: string
  readonly output: string
  readonly durationMillis: number
}

export type Checked =
  | { readonly _tag: "Passed"; readonly evidence: { readonly digest: string; readonly file: FileChange } }
  | { readonly _tag: "Failed"; readonly reason: string }

const runOne = Effect.fn("TaskCheck.runOne")(function* (
  snapshot: Snapshot,
  workspace: Parameters<typeof WorkspaceSync.checkout>[1],
  command: string
) {
  const host = yield* WorkspaceHost
  const started = yield* Clock.currentTimeMillis
  const finished = yield* Processes.run(
    host,
    workspace,
    {
      argv: ["sh", "-ceu", command],
      env: yield* Variables.ofWorkspaces(snapshot.project.id),
      timeoutMillis: commandTimeoutMillis
    },
    { maxBytes: 262_144 }
  )
  const output = `${finished.stdout}${finished.stderr}`
  yield* Effect.forEach(linesOf(output.trimEnd()).slice(-50), (line) => Log.output(snapshot, line), {
    discard: true
  })
  return {
    command,
    exitCode: finished.exit.code,
    reason: finished.exit.reason,
    output: output.slice(-keptOutput),
    durationMillis: (yield* Clock.currentTimeMillis) - started
  } satisfies Ran
})

/** in-toto Statement v1 with the test-result predicate (in-toto.io/attestation/test-result/v0.1); subject: the code tree. */
const statement = (snapshot: Snapshot, task: Task, ran: ReadonlyArray<Ran>, finishedAt: string) => ({
  _type: "https://in-toto.io/Statement/v1",
  subject: [
    { name: `${snapshot.index.slug}/${task.id}`, digest: { codeTree: snapshot.tree, gitCommit: snapshot.sha } }
  ],
  predicateType: "https://in-toto.io/attestation/test-result/v0.1",
  predicate: {
    result: "PASSED",
    configuration: task.verify.map((command) => ({ name: command })),
    passedTests: ran.map((one) => one.command),
    warnedTests: [],
    failedTests: [],
    runs: ran.map((one) => ({
      command: one.command,
      exitCode: one.exitCode,
      durationMillis: one.durationMillis,
      output: one.output
    })),
    finishedAt
  }
})

export const run = Effect.fn("TaskCheck.run")(function* (snapshot: Snapshot, task: Task) {
  const workspace = yield* FeatureWorkspace.ensure(snapshot, "none")
  yield* WorkspaceSync.checkout(snapshot.target, workspace, snapshot.branch, snapshot.sha)
  const ran: Array<Ran> = []
  for (const command of task.verify) {
    const one = yield* runOne(snapshot, workspace, command)
    ran.push(one)
    if (one.exitCode !== 0) {
      const how = one.exitCode === null ? `ended by ${one.reason}` : `exited ${one.exitCode}`
      return {
        _tag: "Failed",
        reason: `${command} ${how}: ${lastLines(one.output, 5).join("\n")}`
      } satisfies Checked
    }
  }
  const now = new Date(yield* Clock.currentTimeMillis).toISOString()
  const file = Repo.evidenceFile(snapshot.index.slug, statement(snapshot, task, ran, now))
  return {
    _tag: "Passed",
    evidence: { digest: file.digest, file: { path: file.path, content: file.content } }
  } satisfies Checked
})
