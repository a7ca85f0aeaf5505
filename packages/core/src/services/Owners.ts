/**
 * Which project an owner belongs to. What asks does not guess from the id: an environment's project stands in its record, a webhook's in
 * its subscription, and the system has none.
 */
import { Effect, Option } from "effect"
import type { EnvironmentId, HookId, ProjectId, WebhookId } from "../domain/Ids.ts"
import { asProject, kindOf, type OwnerId } from "../domain/Owner.ts"
import { EnvironmentStore } from "../ports/stores/EnvironmentStore.ts"
import type { StoreError } from "../ports/stores/StoreError.ts"
import { projectOf as projectOfHook } from "./forge/HookPlace.ts"
import { WebhookStore } from "../ports/stores/WebhookStore.ts"

type ProjectOf = (owner: OwnerId) => Effect.Effect<ProjectId | null, StoreError>

/** Environments never change their project, and their ids are not used twice: what was read once counts. */
const remembered = 10_000

/** Of projects and environments; null for everything else, and for an environment that is gone. Projects cost no look. */
export const make: Effect.Effect<ProjectOf, never, EnvironmentStore> = Effect.map(EnvironmentStore, (environments) => {
  const known = new Map<OwnerId, ProjectId>()
  return (owner) => {
    // A project has one place that its forge posts to, of its own number.
    if (kindOf(owner) === "hook") return Effect.succeed(projectOfHook(owner as HookId))
    if (kindOf(owner) !== "environment") return Effect.succeed(asProject(owner))
    const before = known.get(owner)
    if (before !== undefined) return Effect.succeed(before)
    return Effect.map(environments.byId(owner as EnvironmentId), (found) => {
      if (Option.isNone(found)) return null
      if (known.size >= remembered) known.clear()
      known.set(owner, found.value.projectId)
      return found.value.projectId
    })
  }
})

/** The same, and of webhooks the project whose events they get: who may see that project may see what they sent. */
export const makeOfAll: Effect.Effect<ProjectOf, never, EnvironmentStore | WebhookStore> = Effect.gen(function* () {
  const webhooks = yield* WebhookStore
  const projectOf = yield* make
  return (owner) =>
    kindOf(owner) === "webhook"
      ? Effect.map(webhooks.get(owner as WebhookId), (found) => (Option.isSome(found) ? found.value.projectId : null))
      : projectOf(owner)
})
