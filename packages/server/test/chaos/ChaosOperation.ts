/** A provisioning of seven things at the provider, shaped like a project's. */
import * as Definition from "@rdev/core/operations/Definition"
import * as Step from "@rdev/core/operations/Step"
import { Effect, Schema } from "effect"

export const kind = "chaos.provision"
export const kinds = ["repository", "ci", "dns", "tls", "database", "cache", "deployment"] as const
const depends: Readonly<Record<(typeof kinds)[number], ReadonlyArray<string>>> = {
  repository: [],
  ci: ["repository"],
  dns: [],
  tls: ["dns"],
  database: [],
  cache: [],
  deployment: ["repository", "ci", "dns", "tls", "database", "cache"]
}

const Observation = Schema.Struct({ owner: Schema.NullOr(Schema.String) })
const decode = Schema.decodeUnknownResult(Observation)
const unavailable = (message: string, cause?: unknown) =>
  new Step.StepFailure({ code: "Unavailable", message, retryable: true, retryAfterMillis: null, cause })

const call = (url: string, method: "GET" | "POST") =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(url, { method, signal })
      return { status: response.status, body: (await response.json()) as unknown }
    },
    catch: (cause) => unavailable("the provider does not answer", cause)
  })

const stepOf = (provider: string, name: string, owner: string) => (key: (typeof kinds)[number]) => {
  const at = (verb: string) => `${provider}/${verb}/${key}/${name}?owner=${owner}`
  const change = (verb: "ensure" | "remove") =>
    Effect.flatMap(call(at(verb), "POST"), ({ body, status }) =>
      status === 200
        ? Effect.void
        : Effect.fail(
            status === 409
              ? Step.failure("Foreign", JSON.stringify(body))
              : Step.failure("Invalid", JSON.stringify(body))
          )
    )
  return Step.make({
    key,
    title: `Create the ${key}`,
    dependsOn: depends[key],
    intent: "create",
    output: Schema.Struct({ name: Schema.String }),
    resource: { provider: key, externalId: name },
    retry: { maxAttempts: 50, maxMillis: 1_000 },
    observe: () =>
      Effect.flatMap(call(at("observe"), "GET"), ({ body }) => {
        const seen = decode(body)
        if (seen._tag === "Failure") return Effect.fail(unavailable("the provider's answer is not understood"))
        const found = seen.success.owner
        const observed: Step.Observed<{ readonly name: string }> =
          found === null
            ? { _tag: "Absent" }
            : found === owner
              ? { _tag: "Present", output: { name }, known: false, drift: null, detail: "it is ours" }
              : { _tag: "Foreign", detail: `it is ${found}'s` }
        return Effect.succeed(observed)
      }),
    do: () => Effect.as(change("ensure"), Step.done({ name })),
    undo: () => change("remove")
  })
}

/** Owner of everything is the operation. */
export const definition = (provider: string) =>
  Definition.make({
    kind,
    version: 1,
    input: Schema.Struct({ name: Schema.String }),
    onFailure: "compensate",
    steps: ({ name }, { operationId }) => kinds.map(stepOf(provider, name, operationId))
  })
