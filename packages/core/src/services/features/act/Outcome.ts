/** What an action of the platform came to: events for the feature's history, and what else is kept of it. */
import type { EventData, EventType } from "@rdev/sdlc/model/FeatureEvent"
import type { Draft } from "@rdev/sdlc/repo/Repo"
import type { FileChange } from "../../../ports/infra/GitObjects.ts"

export const draft = <T extends EventType>(type: T, data: EventData<T>) => ({ type, data }) as unknown as Draft

export interface Outcome {
  readonly events: ReadonlyArray<Draft>
  readonly files?: ReadonlyArray<FileChange>
  /** Set when the action changed what the index row remembers. */
  readonly pullRequest?: number
  readonly branch?: string
}
