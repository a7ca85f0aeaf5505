/** What work that does not go on waits for, as answers show it. */
import { WaitingFor } from "@rdev/core/domain/WaitingFor"
import { Schema } from "effect"
import * as Wire from "./Wire.ts"

const { detail, reason } = WaitingFor.fields
export const WaitingForView = Wire.struct("WaitingFor", { reason, since: Wire.Time, until: Wire.OptionalTime, detail })
/** Null while it goes on, and when it has ended. */
export const waitingFor = { waitingFor: Schema.NullOr(WaitingForView) }
