/** Finds runs of ours at the server and says how each is. What it remembers saves questions and decides nothing. */
import type { RunId } from "@rdev/core/domain/Ids"
import type { CiRun } from "@rdev/core/ports/infra/Ci"
import type { RepositoryTarget, Sha } from "@rdev/core/ports/infra/Forge"
import type { GitObjects } from "@rdev/core/ports/infra/GitObjects"
import type { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import type { Shape as RedactionShape } from "@rdev/core/services/redaction/Redaction"
import { Clock, Effect, Option } from "effect"
import type { Pipeline } from "../pipeline/Model.ts"
import * as PipelineAt from "../pipeline/PipelineAt.ts"
import type { ActionsServer, Failure, ServerRun, Waits } from "./ActionsServer.ts"
import * as RunName from "./RunName.ts"
import * as Verdict from "./Verdict.ts"
import * as Workflow from "./Workflow.ts"
import { WorkflowLog } from "./WorkflowLog.ts"

export interface Settings {
  readonly server: ActionsServer<Failure>
  readonly git: GitObjects["Service"]
  readonly repositories: RepositoryHost["Service"]
  readonly redaction: RedactionShape
  readonly runsOn: string
  readonly stepMillis: number
  readonly queueMillis: number
  readonly waits: Waits
}
export interface Over<F extends Failure> extends Settings {
  readonly server: ActionsServer<F>
  readonly runs: Runs
}
export interface Found {
  readonly run: RunName.Named
  readonly found: ServerRun | null
}
export interface Ended {
  readonly run: CiRun
  readonly url: string | null
}

const activeMillis = 30_000
/** How much later than the end of a run the end of its log may come. */
const settleMillis = 10_000
/** Of each kind of thing that is remembered; the oldest goes first. */
const maxKept = 200
/** A log is read to its end in parts; what a run wrote beyond this is not looked at. */
const maxLogBytes = 256 * 1024 * 1024

class Kept<A> {
  readonly #found = new Map<string, { readonly value: A; readonly until: number }>()
  get(key: string): A | undefined {
    const one = this.#found.get(key)
    return one !== undefined && performance.now() < one.until ? one.value : undefined
  }
  set(key: string, value: A, millis = Number.POSITIVE_INFINITY): void {
    this.#found.delete(key)
    this.#found.set(key, { value, until: performance.now() + millis })
    const [oldest] = this.#found.keys()
    if (this.#found.size > maxKept && oldest !== undefined) this.#found.delete(oldest)
  }
  drop(key: string): void {
    for (const one of this.#found.keys()) if (one.startsWith(key)) this.#found.delete(one)
  }
}

export class Runs {
  readonly #over: Settings
  readonly #active = new Kept<string>()
  readonly #pipelines = new Kept<Pipeline | string>()
  readonly #ended = new Kept<CiRun>()
  constructor(over: Settings) {
    this.#over = over
  }

  /** The mark of an activated repository; believed for half a minute. */
  active(target: RepositoryTarget): Effect.Effect<string | null, Failure> {
    const known = this.#active.get(target.projectId)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(this.#over.server.active(target), (found) =>
      Effect.sync(() => {
        if (found !== null) this.#active.set(target.projectId, found, activeMillis)
      })
    )
  }
  forget(target: RepositoryTarget): void {
    this.#active.drop(target.projectId)
    this.#ended.drop(target.projectId)
  }

  pipeline(target: RepositoryTarget, sha: Sha): Effect.Effect<Pipeline | string, Failure> {
    const key = `${target.projectId} ${sha}`
    const known = this.#pipelines.get(key)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.tap(PipelineAt.read(this.#over.git, target, sha), (read) =>
      Effect.sync(() => this.#pipelines.set(key, read))
    )
  }

  /**
   * By the server's listing, or, where it has not made a run of it yet, by the branch. `same`: the very id; `any`: whatever id the run of
   * this key has. Of several runs of one branch (somebody ran it again by hand) the first counts.
   */
  named(target: RepositoryTarget, id: RunId, which: "any" | "same"): Effect.Effect<Found | null, Failure> {
    const { git, server } = this.#over
    const branch = RunName.branchOf(id)
    const fits = (run: RunName.Named | null): run is RunName.Named =>
      run !== null && RunName.branchOf(run.id) === branch && (which === "any" || run.id === id)
    return Effect.gen(function* () {
      const listed = [...(yield* server.runs(target, branch))].sort((a, b) => a.number - b.number)
      for (const found of listed) {
        const run = RunName.parse(found.title)
        if (fits(run)) return { run, found }
      }
      const head = Option.getOrNull(yield* git.head(target, branch))
      if (head === null) return null
      const [commit] = yield* git.line(target, head, { since: null, limit: 1 })
      const run = RunName.parse(commit?.message ?? "")
      return fits(run) ? { run, found: null } : null
    })
  }

  /** What its pipeline says it consists of. */
  steps(target: RepositoryTarget, run: RunName.Named) {
    return Effect.map(this.pipeline(target, run.sha), (pipeline) =>
      typeof pipeline === "string"
        ? []
        : pipeline.steps.map((step) => ({
            name: step.name,
            ignoreFailure: step.ignoreFailure,
            runs: Workflow.conditionOf(pipeline, step, run).afterSuccess
          }))
    )
  }
  reader(target: RepositoryTarget, run: RunName.Named, names: ReadonlyArray<string>) {
    return this.#over.redaction.of(target.projectId).pipe(
      Effect.mapError(({ message }): Failure => ({
        reason: {
          _tag: "Unavailable",
          message: `the project's secrets, which its output is masked by, cannot be read: ${message}`
        }
      })),
      Effect.map((redactor) => new WorkflowLog(names, RunName.nonceOf(run.id), (text) => redactor.text(text)))
    )
  }

  verdict(
    target: RepositoryTarget,
    { found, run }: Found,
    seen: Pick<Verdict.Known, "job" | "log" | "steps">
  ): Effect.Effect<CiRun> {
    const { queueMillis, runsOn, server, stepMillis } = this.#over
    const minutes = Workflow.minutesOf(seen.steps.length, {
      runsOn,
      stepSeconds: stepMillis / 1000,
      lastStart: 0,
      project: target.name
    })
    return Effect.map(Clock.currentTimeMillis, (nowMillis) => {
      const view = Verdict.of({
        ...seen,
        server: server.name,
        run,
        found,
        runsOn,
        queueMillis,
        runMillis: minutes * 60_000,
        nowMillis
      })
      const settled = found?.status === "completed" && nowMillis - (found.completedAtMillis ?? nowMillis) > settleMillis
      if (settled) this.#ended.set(`${target.projectId} ${run.id}`, view)
      return view
    })
  }

  /** How it is now. */
  look(target: RepositoryTarget, there: Found): Effect.Effect<CiRun, Failure> {
    const known = this.#ended.get(`${target.projectId} ${there.run.id}`)
    if (known !== undefined) return Effect.succeed(known)
    const { server } = this.#over
    return Effect.gen({ self: this }, function* () {
      const steps = yield* this.steps(target, there.run)
      if (there.found === null || there.found.status === "queued" || there.found.status === "waiting")
        return yield* this.verdict(target, there, { steps, job: null, log: null })
      const job = yield* server.job(target, there.found.number)
      const reader = yield* this.reader(
        target,
        there.run,
        steps.map(({ name }) => name)
      )
      const read = job === null ? 0 : yield* this.more(target, job.number, 0, (bytes) => void reader.push(bytes))
      reader.end()
      return yield* this.verdict(target, there, { steps, job, log: read === 0 ? null : reader.summary })
    })
  }

  /** Reads a log on from a byte; answers with where it ended. */
  more(target: RepositoryTarget, job: number, from: number, take: (bytes: Uint8Array) => void) {
    const { server } = this.#over
    return Effect.gen(function* () {
      let at = from
      while (at < maxLogBytes) {
        const part = yield* server.log(target, job, at)
        if (part === null || part.byteLength === 0) return at
        at += part.byteLength
        take(part)
      }
      return at
    })
  }

  /** Waits at most half a minute for what the server does in its own time. */
  until(
    target: RepositoryTarget,
    id: RunId,
    done: (there: Found) => boolean,
    what: string
  ): Effect.Effect<Found, Failure> {
    return Effect.gen({ self: this }, function* () {
      for (let tries = 0; tries < 60; tries++) {
        const there = yield* this.named(target, id, "same")
        if (there !== null && done(there)) return there
        yield* this.#over.waits(target, id, 500)
      }
      return yield* Effect.fail<Failure>({
        reason: { _tag: "Unavailable", message: `run ${id} has not ${what} within 30 s; ask again` }
      })
    })
  }
}
