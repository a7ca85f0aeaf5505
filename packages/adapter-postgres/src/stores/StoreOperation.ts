/** What the stores share: an error that names the port's method, a span, and rows that decode or say which one does not. */
import { type Damage, Quarantine } from "@rdev/core/ports/stores/Quarantine"
import { StoreError } from "@rdev/core/ports/stores/StoreError"
import { traced } from "@rdev/core/services/traced"
import { Effect, Schema } from "effect"

/** Names the failing operation after the port's method, e.g. `ProjectStore.insert`. */
export const operation =
  (name: string) =>
  <A, R>(effect: Effect.Effect<A, StoreError, R>): Effect.Effect<A, StoreError, R> =>
    traced(name)(
      Effect.mapError(effect, (error) =>
        error.operation.startsWith("Database.")
          ? new StoreError({ operation: name, reason: error.reason, cause: error.cause })
          : error
      )
    )

/** Rows of documents in a column `data`; an undecodable one is Corrupt, as somebody else wrote it. */
export const decoder = <S extends Schema.Codec<unknown, unknown>>(name: string, schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (rows: ReadonlyArray<{ readonly data: unknown }>): Effect.Effect<ReadonlyArray<S["Type"]>, StoreError> =>
    Effect.forEach(rows, (row) => decode(row.data)).pipe(
      Effect.mapError(
        (cause) =>
          new StoreError({
            operation: name,
            reason: { _tag: "Corrupt", message: `a stored row cannot be read: ${cause.message}` },
            cause
          })
      )
    )
}

/** Where a row belongs, for the report of its damage; only asked of rows that are damaged. */
export interface Whose {
  readonly owner: string | null
  readonly part: string
  readonly repair: string
}

/** The rows that decode; each of the others is reported and left out, so that it spoils no list. */
export const tolerant = <S extends Schema.Codec<unknown, unknown>, R extends { readonly data: unknown }>(
  schema: S,
  whose: (row: R) => Whose
) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (rows: ReadonlyArray<R>): Effect.Effect<ReadonlyArray<S["Type"]>> =>
    Effect.suspend(() => {
      const found: Array<S["Type"]> = []
      const damaged: Array<Effect.Effect<void>> = []
      for (const row of rows) {
        const result = decode(row.data)
        if (result._tag === "Success") found.push(result.success)
        else
          damaged.push(
            reportDamage({ ...whose(row), message: `a stored row cannot be read: ${result.failure.message}` })
          )
      }
      return damaged.length === 0 ? Effect.succeed(found) : Effect.as(Effect.all(damaged, { discard: true }), found)
    })
}
export const reportDamage = (damage: Damage): Effect.Effect<void> =>
  Effect.flatMap(Quarantine, (quarantine) => quarantine.report(damage))

export const fail = (name: string, reason: StoreError["reason"]): Effect.Effect<never, StoreError> =>
  Effect.fail(new StoreError({ operation: name, reason }))
