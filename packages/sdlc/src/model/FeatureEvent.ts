/**
 * FeatureEvent: the union of everything that can happen to a feature, discriminated by `type`.
 * `fold` turns a set of them into a `FeatureState`, whatever order they arrive in.
 */
import { Schema } from "effect"
import { CodeEvents } from "./events/Code.ts"
import { ControlEvents } from "./events/Control.ts"
import { DeliveryEvents } from "./events/Delivery.ts"
import { LifeEvents } from "./events/Life.ts"
import { PlanEvents } from "./events/Plan.ts"
import { WorkEvents } from "./events/Work.ts"

const members = [...LifeEvents, ...PlanEvents, ...WorkEvents, ...CodeEvents, ...DeliveryEvents, ...ControlEvents] as const

export const FeatureEvent = Schema.Union(members)
export type FeatureEvent = typeof FeatureEvent.Type

export type EventType = FeatureEvent["type"]
export type EventOf<T extends EventType> = Extract<FeatureEvent, { readonly type: T }>
export type EventData<T extends EventType> = EventOf<T>["data"]

export const eventTypes: ReadonlyArray<EventType> = members.map((member) => member.fields.type.literal)

/**
 * An event as the loader hands it over. `trusted` is the result of checking its signature against the policy's keyring:
 * absent when the policy has no keyring, false when an event that needs a signature lacks a valid one. Such an event never counts.
 */
export type LoadedEvent = FeatureEvent & { readonly trusted?: boolean }
