/**
 * The work queue in memory: the reference the other stores are compared with. Written for clearness, not for large queues:
 * a claim looks at every pending task. Everything is lost with the process.
 */
import { Clock, Effect, Layer, Option } from "effect"
import * as NewId from "../../ids/NewId.ts"
import type { TaskId, WorkerId } from "../../domain/Ids.ts"
import type { OwnerId } from "../../domain/Owner.ts"
import type { WorkTask } from "../../domain/WorkTask.ts"
import * as Fairness from "../../queue/Fairness.ts"
import * as Transition from "../../queue/Transition.ts"
import { StoreError } from "../../ports/stores/StoreError.ts"
import type { StoreReason } from "../../ports/stores/StoreError.ts"
import type {
  Claimed,
  ClaimRequest,
  Lost,
  ListQuery,
  NewTask,
  OwnerQueue,
  QueueCounts,
  Settlement,
  WorkerRank,
  Wake,
  WorkerRow
} from "../../ports/stores/WorkQueueStore.ts"
import { quarantinedTogether, WorkQueueStore } from "../../ports/stores/WorkQueueStore.ts"

interface Entry {
  task: WorkTask
  fence: bigint
  /** When it may run; Infinity while parked. */ readyAt: number
  open: Set<TaskId>
}
interface Worker {
  row: WorkerRow
  expiresAt: number
}

const done = (task: WorkTask) => task.status === "completed" || task.status === "failed" || task.status === "cancelled"
const refuse = (operation: string, reason: StoreReason) =>
  new StoreError({ operation: `WorkQueueStore.${operation}`, reason })
const compare = (a: WorkTask, b: WorkTask) => b.priority - a.priority || (a.id < b.id ? -1 : 1)

class State {
  readonly entries = new Map<string, Entry>()
  readonly dedupe = new Map<string, TaskId>()
  readonly workers = new Map<string, Worker>()
  readonly lost = new Set<string>()
  readonly owners = new Map<string, OwnerQueue>()
  readonly gates = new Map<string, number>()
  fairness = Fairness.start

  find(operation: string, id: TaskId): Entry {
    const entry = this.entries.get(id)
    if (entry === undefined) throw refuse(operation, { _tag: "NotFound", entity: "task", id })
    return entry
  }
  owner(id: OwnerId): OwnerQueue {
    return this.owners.get(id) ?? { owner: id, paused: false, weight: 1, maxRunning: null }
  }
  /** Ends a task and follows those that wait for it. */
  end(entry: Entry, task: WorkTask, now: number) {
    entry.task = task
    const key = dedupeName(task)
    if (key !== null && this.dedupe.get(key) === task.id) this.dedupe.delete(key)
    for (const other of this.entries.values()) {
      if (other.task.status !== "pending" || !other.open.delete(task.id)) continue
      if (task.status !== "completed") this.end(other, Transition.dependencyFailed(other.task, task.id, now), now)
    }
  }
}
const dedupeName = (task: NewTask | WorkTask): string | null =>
  task.dedupeKey === null ? null : `${task.owner} ${task.dedupeKey}`

const insert = (state: State, tasks: ReadonlyArray<NewTask>, now: number) => {
  for (const task of tasks) {
    for (const id of task.dependsOn) {
      if (!state.entries.has(id))
        throw refuse("insert", { _tag: "Invalid", field: "dependsOn", message: `task ${id} does not exist` })
    }
  }
  return tasks.map((spec) => {
    const key = dedupeName(spec)
    const holder = key === null ? undefined : state.dedupe.get(key)
    if (holder !== undefined) return { id: holder, created: false }
    const task = Transition.pending(spec, NewId.timeMillis(spec.id))
    const entry: Entry = { task, fence: 0n, readyAt: spec.runAtMillis ?? 0, open: new Set() }
    state.entries.set(spec.id, entry)
    if (key !== null) state.dedupe.set(key, spec.id)
    for (const id of spec.dependsOn) {
      const on = state.find("insert", id).task
      if (!done(on)) entry.open.add(id)
      else if (on.status !== "completed" && !done(entry.task))
        state.end(entry, Transition.dependencyFailed(entry.task, id, now), now)
    }
    return { id: spec.id, created: true }
  })
}

/** What each owner could start now under its limits, in its own order. */
const offers = (state: State, request: ClaimRequest, now: number) => {
  const shut = (name: string | null) => name !== null && (state.gates.get(name) ?? 0) > now
  const running = [...state.entries.values()].filter((entry) => entry.task.status === "running")
  const keyed = new Map<string, number>()
  const keyName = (task: WorkTask) => `${task.owner} ${task.concurrencyKey}`
  for (const { task } of running) keyed.set(keyName(task), (keyed.get(keyName(task)) ?? 0) + 1)
  const runnable = [...state.entries.values()].filter(
    ({ task, readyAt, open }) =>
      task.status === "pending" &&
      readyAt <= now &&
      open.size === 0 &&
      request.kinds.includes(task.kind) &&
      task.requires.every((label) => request.labels.includes(label)) &&
      task.crashes > 0 === request.quarantined &&
      !state.owner(task.owner).paused &&
      !shut(task.gate) &&
      !shut(`project:${task.owner}`)
  )
  const once = runnable.filter(({ task }) => task.crashes === 1)
  const group = request.quarantined && once.length > 0 ? once : runnable
  const byOwner = new Map<OwnerId, Array<Entry>>()
  for (const entry of group.sort((a, b) => compare(a.task, b.task))) {
    const { task } = entry
    const list = byOwner.get(task.owner) ?? []
    const max = state.owner(task.owner).maxRunning
    const room = max === null ? Infinity : max - running.filter((other) => other.task.owner === task.owner).length
    if (list.length >= room) continue
    if (task.concurrencyKey !== null) {
      const held = keyed.get(keyName(task)) ?? 0
      if (held >= task.concurrencyLimit) continue
      keyed.set(keyName(task), held + 1)
    }
    byOwner.set(task.owner, [...list, entry])
  }
  const limit = !request.quarantined
    ? request.limit
    : once.length > 0
      ? Math.min(request.limit, quarantinedTogether)
      : 1
  return {
    limit,
    lanes: [...byOwner].map(([owner, tasks]) => ({ owner, tasks, weight: state.owner(owner).weight }))
  }
}

const claim = (state: State, request: ClaimRequest, now: number): Claimed => {
  const worker = state.workers.get(request.workerId)
  if (worker === undefined || worker.expiresAt <= now)
    throw refuse("claim", { _tag: "Conflict", message: `the lease of worker ${request.workerId} has ended` })
  const { lanes, limit } = offers(state, request, now)
  const { chosen, clock } = Fairness.select(lanes, limit, state.fairness)
  state.fairness = clock
  const token = chosen.reduce((max, entry) => (entry.fence >= max ? entry.fence + 1n : max), BigInt(now) * 1000n)
  const deliveries = chosen.map((entry) => {
    entry.fence = token
    entry.task = Transition.started(entry.task, request.workerId, now)
    return { task: entry.task, fence: token }
  })
  return { deliveries, more: lanes.some(({ tasks }) => tasks.some((entry) => entry.task.status === "pending")) }
}

const settle = (state: State, settlements: ReadonlyArray<Settlement>, now: number): ReadonlyArray<TaskId> => {
  const refused: Array<TaskId> = []
  for (const { id, fence, outcome } of settlements) {
    const entry = state.entries.get(id)
    if (entry === undefined || entry.task.status !== "running" || entry.fence !== fence) {
      refused.push(id)
      continue
    }
    state.lost.delete(id)
    const task = Transition.settled(entry.task, fence, outcome, now)
    if (done(task)) state.end(entry, task, now)
    else {
      entry.task = task
      entry.readyAt = task.parked !== null ? Infinity : (task.runAtMillis ?? 0)
    }
  }
  return refused
}

const strike = (state: State, id: WorkerId) => {
  state.workers.delete(id)
  for (const { task } of state.entries.values())
    if (task.status === "running" && task.workerId === id) state.lost.add(task.id)
}

const standing = (state: State, me: WorkerRow, now: number): WorkerRank => {
  const peers = [...state.workers.values()].filter(
    ({ expiresAt, row }) => expiresAt > now && row.id !== me.id && row.kinds.some((kind) => me.kinds.includes(kind))
  )
  return {
    ahead: peers.filter(({ row }) => row.running < me.running || (row.running === me.running && row.id < me.id)).length,
    workers: peers.length + 1
  }
}

const takeLost = (state: State, limit: number, now: number): ReadonlyArray<Lost> => {
  for (const [id, worker] of state.workers) if (worker.expiresAt <= now) strike(state, id as WorkerId)
  return [...state.lost].slice(0, limit).map((id) => {
    const entry = state.find("takeLost", id as TaskId)
    return { task: entry.task, fence: entry.fence, workerId: entry.task.workerId as WorkerId }
  })
}

const maintain = (state: State, now: number) => {
  const pending = [...state.entries.values()].filter(({ task }) => task.status === "pending")
  for (const entry of pending) {
    if (
      entry.readyAt <= now &&
      entry.open.size === 0 &&
      (entry.task.runAtMillis !== null || entry.task.awaits !== null)
    )
      entry.task = Transition.withFields(entry.task, { runAtMillis: null, awaits: null })
  }
  const due = pending.map((entry) => entry.readyAt).filter((at) => at > now && at !== Infinity)
  return {
    nextDueMillis: due.length === 0 ? null : Math.min(...due) - now,
    quarantined: pending.some((entry) => entry.task.crashes > 0 && entry.readyAt <= now)
  }
}

const list = (state: State, query: ListQuery): ReadonlyArray<WorkTask> =>
  [...state.entries.values()]
    .map((entry) => entry.task)
    .filter(
      (task) =>
        (query.owner === null || task.owner === query.owner) &&
        (query.status === null || task.status === query.status) &&
        (query.kind === null || task.kind === query.kind) &&
        (query.after === null || task.id > query.after)
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .slice(0, query.limit)

const cancel = (state: State, id: TaskId, now: number) => {
  const entry = state.find("cancel", id)
  const { status } = entry.task
  if (status === "pending")
    state.end(
      entry,
      Transition.withFields(entry.task, {
        status: "cancelled",
        endedAtMillis: now,
        parked: null,
        awaits: null,
        runAtMillis: null
      }),
      now
    )
  else if (status === "running") entry.task = Transition.withFields(entry.task, { cancelRequested: true })
  return status
}

const requeue = (state: State, id: TaskId, next: Parameters<WorkQueueStore["Service"]["requeue"]>[1]) => {
  const entry = state.find("requeue", id)
  const { status } = entry.task
  if (status === "running" || status === "completed")
    throw refuse("requeue", { _tag: "Conflict", message: `task ${id} is ${status}` })
  const key = dedupeName(entry.task)
  const holder = key === null ? undefined : state.dedupe.get(key)
  if (holder !== undefined && holder !== id)
    throw refuse("requeue", {
      _tag: "Conflict",
      message: `task ${holder} holds the dedupe key "${entry.task.dedupeKey}"`
    })
  if (key !== null) state.dedupe.set(key, id)
  entry.open.clear()
  entry.readyAt = 0
  entry.task = Transition.withFields(entry.task, {
    ...next,
    status: "pending",
    cancelRequested: false,
    workerId: null,
    result: null,
    runAtMillis: null,
    endedAtMillis: null
  })
}

const count = (entries: ReadonlyArray<Entry>, now: number): QueueCounts => {
  const pending = entries.filter(({ task }) => task.status === "pending")
  const parked = pending.filter(({ task }) => task.parked !== null).length
  const delayed = pending.filter(
    ({ task, readyAt, open }) => task.parked === null && (readyAt > now || open.size > 0)
  ).length
  return {
    pending: pending.length - parked - delayed,
    delayed,
    parked,
    running: entries.filter(({ task }) => task.status === "running").length
  }
}
const stats = (state: State, now: number) => {
  const live = [...state.entries.values()].filter(({ task }) => !done(task))
  const runnable = live.filter(
    ({ task, readyAt, open }) => task.status === "pending" && task.parked === null && readyAt <= now && open.size === 0
  )
  const oldest = runnable.reduce((min, { task }) => Math.min(min, task.createdAtMillis), now)
  const owners = [...new Set(live.map(({ task }) => task.owner))]
  const byOwner = owners.map((owner) => ({
    owner,
    ...count(
      live.filter(({ task }) => task.owner === owner),
      now
    )
  }))
  const size = (row: QueueCounts) => row.pending + row.delayed + row.parked + row.running
  return {
    ...count(live, now),
    oldestPendingSeconds: (now - oldest) / 1000,
    byOwner: byOwner.sort((a, b) => size(b) - size(a)).slice(0, 100)
  }
}

const purge = (state: State, olderThanMillis: number, maxRecords: number, now: number) => {
  const ended = [...state.entries.values()]
    .filter(({ task }) => done(task))
    .sort((a, b) => (a.task.endedAtMillis ?? 0) - (b.task.endedAtMillis ?? 0))
  const old = ended.filter(
    ({ task }, i) => (task.endedAtMillis ?? 0) < now - olderThanMillis || i < ended.length - maxRecords
  )
  for (const { task } of old) state.entries.delete(task.id)
  return old.length
}

const make = Effect.gen(function* () {
  const state = new State()
  const hearers = new Set<(wake: Wake) => void>()
  const wake = (wake: Wake) =>
    Effect.sync(() => {
      for (const heard of hearers) heard(wake)
    })
  const ring = wake("work")
  /** Runs a verb at the clock's time; what it throws as StoreError becomes the failure. */
  const at = <A>(verb: (now: number) => A): Effect.Effect<A, StoreError> =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.suspend(() => {
        try {
          return Effect.succeed(verb(now))
        } catch (cause) {
          return cause instanceof StoreError ? Effect.fail(cause) : Effect.die(cause)
        }
      })
    )
  return WorkQueueStore.of({
    insert: (tasks) =>
      Effect.tap(
        at((now) => insert(state, tasks, now)),
        ring
      ),
    claim: (request) => at((now) => claim(state, request, now)),
    settle: (settlements) =>
      Effect.tap(
        at((now) => settle(state, settlements, now)),
        ring
      ),
    register: (worker, leaseMillis) =>
      at((now) => {
        state.workers.set(worker.id, {
          row: { ...worker, running: 0, lastHeartbeatAtMillis: now },
          expiresAt: now + leaseMillis
        })
      }),
    beat: (id, leaseMillis, running, progress) =>
      at((now) => {
        const worker = state.workers.get(id)
        if (worker === undefined || worker.expiresAt <= now)
          return { accepted: false, cancel: [], ahead: 0, workers: 0 }
        worker.row = { ...worker.row, running, lastHeartbeatAtMillis: now }
        worker.expiresAt = now + leaseMillis
        for (const { id: taskId, fence, value } of progress) {
          const entry = state.entries.get(taskId)
          if (entry?.fence === fence && entry.task.status === "running" && entry.task.workerId === id)
            entry.task = Transition.withFields(entry.task, { progress: value })
        }
        const mine = [...state.entries.values()].filter(
          ({ task }) => task.status === "running" && task.workerId === id && task.cancelRequested
        )
        return { accepted: true, cancel: mine.map(({ task }) => task.id), ...standing(state, worker.row, now) }
      }),
    deregister: (id) => at(() => strike(state, id)),
    workers: at((now) =>
      [...state.workers.values()].filter((worker) => worker.expiresAt > now).map((worker) => worker.row)
    ),
    takeLost: (limit) => at((now) => takeLost(state, limit, now)),
    maintain: at((now) => maintain(state, now)),
    onWake: (heard) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            hearers.add(heard)
            heard("work")
          }),
          () =>
            Effect.sync(() => {
              hearers.delete(heard)
            })
        )
      ),
    get: (id) => at(() => Option.fromNullishOr(state.entries.get(id)?.task)),
    list: (query) => at(() => list(state, query)),
    cancel: (id) =>
      Effect.tap(
        at((now) => cancel(state, id, now)),
        wake("cancel")
      ),
    requeue: (id, next) =>
      Effect.tap(
        at(() => requeue(state, id, next)),
        ring
      ),
    release: (resource) =>
      Effect.tap(
        at(() => {
          for (const entry of state.entries.values()) {
            if (entry.task.status !== "pending" || entry.task.awaits !== resource) continue
            entry.readyAt = 0
            entry.task = Transition.withFields(entry.task, { runAtMillis: null, awaits: null })
          }
        }),
        ring
      ),
    owner: (id) => at(() => state.owner(id)),
    configure: (id, change) =>
      Effect.tap(
        at(() => {
          const next = { ...state.owner(id), ...change }
          state.owners.set(id, next)
          return next
        }),
        ring
      ),
    closeGate: (name, forMillis) =>
      at((now) => {
        state.gates.set(name, Math.max(state.gates.get(name) ?? 0, now + forMillis))
      }),
    openGate: (name) =>
      Effect.tap(
        at(() => {
          state.gates.delete(name)
        }),
        ring
      ),
    gates: at((now) => {
      for (const [name, openAt] of state.gates) if (openAt <= now) state.gates.delete(name)
      return [...state.gates].map(([name, openAtMillis]) => ({ name, openAtMillis }))
    }),
    stats: at((now) => stats(state, now)),
    purge: (olderThanMillis, maxRecords) => at((now) => purge(state, olderThanMillis, maxRecords, now))
  })
})

export const layer: Layer.Layer<WorkQueueStore> = Layer.effect(WorkQueueStore, make)
