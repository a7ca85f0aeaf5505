/**
 * One run of an agent process in a workspace as a stream of events. Every run ends with `Ended`; one that is not ok then fails with
 * the classified reason. Interrupting the stream closes the scope of the process, which kills it with its children.
 */
import type { ErrorClass } from "@rdev/core/domain/ErrorClass"
import { AgentError, type AgentEvent, type AgentJob } from "@rdev/core/ports/agents/AgentHarness"
import * as Redactor from "@rdev/core/redaction/Redactor"
import { errorClass } from "@rdev/core/ports/infra/PortReason"
import type { Command, ExitStatus, WorkspaceError, WorkspaceHost } from "@rdev/core/ports/infra/WorkspaceHost"
import type { StoreError } from "@rdev/core/ports/stores/StoreError"
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import * as Turns from "@rdev/core/services/redaction/Turns"
import { Clock, Effect, Stream } from "effect"
import { classifyFailure } from "./failures/classifyFailure.ts"
import type { Format } from "./formats/Format.ts"
import * as Text from "./Text.ts"
import * as Transcript from "./Transcript.ts"

export interface Invocation {
  readonly agent: string
  readonly command: Command
  readonly format: Format
  /** Values that must not appear in events. */
  readonly secrets: ReadonlyArray<string>
  /** Whose limits the run is subject to. */
  readonly gate: string | null
  readonly maxRunBytes?: number
}

/** An agent that prints more than this is stopped: nothing it does is worth reading on. */
export const floodBytes = 268_435_456
const maxSummaryChars = 2000
const lastFailures = 3
const lastLines = 12

/** What a failing workspace means for the task that runs in it. */
export const ofWorkspace = ({ message, reason }: WorkspaceError): ErrorClass => ({ ...errorClass(reason), message })

const fail = (
  transcript: Transcript.Transcript,
  error: AgentError,
  exitCode: number | null
): Stream.Stream<AgentEvent, AgentError> =>
  Stream.concat(
    Stream.fromIterable<AgentEvent>([
      ...transcript.end(),
      { _tag: "Ended", ok: false, summary: Text.bound(error.reason.message, maxSummaryChars).text, exitCode }
    ]),
    Stream.fail(error)
  )

const finish = (
  transcript: Transcript.Transcript,
  invocation: Invocation,
  job: AgentJob,
  exit: ExitStatus,
  nowMillis: number
): Stream.Stream<AgentEvent, AgentError> => {
  const rest = transcript.end()
  const verdict = transcript.verdict()
  if (exit.code === 0 && exit.reason === "exited" && verdict?.ok !== false) {
    const said = verdict === null || verdict.summary === "" ? transcript.lastMessage() : verdict.summary
    return Stream.fromIterable<AgentEvent>([
      ...rest,
      { _tag: "Ended", ok: true, summary: Text.bound(said, maxSummaryChars).text, exitCode: 0 }
    ])
  }
  const failures = transcript.failures()
  const text = transcript.reported() ? failures.slice(-lastFailures) : failures.slice(-lastLines).join("\n")
  const reason = classifyFailure({ text, exit, nowMillis, timeoutMillis: job.timeoutMillis, gate: invocation.gate })
  const ended: AgentEvent = {
    _tag: "Ended",
    ok: false,
    summary: Text.bound(reason.message, maxSummaryChars).text,
    exitCode: exit.code
  }
  return Stream.concat(
    Stream.fromIterable<AgentEvent>([...rest, ended]),
    Stream.fail(new AgentError({ operation: `AgentHarness.run(${invocation.agent})`, reason }))
  )
}

/** Nothing is begun whose output could not be kept without secrets. */
const unmasked = (operation: string, cause: StoreError) =>
  new AgentError({
    operation,
    reason: {
      _tag: "ResourceExhausted",
      resource: "credentials",
      message: `the project's secrets, which its output is masked by, cannot be read: ${cause.message}`
    },
    cause
  })

export const run = (
  host: typeof WorkspaceHost.Service,
  job: AgentJob,
  invocation: Invocation
): Stream.Stream<AgentEvent, AgentError> =>
  Stream.suspend(() => {
    const operation = `AgentHarness.run(${invocation.agent})`
    const transcriptBy = (redactor: Redactor.Redactor) =>
      Transcript.make({
        agent: invocation.agent,
        format: invocation.format,
        workDir: job.workspace.workDir,
        redactor,
        ...(invocation.maxRunBytes === undefined ? {} : { maxRunBytes: invocation.maxRunBytes })
      })
    const foreign = (cause: WorkspaceError) => new AgentError({ operation, reason: ofWorkspace(cause), cause })
    const flood = new AgentError({
      operation,
      reason: { _tag: "AgentFault", message: `the agent printed more than ${floodBytes} bytes and was stopped` }
    })
    return Stream.unwrap(
      Effect.gen(function* () {
        const redactor = yield* (yield* Redaction)
          .given(job.workspace.projectId, invocation.secrets)
          .pipe(Effect.mapError((cause) => unmasked(operation, cause)))
        const transcript = transcriptBy(redactor)
        return yield* Effect.gen(function* () {
          const process = yield* host
            .start(job.workspace, { ...invocation.command, timeoutMillis: job.timeoutMillis })
            .pipe(Effect.mapError(foreign))
          const output = process.output.pipe(
            Stream.mapError(foreign),
            Stream.mapEffect((chunk) =>
              Effect.flatMap(
                Turns.inPieces(chunk.data, (data) => transcript.push({ ...chunk, data })),
                (events) => (transcript.bytes() > floodBytes ? Effect.fail(flood) : Effect.succeed(events))
              )
            ),
            Stream.flattenIterable
          )
          const exit = Effect.gen(function* () {
            const status = yield* Effect.mapError(process.exit, foreign)
            return finish(transcript, invocation, job, status, yield* Clock.currentTimeMillis)
          }).pipe(Effect.catch((error) => Effect.succeed(fail(transcript, error, null))))
          // Only the output's failures are caught here: `finish` has already said `Ended` when it fails.
          return output.pipe(
            Stream.catch((error) => fail(transcript, error, null)),
            Stream.concat(Stream.unwrap(exit))
          )
        }).pipe(Effect.catch((error) => Effect.succeed(fail(transcript, error, null))))
      }).pipe(Effect.catch((error) => Effect.succeed(refuse(invocation, error))))
    )
  })

/** A run that ends before its process could start. */
export const refuse = (invocation: Invocation, error: AgentError): Stream.Stream<AgentEvent, AgentError> =>
  fail(
    Transcript.make({
      agent: invocation.agent,
      format: invocation.format,
      workDir: "/",
      redactor: Redactor.make(invocation.secrets)
    }),
    error,
    null
  )
