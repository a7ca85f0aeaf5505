/**
 * The core over its ports: queue, operations, projects, features, and the workers that drive them. The same for every installation;
 * what differs is which layers stand under it.
 */
import * as OperationDefinition from "@rdev/core/operations/Definition"
import * as OperationRunner from "@rdev/core/operations/OperationRunner"
import * as Operations from "@rdev/core/operations/Operations"
import * as Retention from "@rdev/core/queue/Retention"
import * as TaskEvents from "@rdev/core/queue/TaskEvents"
import { merge, TaskHandlers } from "@rdev/core/queue/TaskHandlers"
import * as Worker from "@rdev/core/queue/Worker"
import * as WorkerPool from "@rdev/core/queue/WorkerPool"
import * as WorkQueue from "@rdev/core/queue/WorkQueue"
import * as Audit from "@rdev/core/services/Audit"
import * as Certificates from "@rdev/core/services/Certificates"
import * as Collector from "@rdev/core/services/Collector"
import * as Damages from "@rdev/core/services/Damages"
import * as Features from "@rdev/core/services/Features"
import * as FeatureHandlers from "@rdev/core/services/features/drive/FeatureHandlers"
import { RepositoryReader } from "@rdev/core/services/features/read/RepositoryReader"
import * as Policies from "@rdev/core/services/Policies"
import * as ForgeInbox from "@rdev/core/services/forge/ForgeInbox"
import * as Listening from "@rdev/core/services/forge/Listening"
import * as Watch from "@rdev/core/services/forge/Watch"
import * as Follow from "@rdev/core/services/issues/Follow"
import * as IssueFeed from "@rdev/core/services/issues/IssueFeed"
import * as LogRetention from "@rdev/core/services/LogRetention"
import * as Projects from "@rdev/core/services/Projects"
import { definitions } from "@rdev/core/services/projects/ProjectOperations"
import { type ProjectSettings as Settings, ProjectSettings } from "@rdev/core/services/projects/ProjectSettings"
import * as PushFeed from "@rdev/core/services/pushes/PushFeed"
import * as Boundaries from "@rdev/core/services/redaction/Boundaries"
import * as ProjectSync from "@rdev/core/services/sync/ProjectSync"
import * as Trees from "@rdev/core/services/Trees"
import * as Webhooks from "@rdev/core/services/Webhooks"
import * as Deliveries from "@rdev/core/services/webhooks/Deliveries"
import * as Outbox from "@rdev/core/services/webhooks/Outbox"
import * as Subscriptions from "@rdev/core/services/webhooks/Subscriptions"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Tasks: the producer's side and the view of all workers. */
const queue = WorkerPool.layer.pipe(Layer.provideMerge(WorkQueue.layer), Layer.provideMerge(TaskEvents.layer))

/** A kind of operation, with what it needs. */
type Kind<R> = Effect.Effect<OperationDefinition.Definition, never, R>

/** Durable operations; what a project's provisioning needs is taken from the ports. */
const operations = <R>(more: ReadonlyArray<Kind<R>>) => {
  type Needs = R | Effect.Services<(typeof definitions)[number]>
  return Operations.layer.pipe(Layer.provideMerge(OperationDefinition.layer<Needs>([...definitions, ...more])))
}

/** Events, to webhooks too; without secrets, as everything that is kept. */
const events = Outbox.layer.pipe(Layer.provideMerge(Subscriptions.layer), Layer.provide(Boundaries.layerEventLog))

const features = Layer.merge(Features.Features.layer, Policies.Policies.layer).pipe(
  Layer.provideMerge(RepositoryReader.layer)
)

/** What callers use. Nothing runs by itself yet. `more`: kinds of operations besides those of projects. */
export const services = <R = never>(settings: Settings, more: ReadonlyArray<Kind<R>> = []) =>
  Layer.mergeAll(
    Projects.layer,
    ProjectSync.layer,
    Damages.layer,
    PushFeed.layer,
    ForgeInbox.layer,
    Listening.layer,
    Trees.layer,
    Audit.layer,
    Webhooks.layer,
    features
  ).pipe(
    Layer.provideMerge(Layer.mergeAll(queue, operations(more))),
    Layer.provideMerge(Layer.merge(events, Boundaries.layerAuditStore)),
    Layer.provideMerge(Layer.succeed(ProjectSettings, settings))
  )

export interface WorkOptions {
  readonly name: string
  readonly version: string
  /** Tasks at once; 0 = this process only answers requests. */
  readonly capacity: number
  readonly drainMillis: number
}

/** Webhooks' requests at once. */
const deliveriesAtOnce = 8

/** Forgets what is old, finds what nobody owns any more, renews what ends; any number of processes may do so. */
const housekeeping = Layer.mergeAll(
  Retention.layer(),
  LogRetention.layerEvents(),
  LogRetention.layerOutput(),
  Collector.layerSchedule().pipe(Layer.provide(Collector.layer())),
  ProjectSync.layerSchedule(),
  Certificates.layerSchedule()
)

/** What workers can do. */
const handlers = Layer.effect(
  TaskHandlers,
  Effect.map(Effect.all([FeatureHandlers.make, Follow.make, Certificates.handlers]), (parts) => merge(...parts))
)

/** Runs what is queued: tasks, operations, and the watch over features. Ends in order with its scope. */
export const work = ({ capacity, drainMillis, name, version }: WorkOptions) =>
  capacity === 0
    ? Layer.empty
    : Layer.mergeAll(
        Worker.layer({ capacity, id: name, version, drainMillis, labels: [] }),
        Deliveries.layerWorker({ capacity: deliveriesAtOnce, name, version, drainMillis }),
        OperationRunner.layer({ drainMillis }),
        Features.layerDriver,
        Watch.layer,
        IssueFeed.layer,
        housekeeping
      ).pipe(Layer.provide(Boundaries.layerTaskHandlers.pipe(Layer.provide(handlers))))
