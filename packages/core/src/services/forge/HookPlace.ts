/** Where a project's forge posts to, and the secrets that it signs with. Pure but for reading and writing those. */
import { Effect, Option, Redacted, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { HookId, type ProjectId } from "../../domain/Ids.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { Redaction } from "../redaction/Redaction.ts"

/** The same number as the project's. */
export const idOf = (projectId: ProjectId): HookId => HookId.make(`hook_${projectId.slice("proj_".length)}`)
export const projectOf = (id: HookId): ProjectId => `proj_${id.slice("hook_".length)}` as ProjectId
export const isId = Schema.is(HookId)

/** `apiUrl`: where forges reach the server, without a trailing slash. */
export const urlOf = (apiUrl: string, adapter: string, projectId: ProjectId): string =>
  `${apiUrl}/hooks/${adapter}/${idOf(projectId)}`

/** What the forge signs with; while it is replaced, `next` stands beside it, and either is good. */
const names = { current: "secret", next: "next" } as const

export const secrets = Effect.fn("HookPlace.secrets")(function* (projectId: ProjectId) {
  const store = yield* CredentialStore
  const found = yield* Effect.forEach([names.current, names.next], (name) => store.get(idOf(projectId), name))
  return found.flatMap(Option.toArray)
})

const learn = (projectId: ProjectId, secret: Redacted.Redacted) =>
  Effect.flatMap(Redaction, (redaction) => redaction.learn(projectId, [Redacted.value(secret)]))

/** The secret that the forge is to have: the one that is there, or a new one, kept before anybody is told. */
export const ensure = Effect.fn("HookPlace.ensure")(function* (projectId: ProjectId) {
  const store = yield* CredentialStore
  const there = yield* store.get(idOf(projectId), names.current)
  const secret = Option.getOrElse(there, () => Redacted.make(randomBytes(32).toString("base64url")))
  if (Option.isNone(there)) yield* store.put(idOf(projectId), names.current, secret)
  yield* learn(projectId, secret)
  return secret
})

/** A new secret, told to the forge by `tell`, and the old one forgotten. Where it breaks off both are good, and it may be run again. */
export const replace = Effect.fn("HookPlace.replace")(function* <E, R>(
  projectId: ProjectId,
  tell: (secret: Redacted.Redacted) => Effect.Effect<unknown, E, R>
) {
  const store = yield* CredentialStore
  const owner = idOf(projectId)
  const secret = Redacted.make(randomBytes(32).toString("base64url"))
  yield* store.put(owner, names.next, secret)
  yield* learn(projectId, secret)
  yield* tell(secret)
  yield* store.put(owner, names.current, secret)
  yield* store.remove(owner, names.next)
})

export const forget = (projectId: ProjectId) =>
  Effect.flatMap(CredentialStore, (store) => store.removeAll(idOf(projectId)))
