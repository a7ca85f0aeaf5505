/**
 * What is secret, by project: the installation's own secrets, the project's credentials, and what runs were given. Everything that
 * keeps or shows text masks it with the redactor that it gets here. A credential that is stored counts within two seconds, one that
 * is handed to a process of this server at once.
 */
import { Clock, Context, Effect, Layer, Option, Redacted } from "effect"
import type { ProjectId } from "../../domain/Ids.ts"
import { CredentialStore } from "../../ports/stores/CredentialStore.ts"
import { EnvironmentStore } from "../../ports/stores/EnvironmentStore.ts"
import { isUnreadable, type StoreError } from "../../ports/stores/StoreError.ts"
import * as Redactor from "../../redaction/Redactor.ts"

/** How long credentials that were read count as known. */
export const freshMillis = 2_000
/** Projects whose secrets are at hand, and values that one learns from its runs: the oldest are forgotten, and credentials read again. */
const maxProjects = 256
const maxLearned = 200

export interface Shape {
  /** Of a project, or of the installation alone. Fails only when a project's credentials could never be read. */
  readonly of: (projectId: ProjectId | null) => Effect.Effect<Redactor.Redactor, StoreError>
  /** These values, given to something that runs for the project, are secrets from now on; null = of the installation, for all. */
  readonly learn: (projectId: ProjectId | null, values: ReadonlyArray<string>) => Effect.Effect<void>
  /** For the output of one run: these values are masked too, in it alone. */
  readonly given: (projectId: ProjectId, values: ReadonlyArray<string>) => Effect.Effect<Redactor.Redactor, StoreError>
  /** Text of the server itself, which may be about any project. */
  readonly text: (text: string) => string
}

/** Without a layer only keys are known, by their look. */
export const Redaction: Context.Reference<Shape> = Context.Reference<Shape>("rdev/services/Redaction", {
  defaultValue: () => ({
    of: () => Effect.succeed(Redactor.none),
    learn: () => Effect.void,
    given: (_, values) => Effect.sync(() => Redactor.make(values)),
    text: (text) => Redactor.none.text(text)
  })
})

interface Known {
  /** `value` null: it cannot be read. */
  stored: ReadonlyMap<string, { readonly at: number; readonly value: string | null }>
  learned: ReadonlyArray<string>
  redactor: Redactor.Redactor
  /** When credentials were read; null = never. */
  readAt: number | null
  reading: boolean
}

export interface Options {
  /** The installation's own: keys of its agents, of its database. */
  readonly values: ReadonlyArray<string>
}

export const layer = (options: Options): Layer.Layer<never, never, CredentialStore | EnvironmentStore> =>
  Layer.effect(
    Redaction,
    Effect.gen(function* () {
      const store = yield* CredentialStore
      const environments = yield* EnvironmentStore
      let installation = options.values
      let own = Redactor.make(installation)
      const projects = new Map<ProjectId, Known>()

      const at = (projectId: ProjectId): Known => {
        const known = projects.get(projectId) ?? {
          stored: new Map(),
          learned: [],
          redactor: own,
          readAt: null,
          reading: false
        }
        projects.delete(projectId)
        projects.set(projectId, known)
        if (projects.size > maxProjects)
          for (const oldest of projects.keys()) {
            projects.delete(oldest)
            break
          }
        return known
      }
      const valuesOf = (known: Known) => [
        ...new Set([...[...known.stored.values()].flatMap(({ value }) => value ?? []), ...known.learned])
      ]
      const rebuild = (known: Known) => {
        const values = valuesOf(known)
        known.redactor = values.length === 0 ? own : Redactor.make([...installation, ...values])
      }

      const read = Effect.fnUntraced(function* (projectId: ProjectId, known: Known) {
        const owners = [projectId, ...(yield* environments.ofProjects([projectId])).map(({ id }) => id)]
        const rows = (yield* Effect.forEach(owners, (owner) =>
          Effect.map(store.list(owner), (found) =>
            found.map(({ name, updatedAtMillis }) => ({ owner, name, at: updatedAtMillis, key: `${owner}/${name}` }))
          )
        )).flat()
        const isSame =
          rows.length === known.stored.size && rows.every(({ at, key }) => known.stored.get(key)?.at === at)
        if (!isSame) {
          const found = yield* Effect.forEach(rows, ({ at, key, name, owner }) => {
            const before = known.stored.get(key)
            if (before?.at === at) return Effect.succeed([[key, before] as const])
            return Effect.map(store.get(owner, name), (value) =>
              Option.isNone(value) ? [] : [[key, { at, value: Redacted.value(value.value) }] as const]
            ).pipe(
              // Nobody can be given what nobody can read; the store says whose it is and how to repair it. What it was before stays masked.
              Effect.catchIf(isUnreadable, () => Effect.succeed([[key, { at, value: before?.value ?? null }] as const]))
            )
          })
          known.stored = new Map(found.flat())
          rebuild(known)
        }
        known.readAt = yield* Clock.currentTimeMillis
      })

      const of = (projectId: ProjectId | null): Effect.Effect<Redactor.Redactor, StoreError> =>
        projectId === null
          ? Effect.succeed(own)
          : Effect.gen(function* () {
              const known = at(projectId)
              const now = yield* Clock.currentTimeMillis
              if (known.readAt !== null && (known.reading || now - known.readAt < freshMillis)) return known.redactor
              known.reading = true
              const looked = Effect.ensuring(
                read(projectId, known),
                Effect.sync(() => {
                  known.reading = false
                })
              )
              yield* known.readAt === null
                ? looked
                : Effect.catch(looked, (error) =>
                    Effect.logDebug("credentials could not be read again; those known before are masked", error)
                  )
              return known.redactor
            })

      const learn: Shape["learn"] = (projectId, values) =>
        Effect.sync(() => {
          const known = projectId === null ? null : at(projectId)
          const there = new Set([...installation, ...(known === null ? [] : valuesOf(known))])
          const fresh = [...new Set(values)].filter((value) => value !== "" && !there.has(value))
          if (fresh.length === 0) return
          if (known === null) {
            installation = [...installation, ...fresh]
            own = Redactor.make(installation)
            for (const one of projects.values()) rebuild(one)
            return
          }
          known.learned = [...known.learned, ...fresh].slice(-maxLearned)
          rebuild(known)
        })

      return {
        of,
        learn,
        given: (projectId, values) =>
          Effect.map(of(projectId), () => Redactor.make([...installation, ...valuesOf(at(projectId)), ...values])),
        text: (text) => {
          let masked = own.text(text)
          for (const { redactor } of projects.values()) if (redactor !== own) masked = redactor.text(masked)
          return masked
        }
      }
    })
  )
