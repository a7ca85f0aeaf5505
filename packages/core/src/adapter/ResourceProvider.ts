/**
 * How something is provisioned: a provider makes one kind of resource for an owner, tells how it is, gives it new secrets, removes it, and
 * lists all that it made. Kinds are open strings: an installation may offer any (see `Adapter.define`, `resources`). Every verb looks first
 * and is safe to run twice; what is not marked as the owner's is Foreign and never touched. Retry, order and records are the platform's.
 */
import { Context, Effect, type Option, Redacted, Schema } from "effect"
import type { EnvironmentKind } from "../domain/Environment.ts"
import type { EnvironmentId, ProjectId } from "../domain/Ids.ts"
import type { ProjectName } from "../domain/Project.ts"
import { describe, portErrorFields, type PortReason } from "../ports/infra/PortReason.ts"

/** Whose it is. Mark what you make with all of `id`, `project` and `environment`: `list` tells it again. */
export interface ResourceOwner {
  readonly id: ProjectId | EnvironmentId
  readonly project: { readonly id: ProjectId; readonly name: ProjectName }
  /** null = shared by all environments of the project. */
  readonly environment: { readonly name: string; readonly kind: EnvironmentKind } | null
  /** Host names of the environment, or of the whole project. */
  readonly hosts: ReadonlyArray<string>
  /** What host names point at. */
  readonly address: string
}
/** What is asked for beside the owner; most providers need nothing of it. */
export interface Wish {
  /** The same for every attempt: hand it to providers that take an idempotency key. */
  readonly key: string
  readonly template: string
  readonly description: string
  readonly defaultBranch: string
  /** To be released where nothing is yet. */
  readonly commit: string | null
  /** What is released already is good, whatever commit it is of. */
  readonly keep: boolean
  readonly variables: Readonly<Record<string, string>>
  /** The history that the repository begins with instead of the template's files; null or left out = the template's. */
  readonly source?: WishedSource | null
}
export interface WishedSource {
  /** null = it is pushed into the repository, which is empty until then. */
  readonly url: string | null
  readonly username: string
  readonly branch: string
}

type Attributes = Readonly<Record<string, Schema.Json>>
export interface Found {
  /** Your name for it, never a secret. */
  readonly externalId: string
  /** In a sentence what differs from what `ensure` would make; null = nothing. */
  readonly drift: string | null
  /** What others may want to know of it, never a secret. */
  readonly attributes?: Attributes
}
export interface Made<O> extends Omit<Found, "drift"> {
  readonly created: boolean
  /** null = it was there, and its secrets cannot be read again. */
  readonly outputs: O | null
}
export interface Listed {
  readonly owner: ResourceOwner
  readonly externalId: string
  /** null = not known. */
  readonly createdAtMillis: number | null
}

/** What verbs fail with: a port's own error, or ResourceError. It is shown to people: never put a secret in. */
export interface ResourceFailure {
  readonly operation: string
  readonly reason: PortReason
  readonly message: string
}
export class ResourceError extends Schema.TaggedError<ResourceError>()("ResourceError", portErrorFields) {
  override get message(): string {
    return `${this.operation}: ${describe(this.reason)}`
  }
}

interface Verbs<O, R> {
  readonly kind: string
  readonly provider: string
  /** One for each project, or one for each environment. */
  readonly per: "project" | "environment"
  /** Kinds that must be there first. */
  readonly after?: ReadonlyArray<string>
  /** It holds what cannot be made again: one that is gone is made anew when a person says so, and not by itself. */
  readonly holdsData?: boolean
  /** Absent when it cannot be looked at; `ensure` may then be repeated. */
  readonly observe?: (owner: ResourceOwner, wish: Wish) => Effect.Effect<Option.Option<Found>, ResourceFailure, R>
  readonly ensure: (owner: ResourceOwner, wish: Wish) => Effect.Effect<Made<O>, ResourceFailure, R>
  /** New secrets; the old ones stop working. Absent when there are none to change. */
  readonly rotate?: (owner: ResourceOwner) => Effect.Effect<O, ResourceFailure, R>
  /** Of a missing one: success. */
  readonly remove: (owner: ResourceOwner) => Effect.Effect<void, ResourceFailure, R>
  readonly list: Effect.Effect<ReadonlyArray<Listed>, ResourceFailure, R>
}
export interface Spec<O, R = never> extends Verbs<O, R> {
  /** A Struct: each field becomes a variable of what runs for the owner, under its name. `Adapter.Secret` for what opens something. */
  readonly outputs: Schema.Struct<Schema.Struct.Fields> & Schema.Codec<O, unknown>
}
/** With its outputs as the text of variables: a schema belongs to the copy of effect that made it. */
export interface ResourceProvider<R = never> extends Verbs<Readonly<Record<string, string>>, R> {
  readonly variables: ReadonlyArray<string>
}

const text = (value: unknown): string => String(Redacted.isRedacted(value) ? Redacted.value(value) : value)

/** A provider from its verbs. */
export const make = <O, R = never>({ ensure, outputs, rotate, ...verbs }: Spec<O, R>): ResourceProvider<R> => {
  const encode = Schema.encodeSync(outputs as Schema.Codec<O, object>)
  const variables = (made: O) =>
    Object.fromEntries(Object.entries(encode(made)).map(([name, one]) => [name, text(one)]))
  return {
    ...verbs,
    variables: Object.keys(outputs.fields),
    ensure: (owner, wish) =>
      Effect.map(ensure(owner, wish), (made) => ({
        ...made,
        outputs: made.outputs === null ? null : variables(made.outputs)
      })),
    ...(rotate === undefined ? {} : { rotate: (owner) => Effect.map(rotate(owner), variables) })
  }
}

/** Those of other kinds than ours that the installation offers, by kind. */
export const Installed: Context.Reference<ReadonlyMap<string, ResourceProvider>> = Context.Reference<
  ReadonlyMap<string, ResourceProvider>
>("rdev/adapter/ResourceProviders", { defaultValue: () => new Map() })
