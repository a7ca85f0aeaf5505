/** Cookbook trees: workflows written down as YAML, with steps that depend on each other and a tear-down that always runs. Schemas only. */
import { Schema } from "effect"

const Id = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9-]{0,39}$/, {
    message: "expected lower-case letters, digits and hyphens, starting with a letter, at most 40 characters"
  })
)
const Name = Schema.String.check(
  Schema.isPattern(/^[a-z][a-z0-9_]{0,39}$/, {
    message: "expected lower-case letters, digits and underscores, starting with a letter, at most 40 characters"
  })
)
const Text = Schema.String.check(Schema.isMaxLength(10_000))
const seconds = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 1, maximum }))

const base = {
  id: Id,
  title: Schema.optionalKey(Text),
  depends_on: Schema.optionalKey(Schema.Array(Id).check(Schema.isMaxLength(200))),
  /** How often the step is tried again after it failed, and the pause before. */
  retries: Schema.optionalKey(
    Schema.Struct({
      times: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 })),
      delay_seconds: Schema.optionalKey(seconds(3_600))
    })
  ),
  /** Of one call; of the whole wait for the waiting actions. */
  timeout_seconds: Schema.optionalKey(seconds(86_400)),
  /** The step is left out when this is true, `"true"`, `"yes"` or a number other than 0. */
  skip_if: Schema.optionalKey(Schema.Json),
  /** Values that later steps may use: a path into what the action answered (see JsonPath). */
  outputs: Schema.optionalKey(Schema.Record(Name, Schema.String).check(Schema.isMaxProperties(100)))
}

const Environment = Schema.Literals(["staging", "production"])

export const ApiStep = Schema.Struct({
  ...base,
  action: Schema.Literal("api"),
  method: Schema.Literals(["GET", "POST", "PUT", "PATCH", "DELETE"]),
  path: Text.check(Schema.isPattern(/^\//, { message: "expected a path that begins with /" })),
  body: Schema.optionalKey(Schema.Json),
  /** Without a credential. */
  anonymous: Schema.optionalKey(Schema.Boolean),
  /** Default: any 2xx. */
  expect_status: Schema.optionalKey(Schema.Array(Schema.Int))
})
/** Until the project is ready. */
export const WaitInfraStep = Schema.Struct({
  ...base,
  action: Schema.Literal("wait_infra"),
  project: Text,
  interval_seconds: Schema.optionalKey(seconds(3_600))
})
/** Until a task has completed, a feature has reached a phase (default `released`), or an environment has a release. One of the three. */
export const WaitBuildStep = Schema.Struct({
  ...base,
  action: Schema.Literal("wait_build"),
  project: Text,
  task: Schema.optionalKey(Text),
  feature: Schema.optionalKey(Text),
  phase: Schema.optionalKey(Text),
  environment: Schema.optionalKey(Environment),
  interval_seconds: Schema.optionalKey(seconds(3_600))
})
/** A command in a workspace of the project, isolated as all workspaces are; the workspace is removed afterwards. */
export const ShellStep = Schema.Struct({
  ...base,
  action: Schema.Literal("shell"),
  project: Text,
  /** Program and arguments; name a shell to have one. */
  command: Schema.Array(Text).check(Schema.isMinLength(1), Schema.isMaxLength(1_000)),
  env: Schema.optionalKey(Schema.Record(Schema.String, Text).check(Schema.isMaxProperties(200))),
  /** Puts the files of the default branch into the workspace first. */
  checkout: Schema.optionalKey(Schema.Boolean),
  expect_exit_code: Schema.optionalKey(Schema.Int),
  /** It may run again after a crash; otherwise the tree waits for a human then. */
  idempotent: Schema.optionalKey(Schema.Boolean)
})
const Check = Schema.Struct({
  /** A path into the visited answer (`$.status`, `$.body`, `$.json.name`) … */
  at: Schema.optionalKey(Schema.String),
  /** … or a value of its own. */
  value: Schema.optionalKey(Schema.Json),
  equals: Schema.optionalKey(Schema.Json),
  not_equals: Schema.optionalKey(Schema.Json),
  contains: Schema.optionalKey(Schema.Json),
  exists: Schema.optionalKey(Schema.Boolean)
})
export type Check = typeof Check.Type
/** Looks at a page of the project's release if told to, then checks. */
export const AssertStep = Schema.Struct({
  ...base,
  action: Schema.Literal("assert"),
  visit: Schema.optionalKey(
    Schema.Struct({ project: Text, environment: Schema.optionalKey(Environment), path: Schema.optionalKey(Text) })
  ),
  checks: Schema.Array(Check).check(Schema.isMinLength(1), Schema.isMaxLength(200))
})

/** Waits for somebody's answer to a question (`rdev operations answer`); it is `$.answer`. */
export const AskStep = Schema.Struct({
  ...base,
  action: Schema.Literal("ask"),
  question: Text.check(Schema.isMinLength(1))
})

export const actions = {
  api: ApiStep,
  wait_infra: WaitInfraStep,
  wait_build: WaitBuildStep,
  shell: ShellStep,
  assert: AssertStep,
  ask: AskStep
} as const
export const TreeStep = Schema.Union([ApiStep, WaitInfraStep, WaitBuildStep, ShellStep, AssertStep, AskStep])
export type TreeStep = typeof TreeStep.Type

export const Variable = Schema.Struct({
  description: Schema.optionalKey(Text),
  /** Absent: whoever runs the tree must give it. */
  default: Schema.optionalKey(Schema.Union([Schema.String, Schema.Finite, Schema.Boolean]))
})

export const TreeHead = Schema.Struct({
  name: Id,
  description: Schema.optionalKey(Text),
  vars: Schema.optionalKey(Schema.Record(Name, Variable).check(Schema.isMaxProperties(100))),
  steps: Schema.Array(Schema.Json).check(Schema.isMinLength(1), Schema.isMaxLength(200)),
  teardown: Schema.optionalKey(Schema.Array(Schema.Json).check(Schema.isMaxLength(50)))
})
export const Tree = Schema.Struct({
  ...TreeHead.fields,
  steps: Schema.Array(TreeStep),
  teardown: Schema.optionalKey(Schema.Array(TreeStep))
})
export type Tree = typeof Tree.Type
