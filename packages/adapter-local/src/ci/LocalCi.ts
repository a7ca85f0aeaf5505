/**
 * The Ci port on one machine: runs the steps of the commit's `.woodpecker.yml`, one after the other, in the machine's sandbox on a
 * fresh checkout. Runs and their logs are records on disk, which every process of an installation reads; one whose process ended under it
 * is `infra` (lost).
 */
import * as NewId from "@rdev/core/ids/NewId"
import { Ci, CiError, type CiEvent, type CiStep } from "@rdev/core/ports/infra/Ci"
import { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { ExitStatus, OutputChunk } from "@rdev/core/ports/infra/WorkspaceHost"
import * as Turns from "@rdev/core/services/redaction/Turns"
import { Clock, Deferred, Effect, Fiber, Layer, Schedule, Semaphore, Stream, Option } from "effect"
import { join } from "node:path"
import * as Checkout from "../workspaces/Checkout.ts"
import * as CiRecords from "./CiRecords.ts"
import * as ConfinedTree from "../confined/ConfinedTree.ts"
import * as FileLock from "../records/FileLock.ts"
import * as Damaged from "../records/Damaged.ts"
import * as Lines from "@rdev/runtime-node/Lines"
import { attempt, fail, LocalFailure, notFound } from "../LocalFailure.ts"
import * as Pipeline from "@rdev/runtime-node/pipeline/Pipeline"
import * as ProjectRedactor from "../output/ProjectRedactor.ts"
import * as Sandbox from "../sandbox/Sandbox.ts"
import type { Folders } from "../sandbox/SandboxTypes.ts"

export interface RunOptions {
  readonly dataDir: string
  /** Runs at once; more wait their turn, of one project all but one. Default 3. */
  readonly concurrency?: number
  /** Network of the steps; default `loopback` where there is one, else `none`. */
  readonly network?: "none" | "loopback" | "internet"
  /** Limit of one step; default 30 minutes. */
  readonly stepTimeoutMillis?: number
}
export type Options = RunOptions & Sandbox.Options

/** Between two looks at a run that another process executes, and at whether another process asks for a run's end. */
const elsewhereMillis = 250
const lost = "lost: the server stopped while the run was in flight; start it again"
const pipelineFiles = [".woodpecker.yml", ".woodpecker.yaml"]
const maxPipelineBytes = 256 * 1024

interface Active {
  readonly fiber: Deferred.Deferred<Fiber.Fiber<void>>
  readonly waiting: Set<() => void>
}
type Request = { readonly key: string; readonly sha: Sha; readonly branch: string; readonly event: string }

const fromPort = <A, E extends { readonly reason: LocalFailure["reason"] }>(
  effect: Effect.Effect<A, E>
): Effect.Effect<A, LocalFailure> =>
  Effect.mapError(effect, (error) => new LocalFailure({ reason: error.reason, cause: error }))

const parsed = (text: string, file: string): Pipeline.Pipeline | string => {
  try {
    return Pipeline.parse(text, file)
  } catch (cause) {
    if (cause instanceof Pipeline.PipelineError) return cause.message
    throw cause
  }
}

/** Either the pipeline, or the sentence that says why there is none to run. */
const readPipeline = Effect.fnUntraced(function* (git: GitObjects["Service"], target: RepositoryTarget, sha: Sha) {
  const tree = yield* fromPort(git.listTree(target, sha))
  const file = pipelineFiles.find((name) => tree.some((entry) => entry.path === name))
  if (file === undefined)
    return `the repository has no .woodpecker.yml at ${sha.slice(0, 12)}; add one with at least one step`
  const content = (yield* fromPort(git.readFiles(target, sha, ""))).get(file) ?? new Uint8Array(0)
  if (content.byteLength > maxPipelineBytes)
    return `${file} has ${content.byteLength} bytes, more than ${maxPipelineBytes}`
  return yield* attempt(async () => parsed(Buffer.from(content).toString("utf8"), file))
})

export const make = Effect.fn("LocalCi.make")(function* (options: RunOptions) {
  const { dataDir } = options
  const git = yield* GitObjects
  const sandbox = yield* Sandbox.Sandbox
  const scope = yield* Effect.scope
  const redactorOf = yield* ProjectRedactor.make
  const network = options.network ?? (sandbox.networks.includes("loopback") ? "loopback" : "none")
  const concurrency = options.concurrency ?? 3
  const slots = yield* Semaphore.make(concurrency)
  const slotsOfProjects = new Map<string, Semaphore.Semaphore>()
  /** Its project's own slot first: who waits for that holds none of the others'. */
  const withSlot = <A, E, R>(projectId: string, effect: Effect.Effect<A, E, R>) => {
    const own = slotsOfProjects.get(projectId) ?? Semaphore.makeUnsafe(Math.max(1, concurrency - 1))
    slotsOfProjects.set(projectId, own)
    return own.withPermit(slots.withPermit(effect))
  }
  const starting = yield* Semaphore.make(1)
  const active = new Map<string, Active>()
  const workRoot = join(dataDir, "ci-work")

  const notify = (id: string) => {
    for (const wake of active.get(id)?.waiting ?? []) wake()
  }

  /** One run's record and log; every change is on disk before followers hear of it. */
  const journal = (projectId: string, initial: CiRecords.RunRecord) => {
    let [record, logged, truncated] = [initial, 0, false]
    const save = (change: Partial<CiRecords.RunRecord>) =>
      attempt(async () => {
        record = { ...record, ...change }
        await CiRecords.write(dataDir, projectId, record)
      })
    const log = (events: ReadonlyArray<CiRecords.LogEvent>) =>
      attempt(async () => {
        const kept = events.filter((event) => {
          if (event._tag !== "Output") return true
          logged += event.line.length + 60
          return logged <= CiRecords.maxLogBytes
        })
        if (kept.length < events.length && !truncated) {
          truncated = true
          const step = events[0]?.step ?? ""
          kept.push({
            _tag: "Output",
            step,
            stream: "stderr",
            line: `[the log is longer than ${CiRecords.maxLogBytes} bytes; the rest is not kept]`
          })
        }
        if (kept.length > 0) await CiRecords.append(dataDir, projectId, record.id, kept)
        notify(record.id)
      })
    const step = (name: string, change: Partial<CiStep>) =>
      save({ steps: record.steps.map((one) => (one.name === name ? { ...one, ...change } : one)) })
    return { save, log, step, current: () => record }
  }
  type Journal = ReturnType<typeof journal>

  const runStep = Effect.fnUntraced(function* (
    book: Journal,
    step: Pipeline.Step,
    target: RepositoryTarget,
    request: Request,
    folders: Folders
  ) {
    const startedAt = yield* Clock.currentTimeMillis
    yield* book.step(step.name, { status: "running" })
    yield* book.log([{ _tag: "StepStarted", step: step.name }])
    const { workDir } = sandbox.inside(folders)
    const process = yield* sandbox.start({
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
      timeoutMillis: options.stepTimeoutMillis ?? 30 * 60_000,
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
    const redactor = yield* redactorOf(target.projectId)
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

  const how = (exit: ExitStatus) =>
    exit.code !== null
      ? `exited ${exit.code}`
      : exit.reason === "timeout"
        ? "ran longer than its time limit"
        : exit.reason === "oom" || exit.reason === "disk"
          ? `was ended: ${exit.detail ?? "memory ran out"}`
          : `was ended by ${exit.signal ?? exit.reason}`

  const runPipeline = Effect.fnUntraced(function* (
    book: Journal,
    target: RepositoryTarget,
    request: Request,
    pipeline: Pipeline.Pipeline,
    folders: Folders
  ) {
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
      const exit = yield* runStep(book, step, target, request, folders)
      if (exit.reason === "connection_lost")
        return yield* fail({ _tag: "Unavailable", message: `the sandbox of step "${step.name}" was lost` })
      if (exit.code !== 0 && !step.ignoreFailure) reason ??= `step "${step.name}" ${how(exit)}`
    }
    return reason
  })

  const execute = Effect.fnUntraced(function* (
    target: RepositoryTarget,
    request: Request,
    book: Journal,
    pipeline: Pipeline.Pipeline | string
  ) {
    const { id, startedAtMillis } = book.current()
    const finish = (status: CiRecords.RunRecord["status"], reason: string | null) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        book.save({ status, reason, durationMillis: now - startedAtMillis })
      )
    const base = join(workRoot, id)
    const work =
      typeof pipeline === "string"
        ? finish("infra", pipeline)
        : withSlot(
            target.projectId,
            runPipeline(book, target, request, pipeline, {
              files: join(base, "files"),
              home: join(base, "home"),
              filesReadOnly: false
            })
          ).pipe(
            Effect.flatMap((reason) => finish(reason === null ? "green" : "red", reason)),
            Effect.catch((failure) => finish("infra", failure.reason.message))
          )
    yield* work.pipe(
      Effect.onInterrupt(() => Effect.ignore(finish("cancelled", "it was cancelled"))),
      Effect.ensuring(Effect.ignore(attempt(() => ConfinedTree.remove(base)))),
      Effect.catch((failure) => Effect.logError(`the record of run ${id} cannot be written`, failure.reason)),
      Effect.ensuring(
        Effect.sync(() => {
          notify(id)
          active.delete(id)
        })
      )
    )
  })

  /** Ends a run of this process when another process says so. */
  const obey = Effect.fnUntraced(function* (projectId: string, id: string) {
    while (active.has(id)) {
      yield* Effect.sleep(elsewhereMillis)
      const asked = yield* Effect.orElseSucceed(
        attempt(() => CiRecords.isToBeCancelled(dataDir, projectId, id)),
        () => false
      )
      if (asked) yield* stop(projectId, id)
    }
  })

  const start = Effect.fnUntraced(function* (target: RepositoryTarget, request: Request) {
    if ((yield* attempt(() => CiRecords.readMark(dataDir, target.projectId))) === null)
      return yield* notFound(`the pipeline of ${target.name} is not activated`)
    const there = yield* attempt(() => CiRecords.runOfKey(dataDir, target.projectId, request.key))
    if (there !== null) return CiRecords.view((yield* attempt(() => settled(target.projectId, there.id))) ?? there)
    const pipeline = yield* readPipeline(git, target, request.sha)
    const record: CiRecords.RunRecord = {
      id: yield* NewId.make("run"),
      sha: request.sha,
      status: "running",
      steps:
        typeof pipeline === "string"
          ? []
          : pipeline.steps.map(({ name }) => ({ name, status: "pending", exitCode: null, durationMillis: null })),
      reason: null,
      durationMillis: null,
      branch: request.branch,
      event: request.event,
      startedAtMillis: yield* Clock.currentTimeMillis
    }
    // The run before its key: a crash between the two leaves a run that nobody asked for, never a key to nothing.
    const unlock = yield* attempt(async () => FileLock.tryTake(CiRecords.lockOf(dataDir, target.projectId, record.id)))
    yield* attempt(() => CiRecords.write(dataDir, target.projectId, record))
    yield* attempt(() => CiRecords.writeKey(dataDir, target.projectId, request.key, record.id))
    yield* attempt(() => CiRecords.prune(dataDir, target.projectId))
    const entry: Active = { fiber: yield* Deferred.make<Fiber.Fiber<void>>(), waiting: new Set() }
    active.set(record.id, entry)
    yield* Deferred.succeed(
      entry.fiber,
      yield* Effect.forkIn(
        Effect.ensuring(
          execute(target, request, journal(target.projectId, record), pipeline),
          Effect.sync(() => unlock?.())
        ),
        scope,
        { startImmediately: true }
      )
    )
    yield* Effect.forkIn(obey(target.projectId, record.id), scope)
    return CiRecords.view(record)
  })

  const isElsewhere = (projectId: string, id: string) =>
    !active.has(id) && FileLock.isHeld(CiRecords.lockOf(dataDir, projectId, id))
  /** The record; of a run whose process has ended, as lost. */
  const settled = async (projectId: string, id: string): Promise<CiRecords.RunRecord | null> => {
    const record = await CiRecords.read(dataDir, projectId, id)
    if (record?.status !== "running" || active.has(id) || isElsewhere(projectId, id)) return record
    // It may have ended between the two looks.
    const again = await CiRecords.read(dataDir, projectId, id)
    if (again?.status !== "running") return again
    const ended: CiRecords.RunRecord = { ...again, status: "infra", reason: lost }
    await CiRecords.write(dataDir, projectId, ended)
    return ended
  }
  const find = Effect.fnUntraced(function* (target: RepositoryTarget, id: string) {
    return (
      (yield* attempt(() => settled(target.projectId, id))) ??
      (yield* notFound(`run ${id} does not exist in ${target.name}`))
    )
  })
  const stop = (projectId: string, id: string) =>
    Effect.suspend(() => {
      const entry = active.get(id)
      if (entry !== undefined) return Effect.asVoid(Effect.flatMap(Deferred.await(entry.fiber), Fiber.interrupt))
      if (!isElsewhere(projectId, id)) return Effect.void
      const gone = Effect.suspend(() => (isElsewhere(projectId, id) ? Effect.fail("runs") : Effect.void))
      return Effect.andThen(
        attempt(() => CiRecords.askToCancel(dataDir, projectId, id)),
        Effect.ignore(
          Effect.retry(gone, Schedule.spaced(elsewhereMillis).pipe(Schedule.upTo({ duration: "10 seconds" })))
        )
      )
    })

  async function* follow(projectId: string, id: string): AsyncGenerator<CiEvent> {
    let offset = 0
    while (true) {
      // The record is read before the log: when it says the run has ended, the log is complete.
      const record = await CiRecords.read(dataDir, projectId, id)
      let changed = false
      let wake = () => {
        changed = true
      }
      const entry = active.get(id)
      const listener = () => wake()
      entry?.waiting.add(listener)
      try {
        const next = await CiRecords.readEvents(dataDir, projectId, id, offset)
        offset = next.offset
        yield* next.events
        if (next.events.length > 0) continue
        if (record === null) throw notFound(`run ${id} was removed`)
        if (record.status !== "running") return void (yield { _tag: "Ended", run: CiRecords.view(record) })
        if (entry === undefined && isElsewhere(projectId, id)) {
          await new Promise<void>((resolve) => setTimeout(resolve, elsewhereMillis))
          continue
        }
        if (entry === undefined) {
          // Ended between the two looks, or lost.
          const again = await settled(projectId, id)
          if (again?.status !== "running") continue
          return void (yield {
            _tag: "Ended",
            run: { ...CiRecords.view(again), status: "infra", reason: "lost: the run's end was not recorded" }
          })
        }
        if (!changed && active.has(id))
          await new Promise<void>((resolve) => {
            wake = resolve
          })
      } finally {
        entry?.waiting.delete(listener)
      }
    }
  }

  /** Runs that were still going when the process before this one ended; one whose record cannot be read is reported. */
  const unfinished = Effect.fnUntraced(function* (of: (run: CiRecords.RunRef) => boolean) {
    const found = yield* Damaged.each(
      (yield* attempt(() => CiRecords.runs(dataDir))).filter(of),
      ({ id, projectId }) => ({
        projectId,
        part: `the record of run ${id}`,
        repair: "Run the pipeline again, and remove the run's folder or restore its run.json from a backup"
      }),
      async ({ id, projectId }) => ({ projectId, run: await CiRecords.read(dataDir, projectId, id) })
    )
    return found.flatMap(({ projectId, run }) => (run?.status === "running" ? [{ projectId, run }] : []))
  })
  // What ended processes left; another one may be at work.
  const left = yield* unfinished(() => true)
  yield* attempt(async () => {
    const elsewhere = new Set(
      left.filter(({ projectId, run }) => isElsewhere(projectId, run.id)).map(({ run }) => run.id as string)
    )
    for (const name of await CiRecords.workFolders(workRoot))
      if (!elsewhere.has(name)) await ConfinedTree.remove(join(workRoot, name))
    for (const { projectId, run } of left) await settled(projectId, run.id)
  })

  const error = (operation: string) => (failure: LocalFailure) =>
    new CiError({ operation: `Ci.${operation}`, reason: failure.reason, cause: failure.cause })
  const verb = <A>(operation: string, effect: Effect.Effect<A, LocalFailure>): Effect.Effect<A, CiError> =>
    effect.pipe(Effect.mapError(error(operation)), Effect.withSpan(`Ci.${operation}`))
  return Ci.of({
    ensure: (target) =>
      verb(
        "ensure",
        starting.withPermit(
          Effect.gen(function* () {
            const there = yield* attempt(() => CiRecords.readMark(dataDir, target.projectId))
            if (there === null) yield* attempt(() => CiRecords.writeMark(dataDir, target.projectId, target.name))
            return { externalId: target.name, created: there === null }
          })
        )
      ),
    observe: (target) =>
      verb(
        "observe",
        Effect.map(
          attempt(() => CiRecords.readMark(dataDir, target.projectId)),
          (mark) => (mark === null ? Option.none() : Option.some({ externalId: target.name }))
        )
      ),
    remove: (target) =>
      verb(
        "remove",
        starting.withPermit(
          Effect.gen(function* () {
            for (const { projectId, run } of yield* unfinished(({ projectId }) => projectId === target.projectId))
              yield* stop(projectId, run.id)
            yield* attempt(() => ConfinedTree.remove(CiRecords.projectFolder(dataDir, target.projectId)))
          })
        )
      ),
    start: (target, request) =>
      verb(
        "start",
        starting.withPermit(FileLock.exclusively(dataDir, `ci-${target.projectId}`)(start(target, request)))
      ),
    get: (target, id) => verb("get", Effect.map(find(target, id), CiRecords.view)),
    follow: (target, id) =>
      Stream.unwrap(
        verb(
          "follow",
          Effect.as(
            find(target, id),
            Stream.fromAsyncIterable({ [Symbol.asyncIterator]: () => follow(target.projectId, id) }, (cause) =>
              error("follow")(cause instanceof LocalFailure ? cause : fail({ _tag: "Unknown", message: String(cause) }))
            )
          )
        )
      ),
    cancel: (target, id) => verb("cancel", Effect.andThen(find(target, id), stop(target.projectId, id)))
  })
})

const asError = (failure: LocalFailure) =>
  new CiError({ operation: "LocalCi.layer", reason: failure.reason, cause: failure.cause })

export const layerNoDeps = (options: RunOptions): Layer.Layer<Ci, CiError, GitObjects | Sandbox.Sandbox> =>
  Layer.effect(Ci, Effect.mapError(make(options), asError))

/** With a sandbox of its own. The forge can be any. */
export const layer = (options: Options): Layer.Layer<Ci, CiError, GitObjects> =>
  Layer.provide(layerNoDeps(options), Layer.effect(Sandbox.Sandbox, Effect.mapError(Sandbox.make(options), asError)))
