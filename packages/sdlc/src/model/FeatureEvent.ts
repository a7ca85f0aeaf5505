/**
 * FeatureEvent: the union of everything that can happen to a feature, discriminated by `type`.
 * `fold` turns a set of them into a `FeatureState`, whatever order they arrive in.
 */
import type { CodeData } from "./events/Code.ts"
import type { ControlData } from "./events/Control.ts"
import type { DeliveryData } from "./events/Delivery.ts"
import type { Envelope } from "./events/Event.ts"
import type { LifeData } from "./events/Life.ts"
import type { PlanData } from "./events/Plan.ts"
import type { WorkData } from "./events/Work.ts"

/** What each type of event says. */
export interface EventTypes extends LifeData, PlanData, WorkData, CodeData, DeliveryData, ControlData {}

export type EventType = keyof EventTypes
export type EventData<T extends EventType> = EventTypes[T]
export type FeatureEvent = {
  readonly [T in EventType]: Envelope & { readonly type: T; readonly data: EventTypes[T] }
}[EventType]
export type EventOf<T extends EventType> = Extract<FeatureEvent, { readonly type: T }>

/**
 * An event as the loader hands it over. `trusted` is the result of checking its signature against the policy's keyring:
 * absent when the policy has no keyring, false when an event that needs a signature lacks a valid one. Such an event never counts.
 */
export type LoadedEvent = FeatureEvent & { readonly trusted?: boolean }
