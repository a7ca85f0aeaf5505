/**
 * One registration of a worker: its lease, the tasks it holds, and the pump that starts them. A session ends for good when the
 * lease is lost or the worker stops; nothing of it may be settled afterwards under a lost lease.
 */
import { type Clock, type Context, Effect, Exit, Latch, type Schema } from "effect"
import type { TaskId, WorkerId } from "../../domain/Ids.ts"
import type { Delivery } from "../../domain/WorkTask.ts"
import { type Claimed, maxClaim, type WorkerRank } from "../../ports/stores/WorkQueueStore.ts"
import type { TaskEvents } from "../TaskEvents.ts"
import { type Starter, starter, TaskFailure, type TaskHandler } from "../TaskHandlers.ts"
import type { Durations } from "./Durations.ts"
import * as Run from "./Run.ts"
import * as WakeOrder from "./WakeOrder.ts"

export interface ShiftOptions {
  readonly id: WorkerId
  readonly name: string
  readonly capacity: number
  readonly handlers: ReadonlyMap<string, TaskHandler>
  readonly events: TaskEvents["Service"]
  readonly durations: Durations
  readonly clock: Clock.Clock
  /** Services and references of the worker, for its handlers' fibers. */
  readonly context: Context.Context<never>
}

const closes = ({ decision }: Run.Ended) => decision?._tag === "Again" && decision.closes !== null
/** Milliseconds. As a number the nanoseconds are exact for a hundred days, then within 16; the division of a bigint makes garbage for each task. */
const monotonic = (clock: Clock.Clock) => Number(clock.monotonicTimeNanosUnsafe()) / 1_000_000

/** Tasks started in one turn of the event loop, about a millisecond of short ones: then answers that came meanwhile are read. */
const perTurn = 100

/** Fewer completions than this wait for others, up to so many milliseconds after the last write; one that comes alone goes at once. */
const minFlushBatch = 16
export const paceMillis = 10
/** Other ends close gates or are tried again, and where there is a concurrency key the next task waits for this one's place. */
const canWait = ({ delivery, ending }: Run.Ended) => ending === "completed" && delivery.task.concurrencyKey === null

export class WorkerSession {
  readonly options: ShiftOptions
  readonly running = new Map<TaskId, Run.Run>()
  /** Ends not written yet. */
  ended: Array<Run.Ended> = []
  /** Open when a claim may be worth it. */
  readonly claimRequested = Latch.makeUnsafe(true)
  /** Open when tasks wait to be started. */
  readonly filled = Latch.makeUnsafe(false)
  /** Open when there is something to settle now. */
  readonly unsettled = Latch.makeUnsafe(false)
  /** Open when ends wait for others. */
  readonly resting = Latch.makeUnsafe(false)
  /** Open when the first claim left nothing behind: there is time for everything else. */
  readonly leisure = Latch.makeUnsafe(false)
  /** Open when a wake-up waits for the workers before this one. */
  readonly nudged = Latch.makeUnsafe(false)
  /** Open once nothing runs or waits. */
  readonly idle = Latch.makeUnsafe(true)
  /** Open when the lease is lost. */
  readonly lost = Latch.makeUnsafe(false)
  /** The last claim left nothing behind: only a wake or the poll makes another. */
  queueEmpty = false
  #rung = false
  /** No new tasks. */
  stopping = false
  isLost = false
  /** Monotonic time until which the lease is surely ours. */
  leaseUntil = 0
  #standing: WorkerRank = { ahead: 0, workers: 1 }
  /** Tasks running when the rank was given. */
  #stoodWith = 0
  /** Milliseconds by which the next claim comes after the wake-up it follows. */
  #late = 0
  /** The workers before this one are busy: it found what they had left. */
  #eager = false
  #claimed = false
  #buffer: Array<Delivery> = []
  #head = 0
  #pumping = false
  /** The pump goes on with the same lease at its next turn: ends of one lease are cheaper to write together. */
  #midway = false
  #writtenAt = Number.NEGATIVE_INFINITY
  #writing = false
  #lastStart = 0
  /** Ends not written yet that close a gate: until they are, a claim could bring more tasks for it. */
  #closing = 0
  readonly #starters: ReadonlyMap<string, Starter>
  readonly #unknown: Starter
  /** When the task started last ended, if it did so at once: the next one starts then, and the clock is read once for both. */
  #endedAt: number | null = null

  constructor(options: ShiftOptions) {
    const prepare = (handler: TaskHandler) => starter(handler, options.context)
    this.options = options
    this.#starters = new Map([...options.handlers].map(([kind, handler]) => [kind, prepare(handler)]))
    this.#unknown = prepare(({ task }) =>
      Effect.fail(new TaskFailure({ reason: { _tag: "StaleWorker", message: `no handler for kind "${task.kind}"` } }))
    )
  }

  now(): number {
    return monotonic(this.options.clock)
  }
  get queued(): number {
    return this.#buffer.length - this.#head
  }
  get empty(): boolean {
    return this.running.size === 0 && this.queued === 0
  }

  /** How many tasks another claim should ask for; 0 = none now. */
  want(): number {
    if (this.stopping || this.isLost || this.#closing > 0) return 0
    const { capacity, durations } = this.options
    const ahead = durations.ahead(capacity)
    const free = capacity - this.running.size - this.queued
    return this.queued > ahead / 2 && free <= 0 ? 0 : Math.max(0, Math.min(maxClaim, ahead + free))
  }

  stands(standing: WorkerRank, running: number): void {
    this.#standing = standing
    this.#stoodWith = running
  }

  /** Milliseconds before a wake-up is followed. Short tasks do not count: they are over before the next one comes. */
  get patience(): number {
    const { capacity, durations } = this.options
    return this.#eager
      ? 0
      : WakeOrder.patience(this.#standing, durations.ahead(capacity) === 0 ? this.running.size - this.#stoodWith : 0)
  }

  woken(): void {
    if (this.patience === 0) this.ring()
    else this.nudged.openUnsafe()
  }

  /** Follows a wake-up by so many milliseconds later. */
  follow(late: number): void {
    this.#late = late
    this.ring()
  }

  ring(): void {
    this.#rung = true
    this.queueEmpty = false
    this.claimRequested.openUnsafe()
  }

  /** A claim is sent: what rings from now on may be news to it. */
  asks(): void {
    this.#rung = false
  }

  /** A claim left more behind, or not. Then an end that asked for another meanwhile asks no longer. */
  left(more: boolean): void {
    this.queueEmpty = !more && !this.#rung
    if (this.queueEmpty) this.claimRequested.closeUnsafe()
  }

  /**
   * Queues a claim's tasks. Of a full claim the pump starts them, once the next claim has been sent; a short one has nothing to gain
   * from that, and starts at once.
   */
  take({ deliveries, more }: Claimed, full: boolean): void {
    if (!this.#claimed && !more) this.leisure.openUnsafe()
    this.#claimed = true
    const late = this.#late
    this.#late = 0
    if (deliveries.length === 0) this.#eager = false
    else if (late > 0)
      this.#eager = deliveries.some(
        ({ task }) => this.options.clock.currentTimeMillisUnsafe() - task.createdAtMillis >= late
      )
    if (deliveries.length === 0) return
    this.#buffer = this.#head === 0 ? this.#buffer : this.#buffer.slice(this.#head)
    this.#head = 0
    for (const delivery of deliveries) this.#buffer.push(delivery)
    this.idle.closeUnsafe()
    this.#lastStart = this.now()
    if (this.stopping) this.handBackQueued()
    else if (full) this.filled.openUnsafe()
    else this.pump()
  }

  pump(): void {
    // An end during the start of another comes here again.
    if (this.#pumping) return
    this.#pumping = true
    this.#endedAt = null
    let left = perTurn
    while (!this.isLost && this.running.size < this.options.capacity && left > 0) {
      const delivery = this.#buffer[this.#head]
      if (delivery === undefined) break
      this.#head++
      left--
      this.#start(delivery)
    }
    this.#pumping = false
    const next = left === 0 ? this.#buffer[this.#head] : undefined
    this.#midway = next !== undefined && next.fence === this.#buffer[this.#head - 1]?.fence
    if (next !== undefined) this.filled.openUnsafe()
    this.tell()
    if (!this.queueEmpty && this.want() > 0) this.claimRequested.openUnsafe()
    if (this.empty) this.idle.openUnsafe()
  }

  #start(delivery: Delivery): void {
    const { events, name } = this.options
    const run: Run.Run = {
      delivery,
      startedMillis: (this.#lastStart = this.#endedAt ?? this.now()),
      fiber: null,
      stop: null,
      progress: null,
      fresh: false
    }
    this.#endedAt = null
    const start = this.#starters.get(delivery.task.kind)
    const context = new Run.RunContext(run, events)
    const begun = start === undefined ? this.#unknown(context, null) : start(context, Run.begun(run, events, name))
    // What ends at once was never among those that somebody could stop.
    if (Exit.isExit(begun)) return this.#ended(run, begun)
    const exit = begun.pollUnsafe()
    if (exit !== undefined) return this.#ended(run, exit)
    run.fiber = begun
    this.running.set(delivery.task.id, run)
    begun.addObserver((exit) => {
      this.running.delete(delivery.task.id)
      this.#ended(run, exit)
      this.pump()
    })
  }

  #ended(run: Run.Run, exit: Exit.Exit<Schema.Json, TaskFailure>): void {
    const now = (this.#endedAt = this.now())
    if (run.stop === null) this.options.durations.note(run.delivery.task.kind, now - run.startedMillis)
    const ended = Run.end(run, exit, this.options.clock)
    if (ended !== null) this.settle(ended)
  }

  settle(ended: Run.Ended): void {
    this.ended.push(ended)
    if (closes(ended)) this.#closing++
    if (!this.#pumping && !this.#midway) this.tell()
  }

  /** Ends to write now; those of a lease that the pump is in the middle of wait for its next turn. */
  get due(): ReadonlyArray<Run.Ended> {
    const fence = this.#midway ? this.#buffer[this.#head]?.fence : undefined
    const until = fence === undefined ? -1 : this.ended.findIndex((entry) => entry.fence === fence)
    return until < 0 ? this.ended : this.ended.slice(0, until)
  }

  /** Milliseconds that the ends due now wait for more: a steady stream of short tasks would keep the store busy with a write for each. */
  get rest(): number {
    const { due } = this
    return due.length < minFlushBatch && due.every(canWait) ? Math.max(0, this.#writtenAt + paceMillis - this.now()) : 0
  }

  /** Has what is due written, now or after its rest; one write at a time. */
  tell(): void {
    if (this.#writing || this.due.length === 0) return
    if (this.rest === 0) this.unsettled.openUnsafe()
    else this.resting.openUnsafe()
  }

  /** The ends to write, at most so many. */
  beginWrite(most: number): ReadonlyArray<Run.Ended> {
    const batch = this.due.slice(0, most)
    this.#writing = batch.length > 0
    return batch
  }

  /** The first `count` ends were accepted or refused by the store. */
  written(count: number): void {
    this.#writing = false
    this.#writtenAt = this.now()
    const before = this.#closing
    this.ended = this.isLost ? [] : this.ended.slice(count)
    this.#closing = before === 0 ? 0 : this.ended.filter(closes).length
    if (before > 0 && this.#closing === 0) this.pump()
    else this.tell()
  }

  stop(run: Run.Run, why: Run.Stop): void {
    if (run.stop !== null && why !== "lost") return
    run.stop = why
    run.fiber?.interruptUnsafe()
  }

  /** Interrupts what outran its limit, and gives back what waits behind tasks that take longer than expected. */
  sweep(): void {
    const now = this.now()
    for (const run of this.running.values()) {
      const took = now - run.startedMillis
      this.options.durations.atLeast(run.delivery.task.kind, took)
      if (took >= run.delivery.task.timeoutMillis) this.stop(run, "timeout")
    }
    if (this.queued > 0 && now - this.#lastStart > 1_000) this.handBackQueued()
    if (this.running.size === 0 && this.queued > 0) this.filled.openUnsafe()
  }

  handBackQueued(): void {
    for (const delivery of this.#buffer.slice(this.#head)) this.settle(Run.unstarted(delivery))
    this.#buffer = []
    this.#head = 0
    if (this.empty) this.idle.openUnsafe()
  }

  /** The lease is gone: everything stops and nothing is said. */
  abandon(): void {
    if (this.isLost) return
    this.isLost = true
    this.#buffer = []
    this.#head = 0
    this.ended = []
    for (const run of this.running.values()) this.stop(run, "lost")
    if (this.empty) this.idle.openUnsafe()
    this.lost.openUnsafe()
    this.claimRequested.openUnsafe()
    this.unsettled.openUnsafe()
  }
}
