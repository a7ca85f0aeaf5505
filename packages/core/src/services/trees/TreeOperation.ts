/** The operation `tree.run`: each step of the tree is a step of the operation, the tear-down steps are those that always run. */
import { Effect, Option, Result, Schema } from "effect"
import * as Definition from "../../operations/Definition.ts"
import * as Step from "../../operations/Step.ts"
import type { TreeActions } from "../../ports/infra/TreeActions.ts"
import type { GitObjects } from "../../ports/infra/GitObjects.ts"
import type { WorkspaceHost } from "../../ports/infra/WorkspaceHost.ts"
import * as JsonPath from "./JsonPath.ts"
import * as Template from "./Template.ts"
import { teardownKey } from "./TreeParser.ts"
import { Tree, TreeStep } from "./TreeSchema.ts"
import * as TreeStepActions from "./TreeStepActions.ts"

export const kind = "tree.run"

const Values = Schema.Record(Schema.String, Schema.Json)
/** The tree as it was read, so that a later edit of the file changes no run. Variables are recorded: they are no place for secrets. */
export const Input = Schema.Struct({ tree: Tree, vars: Values })
export type Input = typeof Input.Type

const maxOutputBytes = 16_384

type Needs = GitObjects | TreeActions | WorkspaceHost

const encode = Schema.encodeSync(TreeStep)
const decode = Schema.decodeUnknownResult(TreeStep)

/** The step with its placeholders filled in. A tear-down whose step never ran has nothing to tear down. */
const rendered = (
  step: TreeStep,
  lookup: Template.Lookup,
  always: boolean
): Effect.Effect<TreeStep, Step.StepFailure> => {
  const inPath = Template.inPath(lookup)
  const filled = Result.map(
    Result.all(
      Object.entries(encode(step)).map(([name, value]) =>
        Result.map(
          Template.render(value as Schema.Json, name === "path" ? inPath : lookup),
          (text) => [name, text] as const
        )
      )
    ),
    (entries) => Object.fromEntries(entries)
  )
  if (Result.isFailure(filled))
    return Effect.fail(Step.failure(always ? "Unsupported" : "Template", `{{ ${filled.failure} }} has no value`))
  const result = decode(filled.success)
  return Result.isSuccess(result)
    ? Effect.succeed(result.success)
    : Effect.fail(
        Step.failure("Template", `with its placeholders filled in the step is not valid: ${result.failure.message}`)
      )
}

const isTrue = (value: Schema.Json): boolean =>
  value === true ||
  (typeof value === "number" && value !== 0) ||
  (typeof value === "string" && ["true", "yes"].includes(value.toLowerCase()))

const outputs = (step: TreeStep, answer: Schema.Json): Effect.Effect<typeof Values.Type, Step.StepFailure> =>
  Effect.map(
    Effect.forEach(Object.entries(step.outputs ?? {}), ([name, path]) => {
      const found = Option.flatMap(JsonPath.parse(path), (parsed) => JsonPath.at(answer, parsed))
      if (Option.isNone(found))
        return Effect.fail(Step.failure("Output", `output ${name}: there is nothing at ${path}`))
      const bytes = Buffer.byteLength(JSON.stringify(found.value))
      return bytes > maxOutputBytes
        ? Effect.fail(Step.failure("Output", `output ${name}: ${bytes} bytes, at most ${maxOutputBytes} are kept`))
        : Effect.succeed([name, found.value] as const)
    }),
    (entries) => Object.fromEntries(entries)
  )

const waits = (step: TreeStep) => step.action === "wait_infra" || step.action === "wait_build" || step.action === "ask"
/** What may be repeated after a crash: reads, checks, and calls that carry an idempotency key or are idempotent by their method. */
const repeatable = (step: TreeStep) =>
  step.action === "shell" ? step.idempotent === true : step.action !== "api" || step.method !== "PATCH"
const defaultSeconds = (step: TreeStep) => (step.action === "shell" ? 600 : 30)

const stepOf = (
  spec: TreeStep,
  { vars }: Input,
  { actor, operationId }: Definition.Identity,
  always: boolean
): Step.Step<Needs> => {
  const { retries } = spec
  const delayMillis = (retries?.delay_seconds ?? 1) * 1_000
  return Step.make({
    key: always ? teardownKey(spec.id) : spec.id,
    title: spec.title ?? `${spec.action} ${spec.id}`,
    dependsOn: (spec.depends_on ?? []).map((key) => (always ? teardownKey(key) : key)),
    intent: "run",
    always,
    output: Values,
    repeatable: repeatable(spec),
    retry: {
      maxAttempts: retries === undefined ? 3 : retries.times + 1,
      baseMillis: delayMillis,
      maxMillis: delayMillis
    },
    timeoutMillis: (waits(spec) ? 30 : (spec.timeout_seconds ?? defaultSeconds(spec))) * 1_000,
    do: (context) =>
      Effect.gen(function* () {
        const lookup: Template.Lookup = (reference) => {
          if (reference._tag === "Run") return Option.some(operationId)
          if (reference._tag === "Var") return Option.fromUndefinedOr(vars[reference.name])
          return Option.flatMap(context.output({ key: reference.step, output: Values }), (values) =>
            Option.fromUndefinedOr(values[reference.name])
          )
        }
        const step = yield* rendered(spec, lookup, always)
        if (step.skip_if !== undefined && isTrue(step.skip_if))
          return yield* Step.failure("Unsupported", `left out: skip_if is ${JSON.stringify(step.skip_if)}`)
        const answer = yield* Effect.mapError(TreeStepActions.perform(step, actor, context), (error) =>
          // A step with retries is tried again whatever went wrong with it, but for what no repetition mends.
          retries === undefined || error.code === "Unauthorized" || step.action === "ask"
            ? error
            : new Step.StepFailure({
                code: error.code === "Unsupported" ? "Failed" : error.code,
                message: error.message,
                retryable: true,
                retryAfterMillis: error.retryAfterMillis,
                cause: error.cause
              })
        )
        return answer._tag === "Wait" ? answer : Step.done(yield* outputs(step, answer.output))
      })
  })
}

export const definition = Definition.make<Input, Needs>({
  kind,
  version: 1,
  input: Input,
  onFailure: "compensate",
  actsAs: "starter",
  steps: (input, identity) => [
    ...input.tree.steps.map((step) => stepOf(step, input, identity, false)),
    ...(input.tree.teardown ?? []).map((step) => stepOf(step, input, identity, true))
  ]
})
