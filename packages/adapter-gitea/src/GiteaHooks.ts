/** Webhooks of a repository and protection of its branches. Gitea makes a second webhook of the same URL without a word, so we look first. */
import type { RepositoryTarget } from "@rdev/core/ports/infra/Forge"
import type { Protection, RepositoryHost, Webhook } from "@rdev/core/ports/infra/RepositoryHost"
import { Effect, Redacted, Schema } from "effect"
import type { Place } from "./GiteaPlace.ts"
import { pathOf } from "./GiteaRepositories.ts"

const Hook = Schema.Struct({
  id: Schema.Int,
  active: Schema.Boolean,
  events: Schema.Array(Schema.String),
  config: Schema.Struct({ url: Schema.String })
})
const Rule = Schema.Struct({ rule_name: Schema.String })

const all = Effect.fnUntraced(function* (place: Place, target: RepositoryTarget) {
  const path = `${pathOf((yield* place.at(target)).found)}/hooks`
  return { path, hooks: yield* place.client.all(path, Hook) }
})
const view = ({ active, config, events }: typeof Hook.Type): Webhook => ({ url: config.url, events, active })

export const list = (place: Place, target: RepositoryTarget) =>
  Effect.map(all(place, target), ({ hooks }) => hooks.map(view))

export const ensure = Effect.fn("GiteaHooks.ensure")(function* (
  place: Place,
  target: RepositoryTarget,
  { events, secret, url }: Parameters<RepositoryHost["Service"]["ensureWebhook"]>[1]
) {
  const { hooks, path } = yield* all(place, target)
  const [there, ...doubled] = hooks.filter(({ config }) => config.url === url)
  const config = { url, content_type: "json", secret: Redacted.value(secret) }
  const body = { active: true, events, config }
  if (there === undefined) yield* place.client.call("POST", path, { body: { ...body, type: "gitea" } })
  else yield* place.client.call("PATCH", `${path}/${there.id}`, { body })
  yield* Effect.forEach(doubled, ({ id }) => place.client.call("DELETE", `${path}/${id}`, { accept: [204, 404] }))
  return { url, events, active: true } satisfies Webhook
})

export const remove = Effect.fn("GiteaHooks.remove")(function* (place: Place, target: RepositoryTarget, url: string) {
  const { hooks, path } = yield* all(place, target)
  const ours = hooks.filter(({ config }) => config.url === url)
  yield* Effect.forEach(ours, ({ id }) => place.client.call("DELETE", `${path}/${id}`, { accept: [204, 404] }))
})

export const protect = Effect.fn("GiteaHooks.protect")(function* (
  place: Place,
  target: RepositoryTarget,
  { branch, requiredStatuses }: Protection
) {
  const path = `${pathOf((yield* place.at(target)).found)}/branch_protections`
  const { me } = yield* place.owner
  const rule = {
    enable_push: true,
    enable_push_whitelist: true,
    push_whitelist_usernames: [me],
    // A token of the project may open pull requests, and must not merge them past the gates.
    enable_merge_whitelist: true,
    merge_whitelist_usernames: [me],
    enable_force_push: false,
    enable_status_check: requiredStatuses.length > 0,
    status_check_contexts: requiredStatuses
  }
  const there = yield* place.client.find(`${path}/${encodeURIComponent(branch)}`, Rule)
  if (there === null) yield* place.client.call("POST", path, { body: { ...rule, rule_name: branch } })
  else yield* place.client.call("PATCH", `${path}/${encodeURIComponent(branch)}`, { body: rule })
})
