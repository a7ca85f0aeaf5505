/**
 * The policy of a project as people deal with it: what is in force, what is proposed on the default branch and what that would
 * change, and their yes or no to it. The rules are in services/policy.
 */
import { Context, Effect, Layer, Option } from "effect"
import { ofProject } from "../domain/Event.ts"
import { CurrentRequest } from "../domain/Principal.ts"
import { AuditStore } from "../ports/stores/AuditStore.ts"
import { EventLog } from "../ports/stores/EventLog.ts"
import { FeatureStore } from "../ports/stores/FeatureStore.ts"
import { BranchName } from "../ports/infra/Forge.ts"
import { GitObjects } from "../ports/infra/GitObjects.ts"
import { RepositoryHost } from "../ports/infra/RepositoryHost.ts"
import { PolicyStore } from "../ports/stores/PolicyStore.ts"
import { ProjectStore } from "../ports/stores/ProjectStore.ts"
import { WorkQueue } from "../queue/WorkQueue.ts"
import { FeatureError, type FeatureReason } from "./features/report/FeatureError.ts"
import { RepositoryReader } from "./features/read/RepositoryReader.ts"
import * as Wake from "./features/drive/Wake.ts"
import * as PolicyAuthority from "./policy/PolicyAuthority.ts"

const shownHistory = 20

const fail = (operation: string, reason: FeatureReason) =>
  new FeatureError({ operation: `Policies.${operation}`, reason })

const look = Effect.fn("Policies.look")(function* (operation: string, idOrName: string) {
  const found = yield* ProjectStore.find(idOrName)
  if (Option.isNone(found)) return yield* fail(operation, { _tag: "ProjectNotFound", project: idOrName })
  const project = found.value
  const target = { projectId: project.id, name: project.name }
  const repository = project.status === "deleting" ? Option.none() : yield* (yield* RepositoryHost).observe(target)
  if (Option.isNone(repository))
    return yield* fail(operation, { _tag: "ProjectNotReady", project: project.name, status: project.status })
  const head = yield* (yield* GitObjects).head(target, BranchName.make(project.defaultBranch))
  if (Option.isNone(head))
    return yield* fail(operation, {
      _tag: "Conflict",
      message: `branch ${project.defaultBranch} of ${project.name} is gone`
    })
  return { project, sha: head.value, standing: yield* PolicyAuthority.standing(project.id, target, head.value) }
})

const get = Effect.fn("Policies.get")(function* (idOrName: string) {
  const seen = yield* look("get", idOrName)
  return { ...seen, history: yield* (yield* PolicyStore).history(seen.project.id, shownHistory) }
})

/** Says yes or no to what stands on the default branch now. */
const decide = Effect.fn("Policies.decide")(function* (
  idOrName: string,
  word: "accepted" | "rejected",
  digest: string,
  reason: string | null
) {
  const verb = word === "accepted" ? "accept" : "reject"
  const { project, sha, standing } = yield* look(verb, idOrName)
  const { principal, requestId, sourceAddress } = yield* CurrentRequest
  const { entries, proposal, written } = standing
  if (proposal === null)
    return yield* fail(verb, {
      _tag: "Conflict",
      message: `nothing is proposed: ${project.defaultBranch} of ${project.name} holds the accepted policy ${standing.rev}`
    })
  if (proposal.digest !== digest)
    return yield* fail(verb, {
      _tag: "Conflict",
      message: `${project.defaultBranch} of ${project.name} holds the policy ${proposal.digest}, not ${digest}; look at it again (rdev policy diff ${project.name})`
    })
  if (word === "accepted" && proposal.problem !== null)
    return yield* fail(verb, { _tag: "Conflict", message: `it cannot be read: ${proposal.problem}` })
  if (word === "rejected" && (reason ?? "").trim() === "")
    return yield* fail(verb, {
      _tag: "Invalid",
      field: "reason",
      message: "to reject a policy needs a reason; whoever proposed it reads it"
    })
  if (principal.type !== "human" && (word === "rejected" ? proposal.strengthens : proposal.weakens).length > 0) {
    return yield* fail(verb, {
      _tag: "Forbidden",
      message: `what makes a policy weaker is a human's to decide; ${principal.name} is ${principal.type}`
    })
  }
  const entry = yield* PolicyAuthority.say(
    project.id,
    entries.at(-1)?.number ?? 0,
    { word, digest, text: word === "accepted" ? written.text : null, reason },
    principal
  ).pipe(
    Effect.catchIf(
      (error) => error.reason._tag === "Conflict",
      () =>
        Effect.fail(
          fail(verb, {
            _tag: "Conflict",
            message: "somebody said something about the policy at the same time; look at it again"
          })
        )
    )
  )
  const changed = {
    weakens: proposal.weakens.map(({ field }) => field),
    strengthens: proposal.strengthens.map(({ field }) => field)
  }
  yield* (yield* AuditStore).append({
    projectId: project.id,
    operationId: null,
    type: `policy.${verb}`,
    actor: principal.id,
    requestId,
    sourceAddress,
    outcome: "completed",
    steps: [],
    data: { digest, sha, reason, ...changed }
  })
  yield* (yield* EventLog).append(ofProject(project.id), [
    { type: `policy.${word}`, subject: {}, data: { digest, sha, by: principal.name, reason, ...changed } }
  ])
  const live = yield* (yield* FeatureStore).live(project.id)
  yield* Effect.forEach(live, Wake.look, { discard: true })
  return entry
})

type Needs =
  | AuditStore
  | EventLog
  | FeatureStore
  | GitObjects
  | RepositoryHost
  | PolicyStore
  | ProjectStore
  | RepositoryReader
  | WorkQueue

const make = Effect.gen(function* () {
  const context = yield* Effect.context<Needs>()
  const bound =
    <A extends ReadonlyArray<unknown>, B, E>(verb: (...args: A) => Effect.Effect<B, E, Needs>) =>
    (...args: A): Effect.Effect<B, E> =>
      Effect.provideContext(verb(...args), context)
  return {
    get: bound(get),
    /** With the digest that was looked at, so that nobody accepts what they have not seen. */
    accept: bound((idOrName: string, digest: string, reason: string | null) =>
      decide(idOrName, "accepted", digest, reason)
    ),
    reject: bound((idOrName: string, digest: string, reason: string) => decide(idOrName, "rejected", digest, reason))
  }
})

export class Policies extends Context.Service<Policies, Effect.Success<typeof make>>()("rdev/services/Policies") {
  static readonly layer = Layer.effect(Policies, make)
}
