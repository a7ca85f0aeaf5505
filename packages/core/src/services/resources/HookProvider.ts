/**
 * The webhook of a project's repository: the forge posts what happens there, signed with a secret of this project's own. Where the forge
 * cannot reach this server none is made: what happens there is then seen when somebody looks, and a condition of the project says so.
 */
import { Effect, Option, Schema } from "effect"
import { make, type ResourceOwner } from "../../adapter/ResourceProvider.ts"
import type { RepositoryTarget } from "../../ports/infra/Forge.ts"
import { GitObjects } from "../../ports/infra/GitObjects.ts"
import { RepositoryHost } from "../../ports/infra/RepositoryHost.ts"
import { ForgeHooks } from "../../ports/forge/ForgeHooks.ts"
import { ForgeIssues } from "../../ports/forge/ForgeIssues.ts"
import { ForgeStore } from "../../ports/stores/ForgeStore.ts"
import type { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { Quarantine } from "../../ports/stores/Quarantine.ts"
import * as HookPlace from "../forge/HookPlace.ts"
import { ProjectSettings } from "../projects/ProjectSettings.ts"

const nothing = Schema.Struct({})
const targetOf = ({ project }: ResourceOwner): RepositoryTarget => ({ projectId: project.id, name: project.name })
export const part = "webhook"

/** What stands for stores is told as the port's failure is. */
const fromStore = Effect.mapError((cause: { readonly message: string }) => ({
  operation: "CredentialStore",
  reason: { _tag: "Unavailable" as const, message: cause.message },
  message: cause.message
}))

/** null: the forge posts nothing. `why`: it cannot post here. */
const wanted = Effect.fnUntraced(function* ({ project }: ResourceOwner) {
  const hooks = yield* ForgeHooks
  const { apiUrl } = yield* ProjectSettings
  if (hooks === null || apiUrl === undefined) return null
  const url = HookPlace.urlOf(apiUrl, hooks.adapter, project.id)
  return { url, events: hooks.events, why: hooks.unreachable(url) }
})

/** A forge may have several words for one of its events, and then posts more than it was asked for. */
const lacking = (there: ReadonlyArray<string>, wanted: ReadonlyArray<string>) =>
  wanted.filter((one) => !there.includes(one))

const tellOfIt = ({ project }: ResourceOwner, why: string | null) =>
  Effect.flatMap(Quarantine, (quarantine) =>
    why === null
      ? quarantine.clear(project.id, part)
      : quarantine.report({
          owner: project.id,
          part,
          message: why,
          repair:
            "Set RDEV_PUBLIC_URL to an address at which the forge reaches this server, start again, and sync the project"
        })
  )

/** Where branches are when the forge begins to tell: what moved before was nobody's to tell. */
const baseline = Effect.fnUntraced(function* (target: RepositoryTarget) {
  const heads = yield* (yield* GitObjects).branches(target)
  const store = yield* ForgeStore
  const told = yield* fromStore(store.heads(target.projectId))
  const unknown = heads.filter(({ name }) => !told.has(`refs/heads/${name}`))
  yield* fromStore(
    store.moveHeads(target.projectId, new Map(unknown.map(({ name, sha }) => [`refs/heads/${name}`, sha])))
  )
})

/** What is at another address of ours: the server has moved. */
const isOurs = (url: string, { project }: ResourceOwner) => url.endsWith(`/${HookPlace.idOf(project.id)}`)

export const webhook = make<typeof nothing.Type, CredentialStore | ForgeStore | GitObjects | RepositoryHost>({
  kind: "webhook",
  provider: "forge",
  per: "project",
  after: ["repository"],
  outputs: nothing,
  observe: (owner) =>
    Effect.gen(function* () {
      const wish = yield* wanted(owner)
      if (wish === null) return Option.none()
      yield* tellOfIt(owner, wish.why)
      if (wish.why !== null) return Option.some({ externalId: wish.url, drift: null, attributes: { posts: false } })
      const all = yield* (yield* RepositoryHost).webhooks(targetOf(owner))
      const there = all.find(({ url }) => url === wish.url)
      const moved = all.some(({ url }) => url !== wish.url && isOurs(url, owner))
      if (there === undefined && !moved) return Option.none()
      const lost = (yield* fromStore(HookPlace.secrets(owner.project.id))).length === 0
      const drift =
        there === undefined || moved
          ? "it posts to another address of this server"
          : !there.active
            ? "it was switched off"
            : lacking(there.events, wish.events).length > 0
              ? `it does not post ${lacking(there.events, wish.events).join(", ")}`
              : lost
                ? "its secret is not stored"
                : null
      return Option.some({ externalId: wish.url, drift, attributes: { posts: true } })
    }),
  ensure: (owner) =>
    Effect.gen(function* () {
      const wish = yield* wanted(owner)
      const target = targetOf(owner)
      const host = yield* RepositoryHost
      if (wish === null) return { externalId: "none", created: false, outputs: {}, attributes: { posts: false } }
      const { events, url, why } = wish
      yield* tellOfIt(owner, why)
      if (why !== null) return { externalId: url, created: false, outputs: {}, attributes: { posts: false } }
      const secret = yield* fromStore(HookPlace.ensure(owner.project.id))
      const before = yield* host.webhooks(target)
      yield* host.ensureWebhook(target, { url, events, secret })
      yield* baseline(target)
      for (const other of before)
        if (other.url !== url && isOurs(other.url, owner)) yield* host.removeWebhook(target, other.url)
      const issues = yield* ForgeIssues
      const { issueLabel = "rdev" } = yield* ProjectSettings
      if (issues !== null)
        yield* issues.ensureLabel(target, {
          name: issueLabel,
          color: "1f6feb",
          description: "rdev makes a feature of this issue"
        })
      const created = before.every((one) => one.url !== url)
      return { externalId: url, created, outputs: {}, attributes: { posts: true } }
    }),
  remove: (owner) =>
    Effect.gen(function* () {
      const target = targetOf(owner)
      const host = yield* RepositoryHost
      yield* Effect.gen(function* () {
        for (const { url } of yield* host.webhooks(target))
          if (isOurs(url, owner)) yield* host.removeWebhook(target, url)
      }).pipe(
        // With the repository its webhooks are gone.
        Effect.catchIf(
          ({ reason }) => reason._tag === "NotFound" || reason._tag === "Unsupported",
          () => Effect.void
        )
      )
      yield* fromStore(HookPlace.forget(owner.project.id))
      yield* tellOfIt(owner, null)
    }),
  list: Effect.succeed([])
})
