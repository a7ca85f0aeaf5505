/** What the stores share: an error that names the port's method, a span, and rows that decode or say which one does not. */
import { StoreError } from "@rdev/core/ports/StoreError"
import { traced } from "@rdev/core/services/traced"
import { Effect, Schema } from "effect"

/** Names the failing operation after the port's method, e.g. `ProjectStore.insert`. */
export const operation = (name: string) => <A, R>(effect: Effect.Effect<A, StoreError, R>): Effect.Effect<A, StoreError, R> =>
  traced(name)(Effect.mapError(effect, (error) => error.operation.startsWith("Database.") ? new StoreError({ operation: name, reason: error.reason, cause: error.cause }) : error))

/** Rows of documents in a column `data`; an undecodable one is Corrupt, as somebody else wrote it. */
export const decoder = <S extends Schema.Codec<unknown, unknown>>(name: string, schema: S) => {
  const decode = Schema.decodeUnknownEffect(schema)
  return (rows: ReadonlyArray<{ readonly data: unknown }>): Effect.Effect<ReadonlyArray<S["Type"]>, StoreError> =>
    Effect.forEach(rows, (row) => decode(row.data)).pipe(
      Effect.mapError((cause) => new StoreError({
        operation: name,
        reason: { _tag: "Corrupt", message: `a stored row cannot be read: ${cause.message}` },
        cause
      }))
    )
}

export const fail = (name: string, reason: StoreError["reason"]): Effect.Effect<never, StoreError> => Effect.fail(new StoreError({ operation: name, reason }))
