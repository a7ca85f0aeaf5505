/** Schema of everything that can happen to a feature, discriminated by `type`. */
import { Schema } from "effect"
import { CodeEvents } from "./events/Code.ts"
import { ControlEvents } from "./events/Control.ts"
import { DeliveryEvents } from "./events/Delivery.ts"
import { LifeEvents } from "./events/Life.ts"
import { PlanEvents } from "./events/Plan.ts"
import { WorkEvents } from "./events/Work.ts"

const members = [
  ...LifeEvents,
  ...PlanEvents,
  ...WorkEvents,
  ...CodeEvents,
  ...DeliveryEvents,
  ...ControlEvents
] as const

export const FeatureEvent = Schema.Union(members)
export type FeatureEvent = typeof FeatureEvent.Type

export type EventType = FeatureEvent["type"]

export const eventTypes: ReadonlyArray<EventType> = members.map((member) => member.fields.type.literal)
