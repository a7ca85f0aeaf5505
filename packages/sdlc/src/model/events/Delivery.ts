/** Events of landing and releasing: merge queue, deploy, verification, rollback, incidents, sync of the living specs. */

export interface DeliveryData {
  readonly "merge-queued": { readonly sha: string; readonly position?: number }
  readonly "merge-dequeued": { readonly reason: string }
  readonly "merge-ejected": { readonly reason: string }
  /** outOfBand: landed without the flow's merge step; the violation stays on record. */
  readonly merged: { readonly sha: string; readonly outOfBand: boolean }
  readonly "deploy-started": { readonly deploy: string; readonly sha: string; readonly environment: string }
  readonly "deploy-recorded": {
    readonly deploy: string
    readonly status: "succeeded" | "failed"
    readonly url?: string
    readonly error?: string
  }
  readonly "release-verified": { readonly deploy: string; readonly version?: string }
  readonly "release-unhealthy": { readonly deploy: string; readonly check: string }
  readonly "rollback-started": { readonly deploy: string }
  readonly "rollback-recorded": {
    readonly deploy: string
    readonly status: "succeeded" | "failed"
    readonly error?: string
  }
  readonly "incident-opened": { readonly incident: string; readonly cause: string }
  readonly "incident-closed": { readonly incident: string }
  readonly "sync-recorded": { readonly specs: ReadonlyArray<string> }
}
