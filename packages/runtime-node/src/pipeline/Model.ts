/** What a pipeline file says, as data. */
export interface Condition {
  readonly include: ReadonlyArray<string>
  readonly exclude: ReadonlyArray<string>
}
export interface When {
  readonly event: ReadonlyArray<string> | null
  readonly branch: Condition | null
  readonly status: ReadonlyArray<string>
}
export interface Step {
  readonly name: string
  readonly image: string | null
  readonly commands: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  /** Relative to the checkout; "" = its root. */
  readonly directory: string
  /** Runs when any of them matches; empty = always. */
  readonly when: ReadonlyArray<When>
  readonly dependsOn: ReadonlyArray<string> | null
  /** `failure: ignore`: the run stays green. */
  readonly ignoreFailure: boolean
}
export interface Pipeline {
  readonly when: ReadonlyArray<When>
  readonly steps: ReadonlyArray<Step>
}
export interface Trigger {
  readonly event: string
  readonly branch: string
}

/** Wrong at a line; the message begins with `<file>:<line>:`. */
export class PipelineError extends Error {}
