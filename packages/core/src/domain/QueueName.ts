/** Names by which tasks share something: a key, a gate, a capacity. Schemas only. */
import { Schema } from "effect"

/** Databases keep neither NUL nor half of a surrogate pair in a text: the first is refused, and two of the second would be one name. */
export const QueueName = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(200),
  Schema.makeFilter(
    (text) =>
      (text.isWellFormed() && !text.includes("\u0000")) || "expected text without NUL and without unpaired surrogates"
  )
)
