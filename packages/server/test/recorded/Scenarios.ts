/**
 * The states of operations that are recorded: each is reached by the code of its day, whose process then dies. `now` is what to do at the
 * start, `meddle` what the providers do; the record is made once `until` holds.
 */
import type { Operation, OperationStep } from "@rdev/core/domain/Operation"
import type { Call, Fault } from "@rdev/core/memory/infra/ProviderProbe"
import type { Meddle } from "./Ports.ts"

export interface Scenario {
  readonly name: string
  /** What is asked for. `sync` and `delete` come after a provisioning; `planned` = from a plan. */
  readonly does: "provision" | "sync" | "delete" | "provision planned"
  /** Without a runner nothing of it begins. */
  readonly runs: boolean
  readonly meddle: Meddle
  readonly until: (operation: Operation, steps: ReadonlyArray<OperationStep>) => boolean
  /** How it ends when it goes on and nothing fails any more; `retry` first asks for it. */
  readonly ends: Operation["status"]
  readonly retry: boolean
}

const is = (port: string, verb: string) => (call: Call) => call.port === port && call.verb === verb
const when =
  (matches: (call: Call) => boolean, what: ReturnType<Meddle>): Meddle =>
  (call) =>
    matches(call) ? what : null
const either =
  (...all: ReadonlyArray<Meddle>): Meddle =>
  (call) => {
    for (const one of all) {
      const said = one(call)
      if (said !== null) return said
    }
    return null
  }
const refused: Fault = { when: "before", reason: { _tag: "Unauthorized", message: "the token is revoked" } }
const invalid: Fault = { when: "before", reason: { _tag: "Invalid", field: "build", message: "it does not build" } }
const later: Fault = {
  when: "before",
  reason: { _tag: "RateLimited", message: "too many requests", retryAfterMillis: 3_000 }
}

/** A step of the kind: of version 1 there is one, later one for each place, such as `dns.staging`. */
const isOf = (kind: string, phase: "do" | "undo") => (step: OperationStep) =>
  step.phase === phase && (step.key === kind || step.key.startsWith(`${kind}.`))
const status =
  (kind: string, wanted: OperationStep["status"], others: ReadonlyArray<string> = [], phase: "do" | "undo" = "do") =>
  (_: Operation, steps: ReadonlyArray<OperationStep>): boolean =>
    steps.some((step) => isOf(kind, phase)(step) && step.status === wanted) &&
    others.every((other) => {
      const all = steps.filter(isOf(other, "do"))
      return all.length > 0 && all.every((step) => step.status === "done")
    })
const ended =
  (wanted: Operation["status"]) =>
  (operation: Operation): boolean =>
    operation.status === wanted

const base = { runs: true, ends: "completed", retry: false, meddle: () => null } as const
const rest = ["repository", "ci", "dns", "tls", "cache"]

export const scenarios: ReadonlyArray<Scenario> = [
  { ...base, name: "provision-planned", does: "provision", runs: false, until: ended("planned") },
  {
    ...base,
    name: "provision-database-made",
    does: "provision",
    meddle: when(is("TenantDatabase", "ensure"), "silent-after"),
    until: status("database", "started", rest)
  },
  {
    ...base,
    name: "provision-before-deployment",
    does: "provision",
    meddle: when(is("Deployer", "deploy"), "silent-before"),
    until: status("deployment", "started", [...rest, "database"])
  },
  {
    ...base,
    name: "provision-deployed",
    does: "provision planned",
    meddle: when(is("Deployer", "deploy"), "silent-after"),
    until: status("deployment", "started", [...rest, "database"])
  },
  {
    ...base,
    name: "provision-waits-for-retry",
    does: "provision",
    meddle: when(is("Ci", "ensure"), later),
    until: ended("waiting")
  },
  {
    ...base,
    name: "provision-compensating",
    does: "provision",
    meddle: either(when(is("Deployer", "deploy"), invalid), when(is("Dns", "remove"), "silent-after")),
    until: status("dns", "started", [], "undo"),
    ends: "failed"
  },
  {
    ...base,
    name: "provision-compensation-failed",
    does: "provision",
    meddle: either(when(is("Deployer", "deploy"), invalid), when(is("RepositoryHost", "remove"), refused)),
    until: ended("compensation_failed"),
    ends: "failed",
    retry: true
  },
  {
    ...base,
    name: "provision-failed",
    does: "provision",
    meddle: when(is("Deployer", "deploy"), invalid),
    until: ended("failed"),
    retry: true
  },
  { ...base, name: "sync-planned", does: "sync", runs: false, until: ended("planned") },
  {
    ...base,
    name: "sync-record-made",
    does: "sync",
    meddle: when(is("Dns", "ensure"), "silent-after"),
    until: status("dns", "started", ["repository", "ci", "database"])
  },
  {
    ...base,
    name: "sync-failed",
    does: "sync",
    // What is there is not made again: the record that somebody deleted is.
    meddle: when(is("Dns", "ensure"), invalid),
    until: ended("failed"),
    retry: true
  },
  { ...base, name: "delete-planned", does: "delete", runs: false, until: ended("planned") },
  {
    ...base,
    name: "delete-record-gone",
    does: "delete",
    meddle: when(is("Dns", "remove"), "silent-after"),
    until: status("dns", "started", ["deployment", "database"])
  },
  {
    ...base,
    name: "delete-failed",
    does: "delete",
    meddle: when(is("RepositoryHost", "remove"), refused),
    until: ended("failed"),
    retry: true
  }
]
