/**
 * Commands that people and programs run in a project's workspace. Their output and end are events of the project's stream; what
 * became of one is read from there, so that it is known after a restart too. A command whose server ended under it is told as
 * `connection_lost`: never as success.
 */
import * as NewId from "@rdev/core/ids/NewId"
import type { ExecId, ProjectId } from "@rdev/core/domain/Ids"
import { type Event, type NewEvent, ofProject } from "@rdev/core/domain/Event"
import { allows, allowsProject, CurrentRequest } from "@rdev/core/domain/Principal"
import type { Project } from "@rdev/core/domain/Project"
import type { EnvironmentStore } from "@rdev/core/ports/stores/EnvironmentStore"
import type { CredentialStore } from "@rdev/core/ports/stores/CredentialStore"
import { EventLog } from "@rdev/core/ports/stores/EventLog"
import { type OutputPage, type OutputRange, OutputStore, OutputStoreError } from "@rdev/core/ports/stores/OutputStore"
import { ForgeError } from "@rdev/core/ports/infra/Forge"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import { Replicas } from "@rdev/core/ports/stores/Replicas"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import {
  type ExitStatus,
  type Process,
  type Workspace,
  WorkspaceError,
  WorkspaceHost
} from "@rdev/core/ports/infra/WorkspaceHost"
import { Issuers, recheckMillis } from "@rdev/core/services/Issuers"
import * as OutputText from "@rdev/core/redaction/OutputText"
import type { Redactor } from "@rdev/core/redaction/Redactor"
import * as Secrets from "@rdev/core/redaction/Secrets"
import * as Variables from "@rdev/core/services/projects/Variables"
import { Redaction } from "@rdev/core/services/redaction/Redaction"
import * as Turns from "@rdev/core/services/redaction/Turns"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Admission from "./Admission.ts"
import * as ExactOutput from "./output/ExactOutput.ts"
import * as OutputPace from "./output/OutputPace.ts"
import * as OwnWorkspace from "./OwnWorkspace.ts"

/** Ended ones that are answered from memory. */
const maxRemembered = 500
const defaultTimeoutSeconds = 600
export interface ExecSpec {
  readonly command: ReadonlyArray<string>
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  readonly timeoutSeconds?: number
  readonly workspace?: string
}
export interface ExecRecord {
  readonly id: ExecId
  readonly command: ReadonlyArray<string>
  readonly workspace: string
  readonly exit: ExitStatus | null
  readonly startedAtMillis: number
  readonly endedAtMillis: number | null
}
type Failure = ForgeError | StoreError | WorkspaceError

export class Execs extends Context.Service<
  Execs,
  {
    /** Starts it; a command that cannot start fails here with Invalid(argv). */
    start(project: Project, spec: ExecSpec): Effect.Effect<ExecRecord, Failure>
    get(project: Project, id: ExecId): Effect.Effect<ExecRecord, Failure>
    /** The record once it has ended, or as it is after the time. */
    wait(project: Project, id: ExecId, seconds: number): Effect.Effect<ExecRecord, Failure>
    kill(project: Project, id: ExecId): Effect.Effect<ExecRecord, Failure>
    /** What it printed, byte for byte but for secrets, and whether it has ended. */
    output(
      project: Project,
      id: ExecId,
      range: OutputRange
    ): Effect.Effect<OutputPage & { readonly ended: boolean }, Failure | OutputStoreError>
  }
>()("rdev/server/Execs") {}

/** As much of a command as is kept: a request may be 1 MiB, and hundreds are remembered. */
const shown = (command: ReadonlyArray<string>): ReadonlyArray<string> =>
  command.slice(0, 10).map((part) => part.slice(0, 1000))

interface Running {
  record: ExecRecord
  readonly projectId: string
  readonly issuer: string
  readonly process: Process
  readonly ended: Deferred.Deferred<void>
}

/** Of output, in one write. */
const eventsAtOnce = 8

/** Asks the process that runs a command to end it. */
const killRequested = "exec.kill_requested"
const killSeconds = 10
/** Between two looks at a command that another process runs. */
const lookMillis = 250
const lost: ExitStatus = { code: null, signal: null, reason: "connection_lost" }
const notFound = (id: string) =>
  new StoreError({ operation: "Execs.get", reason: { _tag: "NotFound", entity: "exec", id } })

/** `network`: of the project's own workspace. */
export const layer = (
  network: "loopback" | "internet",
  limits: Admission.Limits = Admission.defaults
): Layer.Layer<
  Execs,
  never,
  CredentialStore | EnvironmentStore | EventLog | GitObjects | OutputStore | WorkspaceHost
> =>
  Layer.effect(
    Execs,
    Effect.gen(function* () {
      const log = yield* EventLog
      const host = yield* WorkspaceHost
      const stores = yield* Effect.context<Variables.Needs>()
      const outputs = yield* OutputStore
      const issuers = yield* Issuers
      const redaction = yield* Redaction
      const layerScope = yield* Effect.scope
      const admission = new Admission.Admission(limits)
      const replicas = yield* Replicas
      const running = new Map<string, Running>()
      const shared = new OutputPace.Shared()
      const prepare = yield* OwnWorkspace.make(network)

      const tell = (record: Running["record"], projectId: string, events: ReadonlyArray<Omit<NewEvent, "subject">>) =>
        log.append(
          ofProject(projectId),
          events.map((event) => ({ ...event, subject: { execId: record.id } }))
        )

      /** Secrets are looked up again with each piece: one that is replaced meanwhile is masked too. */
      const follow = (entry: Running, projectId: ProjectId, redactor: Redactor) =>
        Effect.gen(function* () {
          const text = new OutputText.OutputText(redactor)
          const exact = yield* ExactOutput.make({ projectId, execId: entry.record.id }, redactor, (error) =>
            Effect.andThen(
              Effect.logWarning(`the bytes that ${entry.record.id} prints cannot be kept`, error),
              tell(entry.record, projectId, [{ type: "output.bytes_lost", data: { reason: error.message } }])
            )
          )
          // Whatever ends this.
          yield* Effect.addFinalizer(() => Effect.ignore(exact.end(lost)))
          const pace = new OutputPace.Run(shared)
          const output = ({ events, lines }: OutputText.Told) =>
            lines.length === 0
              ? Effect.void
              : Effect.gen(function* () {
                  yield* pace.wait(yield* Clock.currentTimeMillis, lines)
                  // The embedded database works on this thread: others are answered between two writes.
                  for (let at = 0; at < events.length; at += eventsAtOnce)
                    yield* tell(entry.record, projectId, events.slice(at, at + eventsAtOnce))
                })
          /** Of one piece of output: what was masked for the store is masked for its lines. */
          const show = (parts: ReadonlyArray<ExactOutput.MaskedPart>) =>
            Effect.flatMap(
              Turns.each(parts, ({ bytes, stream }) => text.push(stream, bytes)),
              () => output(text.take())
            )
          const read = yield* Effect.exit(
            Stream.runForEach(entry.process.output, (chunk) =>
              Effect.flatMap(redaction.of(projectId), (known) => {
                text.use(known)
                exact.use(known)
                return Effect.flatMap(exact.push(chunk.stream, chunk.data), show)
              })
            )
          )
          const exit = Exit.isSuccess(read) ? yield* Effect.orElseSucceed(entry.process.exit, () => lost) : lost
          yield* Effect.flatMap(exact.rest, show)
          yield* output(text.end())
          yield* exact.end({ code: exit.code, signal: exit.signal, reason: exit.reason })
          entry.record = { ...entry.record, exit, endedAtMillis: yield* Clock.currentTimeMillis }
          yield* tell(entry.record, projectId, [
            ...(text.dropped === 0 && text.droppedLines === 0
              ? []
              : [
                  {
                    type: "output.truncated",
                    data: { dropped_bytes: text.dropped, dropped_lines: text.droppedLines }
                  }
                ]),
            {
              type: "complete",
              data: {
                exit_code: exit.code,
                signal: exit.signal,
                reason: exit.reason,
                ...(exit.detail === undefined ? {} : { detail: exit.detail })
              }
            }
          ])
        }).pipe(
          Effect.scoped,
          Effect.provideService(OutputStore, outputs),
          Effect.catch((error) => Effect.logWarning(`the output of ${entry.record.id} could not be kept`, error)),
          Effect.ensuring(Effect.andThen(Deferred.succeed(entry.ended, void 0), Effect.sync(forget)))
        )
      const forget = () => {
        const over = [...running].filter(([, entry]) => entry.record.exit !== null)
        for (const [id] of over.slice(0, Math.max(0, over.length - maxRemembered))) running.delete(id)
      }

      /** Ends it when another process of the installation was asked to. */
      const obey = (entry: Running) =>
        Stream.unwrap(log.subscribe(ofProject(entry.projectId))).pipe(
          Stream.filter((event) => event.type === killRequested && event.subject.execId === entry.record.id),
          Stream.runForEach(() => entry.process.kill),
          Effect.catch((error) =>
            Effect.logWarning(`${entry.record.id} cannot be ended by another process of this installation`, error)
          )
        )

      const begin = Effect.fnUntraced(function* (
        project: Project,
        workspace: Workspace,
        spec: ExecSpec,
        id: ExecId,
        leave: Effect.Effect<void>
      ) {
        const variables = yield* Effect.provideContext(Variables.ofWorkspaces(project.id), stores)
        yield* redaction.learn(project.id, [...Object.values(variables), ...Secrets.ofVariables(spec.env ?? {})])
        const redactor = yield* redaction.of(project.id)
        const scope = yield* Scope.fork(layerScope)
        const timeoutMillis = (spec.timeoutSeconds ?? defaultTimeoutSeconds) * 1000
        const process = yield* Scope.provide(
          host.start(workspace, {
            argv: spec.command,
            timeoutMillis,
            env: { ...variables, ...spec.env },
            ...(spec.cwd === undefined ? {} : { cwd: spec.cwd })
          }),
          scope
        ).pipe(Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))))
        const record: ExecRecord = {
          id,
          command: shown(spec.command),
          workspace: workspace.name,
          exit: null,
          startedAtMillis: yield* Clock.currentTimeMillis,
          endedAtMillis: null
        }
        const { principal } = yield* CurrentRequest
        const entry: Running = {
          record,
          projectId: project.id,
          issuer: principal.id,
          process,
          ended: yield* Deferred.make<void>()
        }
        running.set(record.id, entry)
        yield* tell(record, project.id, [
          { type: "exec.started", data: { command: record.command, workspace: workspace.name, replica: replicas.self } }
        ])
        yield* Effect.forkIn(obey(entry), scope)
        yield* Effect.forkIn(
          Effect.ensuring(follow(entry, project.id, redactor), Effect.andThen(leave, Scope.close(scope, Exit.void))),
          layerScope
        )
        return record
      }, Effect.uninterruptible)

      /** What the log says of one that this process does not run. A filtered page may be empty and still not the last. */
      const recall = Effect.fnUntraced(function* (project: Project, id: ExecId) {
        const found: Array<Event> = []
        let page = { cursor: 0, hasMore: true }
        while (page.hasMore && found.length < 2) {
          const next = yield* log.read(ofProject(project.id), page.cursor, 10, {
            subject: { execId: id },
            types: ["exec.started", "complete"]
          })
          found.push(...next.events)
          page = next
        }
        const started = found.find((event) => event.type === "exec.started")
        if (started === undefined) return yield* notFound(id)
        const ended = found.find((event) => event.type === "complete")
        const { command, replica, workspace } = started.data
        const runs =
          ended === undefined &&
          typeof replica === "string" &&
          replica !== replicas.self &&
          (yield* replicas.alive(replica))
        const code = ended?.data["exit_code"]
        const reason = ended?.data["reason"]
        const signal = ended?.data["signal"]
        const detail = ended?.data["detail"]
        return {
          id,
          command: Array.isArray(command) ? command.map(String) : [],
          workspace: String(workspace),
          startedAtMillis: started.timeMillis,
          endedAtMillis: runs ? null : (ended?.timeMillis ?? started.timeMillis),
          exit: runs
            ? null
            : ended === undefined
              ? lost
              : {
                  code: typeof code === "number" ? code : null,
                  signal: typeof signal === "string" ? signal : null,
                  reason: (typeof reason === "string" ? reason : "connection_lost") as ExitStatus["reason"],
                  ...(typeof detail === "string" ? { detail } : {})
                }
        } satisfies ExecRecord
      })
      /** One that another process runs: looked at until it has ended, or for so long. */
      const elsewhere = Effect.fn("Execs.elsewhere")(function* (project: Project, id: ExecId, seconds: number) {
        const until = (yield* Clock.currentTimeMillis) + seconds * 1000
        for (;;) {
          const record = yield* recall(project, id)
          if (record.exit !== null || (yield* Clock.currentTimeMillis) >= until) return record
          yield* Effect.sleep(lookMillis)
        }
      })
      const get = Effect.fn("Execs.get")(function* (project: Project, id: ExecId) {
        const entry = running.get(id)
        if (entry === undefined) return yield* recall(project, id)
        return entry.projectId === project.id ? entry.record : yield* notFound(id)
      })

      const output = Effect.fn("Execs.output")(function* (project: Project, id: ExecId, range: OutputRange) {
        // First: of one that has ended by now, what follows is all.
        const ended = (yield* get(project, id)).exit !== null
        const read = outputs.read({ projectId: project.id, execId: id }, range)
        // One that runs and has printed nothing yet.
        const page = yield* ended
          ? read
          : Effect.catchIf(
              read,
              (error) => error.reason._tag === "NotFound",
              () =>
                range.offset === 0
                  ? Effect.succeed<OutputPage>({
                      bytes: new Uint8Array(0),
                      offset: 0,
                      next: 0,
                      size: 0,
                      dropped: 0,
                      end: null
                    })
                  : Effect.fail(
                      new OutputStoreError({
                        operation: "Execs.output",
                        reason: {
                          _tag: "Invalid",
                          field: "offset",
                          message: `${range.offset} is beyond the 0 bytes that came so far`
                        }
                      })
                    )
            )
        return { ...page, ended }
      })

      /** A command runs in the name of the key that started it, and ends with it: revoked, expired, or no longer for this. Each replica looks after its own. */
      const endOrphans = Effect.gen(function* () {
        for (const entry of running.values()) {
          if (entry.record.exit !== null) continue
          const holder = yield* issuers.principal(entry.issuer)
          if (
            Option.isSome(holder) &&
            allows(holder.value, "sessions:execute") &&
            allowsProject(holder.value, entry.projectId)
          )
            continue
          yield* tell(entry.record, entry.projectId, [{ type: "exec.key_ended", data: { key: entry.issuer } }])
          yield* entry.process.kill
        }
      }).pipe(Effect.catch((error) => Effect.logWarning("the keys of running commands could not be looked at", error)))
      yield* Effect.forkScoped(Effect.forever(Effect.delay(endOrphans, recheckMillis)))

      return Execs.of({
        start: Effect.fn("Execs.start")(function* (project: Project, spec: ExecSpec) {
          const name = spec.workspace ?? OwnWorkspace.name
          const id = yield* NewId.make("exec")
          const { principal } = yield* CurrentRequest
          const waits = (why: string) =>
            Effect.ignore(
              log.append(ofProject(project.id), [
                {
                  type: "exec.waiting",
                  subject: { execId: id },
                  data: { command: shown(spec.command), workspace: name, waits_for: why }
                }
              ])
            )
          return yield* admission.within({ project: project.id, key: principal.id }, waits, (leave) =>
            Effect.gen(function* () {
              return yield* begin(project, yield* prepare(project, name), spec, id, leave)
            })
          )
        }),
        get,
        output,
        wait: Effect.fn("Execs.wait")(function* (project: Project, id: ExecId, seconds: number) {
          const entry = running.get(id)
          if (seconds <= 0) return yield* get(project, id)
          if (entry === undefined) return yield* elsewhere(project, id, seconds)
          if (entry.projectId === project.id && entry.record.exit === null)
            yield* Effect.timeoutOption(Deferred.await(entry.ended), seconds * 1000)
          return yield* get(project, id)
        }),
        kill: Effect.fn("Execs.kill")(function* (project: Project, id: ExecId) {
          const record = yield* get(project, id)
          const entry = running.get(id)
          if (record.exit !== null) return record
          if (entry === undefined) {
            yield* tell(record, project.id, [{ type: killRequested, data: {} }])
            return yield* elsewhere(project, id, killSeconds)
          }
          yield* entry.process.kill
          yield* Effect.timeoutOption(Deferred.await(entry.ended), killSeconds * 1000)
          return yield* get(project, id)
        })
      })
    })
  )
