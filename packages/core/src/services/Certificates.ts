/**
 * Renews certificates before they end. Every process looks from time to time at what is due and queues it, once however many look; a worker
 * renews it. When that fails, the environments that are served with it say so in a condition, and it is due again later: the provider keeps
 * when, so that a restart changes nothing. Certificates of projects that are gone are given up.
 */
import { Clock, Effect, Layer, Option, Schema } from "effect"
import { certificateType, type Condition } from "../domain/Condition.ts"
import type { Renewal, TlsError } from "../ports/infra/Tls.ts"
import { Tls } from "../ports/infra/Tls.ts"
import { EnvironmentStore } from "../ports/stores/EnvironmentStore.ts"
import { ProjectStore } from "../ports/stores/ProjectStore.ts"
import { UnitOfWork } from "../ports/stores/UnitOfWork.ts"
import * as TaskHandlers from "../queue/TaskHandlers.ts"
import { TaskFailure, type TaskContext } from "../queue/TaskHandlers.ts"
import { WorkQueue } from "../queue/WorkQueue.ts"
import { toTaskFailure } from "./features/drive/Failures.ts"
import * as Environments from "./projects/Environments.ts"

export const kind = "certificate"
const Payload = Schema.Struct({ host: Schema.String })
/** Longer than the zone, the validation and the authority take together. */
const timeoutMillis = 15 * 60_000

type Renewals = NonNullable<Tls["Service"]["renewals"]>

/** Queues what is due. */
const queued = Effect.fnUntraced(function* (renewal: Renewal) {
  const project = yield* (yield* ProjectStore).byId(renewal.projectId)
  if (Option.isNone(project) || project.value.status === "deleted") {
    const tls = yield* Tls
    yield* Effect.forEach(renewal.hosts, (host) => tls.remove(renewal.projectId, host), { discard: true })
    return yield* Effect.logWarning(`certificates: gave up that of ${renewal.host}, whose project is gone`)
  }
  yield* (yield* WorkQueue).enqueue({
    owner: renewal.projectId,
    kind,
    payload: { host: renewal.host },
    dedupeKey: `certificate:${renewal.host}`,
    // The provider says when it is tried again.
    maxAttempts: 1,
    timeoutMillis
  })
})

/** One look. What fails for one certificate keeps no other from its renewal. */
export const sweep = Effect.fn("Certificates.sweep")(function* () {
  const { renewals } = yield* Tls
  if (renewals === undefined) return
  const now = yield* Clock.currentTimeMillis
  const due = (yield* renewals.list).filter(({ dueAtMillis }) => dueAtMillis <= now)
  yield* Effect.forEach(
    due,
    (one) =>
      Effect.catch(queued(one), (error) =>
        Effect.logWarning(`certificates: that of ${one.host} is not renewed yet: ${error.message}`)
      ),
    { discard: true }
  )
})

/** While the old one serves, nothing is wrong yet that a visitor could see. */
const conditionOf = ({ notAfterMillis }: Renewal, error: TlsError, now: number): Omit<Condition, "timeMillis"> => ({
  type: certificateType,
  status: notAfterMillis > now ? "unknown" : "false",
  reason: error.reason._tag,
  message: `the certificate ${notAfterMillis > now ? "ends" : "ended"} at ${new Date(notAfterMillis).toISOString()} and could not be renewed: ${error.message}`
})
const held = (before: ReadonlyArray<Condition>, next: Omit<Condition, "timeMillis">, now: number) => {
  const was = before.find(({ type }) => type === next.type)
  return [
    ...before.filter(({ type }) => type !== next.type),
    { ...next, timeMillis: was?.status === next.status ? was.timeMillis : now }
  ]
}

/** In every environment that is served with it; of a good one only where something else was said before. */
const tell = Effect.fnUntraced(function* (renewal: Renewal, next: Omit<Condition, "timeMillis">) {
  const now = yield* Clock.currentTimeMillis
  const { transact } = yield* UnitOfWork
  const all = yield* (yield* EnvironmentStore).ofProjects([renewal.projectId])
  for (const one of all.filter(({ hosts }) => hosts.some((host) => renewal.hosts.includes(host))))
    if (next.status !== "true" || one.conditions.some(({ type }) => type === certificateType))
      yield* Effect.retry(
        transact(Environments.edit(one.id, ({ conditions }) => ({ conditions: held(conditions, next, now) }))),
        { times: 5, while: (error) => error.reason._tag === "Conflict" }
      )
})

const attempted = (renewals: Renewals, renewal: Renewal) =>
  Effect.gen(function* () {
    const certificate = yield* Effect.tapError(renewals.renew(renewal.projectId, renewal.host), (error) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => tell(renewal, conditionOf(renewal, error, now)))
    )
    const until = new Date(certificate.notAfterMillis).toISOString()
    yield* tell(renewal, {
      type: certificateType,
      status: "true",
      reason: "Renewed",
      message: `the certificate was renewed and ends at ${until}`
    })
    return { renewed: true, until }
  })

const handle = Effect.fn("Certificates.handle")(function* (context: TaskContext) {
  const { host } = yield* Effect.mapError(
    Schema.decodeUnknownEffect(Payload)(context.task.payload),
    (error) => new TaskFailure({ reason: { _tag: "Invalid", message: String(error.message), field: "payload" } })
  )
  const { renewals } = yield* Tls
  const now = yield* Clock.currentTimeMillis
  const found = renewals === undefined ? undefined : (yield* renewals.list).find((one) => one.hosts.includes(host))
  // Renewed meanwhile, or given up.
  if (renewals === undefined || found === undefined || found.dueAtMillis > now) return { renewed: false, until: null }
  return yield* attempted(renewals, found)
}, Effect.mapError(toTaskFailure))

/** To be merged with other modules' handlers. */
export const handlers = TaskHandlers.make<Effect.Services<ReturnType<typeof handle>>>({ [kind]: handle })

/**
 * Looks a minute after the start and every ten minutes from then on; not at all where nothing has to be renewed by us. A renewal is due
 * weeks before the end: minutes do not matter.
 */
export const layerSchedule = ({ everyMillis = 600_000, firstMillis = 60_000 } = {}): Layer.Layer<
  never,
  never,
  Effect.Services<ReturnType<typeof sweep>>
> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      if ((yield* Tls).renewals === undefined) return
      const once = Effect.catch(sweep(), (error) =>
        Effect.logWarning(`certificates: what is due cannot be read: ${error.message}`)
      )
      yield* Effect.forkScoped(
        Effect.andThen(Effect.sleep(firstMillis), Effect.forever(Effect.andThen(once, Effect.sleep(everyMillis))))
      )
    })
  )
