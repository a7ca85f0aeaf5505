/** A thousand provisionings while providers fail, answers are lost and processes die: everything ends, nothing is left over or made twice. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { terminal } from "@rdev/core/domain/Operation"
import { Operations } from "@rdev/core/operations/Operations"
import { Builder } from "@rdev/core/ports/infra/Builder"
import { Deployer } from "@rdev/core/ports/infra/Deployer"
import { Dns } from "@rdev/core/ports/infra/Dns"
import { RepositoryHost } from "@rdev/core/ports/infra/RepositoryHost"
import { Router } from "@rdev/core/ports/infra/Router"
import type { Fault } from "@rdev/core/memory/infra/ProviderProbe"
import { TenantDatabase } from "@rdev/core/ports/infra/TenantDatabase"
import { Projects } from "@rdev/core/services/Projects"
import { boot, Oracle, world } from "./World.ts"

/** A small generator of numbers in [0, 1), so that a run can be repeated (mulberry32). */
const random = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}

const total = 1_000
const changing: ReadonlySet<string> = new Set([
  "ensureRepository",
  "ensure",
  "build",
  "deploy",
  "route",
  "remove",
  "deleteRepository",
  "rotate"
])

describe("1000 provisionings", () => {
  it.effect(
    "with injected faults and dying processes",
    () =>
      Effect.gen(function* () {
        const next = random(20_240_229)
        const projects = yield* Projects
        const operations = yield* Operations
        const oracle = new Oracle()
        const fault = (call: { readonly port: string; readonly verb: string }): Fault | null => {
          if (!changing.has(call.verb) || call.port === "CredentialStore") return null
          const dice = next()
          if (dice < 0.04) return { when: "after", reason: { _tag: "Unavailable", message: "connection lost" } }
          if (dice < 0.08) return { when: "before", reason: { _tag: "Unavailable", message: "503" } }
          if (dice < 0.1)
            return { when: "before", reason: { _tag: "RateLimited", message: "slow down", retryAfterMillis: 2_000 } }
          // Only what makes things fails for good: an undo that fails for good waits for a human.
          return dice < 0.13 && call.verb !== "remove" && call.verb !== "deleteRepository"
            ? {
                when: next() < 0.5 ? "before" : "after",
                reason: { _tag: "Invalid", field: "name", message: "refused" }
              }
            : null
        }
        const started = yield* Effect.forEach(
          Array.from({ length: total }, (_, i) => `p-${i}`),
          (name) => projects.create({ name })
        )
        const lives = () =>
          boot(oracle, {
            fault,
            dieAt: 2_000 + Math.floor(next() * 20_000),
            runner: { concurrency: 100, drainMillis: 0 }
          })
        let process = yield* lives()
        let deaths = 0
        const open = new Set(started.map(({ operation }) => operation.id))
        for (let i = 0; i < 10_000 && open.size > 0; i++) {
          yield* TestClock.adjust("1 second")
          if (process.isDead()) {
            deaths += 1
            yield* process.kill
            process = yield* lives()
          }
          if (i % 5 === 0) for (const id of open) if (terminal.has((yield* operations.get(id)).status)) open.delete(id)
        }
        yield* process.kill
        assert.strictEqual(open.size, 0, "every operation has ended")

        const ended = yield* Effect.forEach(started, ({ operation }) => operations.get(operation.id))
        const count = (status: string) => ended.filter((operation) => operation.status === status).length
        assert.strictEqual(count("completed") + count("failed") + count("compensation_failed"), total)
        assert.strictEqual(count("compensation_failed"), 0)
        const alive = new Set(
          started.filter((_, i) => ended[i]?.status === "completed").map(({ project }) => String(project.id))
        )
        const owners = {
          repositories: (yield* (yield* RepositoryHost).list).map((one) => one.projectId),
          records: (yield* (yield* Dns).list).map((one) => one.projectId),
          databases: (yield* (yield* TenantDatabase).list).map((one) => one.projectId),
          artifacts: (yield* (yield* Builder).list).map((one) => one.projectId),
          routes: (yield* (yield* Router).list).map((one) => one.projectId),
          deployments: (yield* (yield* Deployer).list).map((one) => one.projectId)
        }
        for (const [kind, ids] of Object.entries(owners)) {
          assert.deepStrictEqual(
            ids.filter((id) => !alive.has(id)),
            [],
            `orphaned ${kind}`
          )
          assert.strictEqual(new Set(ids).size, alive.size, `missing ${kind}`)
        }
        for (const port of ["RepositoryHost", "Dns", "Tls", "TenantDatabase", "TenantCache", "Deployer"]) {
          const created = oracle.created(port)
          assert.strictEqual(
            new Set(created.map((name) => name.split("=")[0])).size,
            created.length,
            `${port} made something twice`
          )
        }
        const calls = oracle.calls.filter((call) => changing.has(call.split(".")[1] ?? "")).length
        console.log(
          `storm: ${total} provisionings, ${count("completed")} completed, ${count("failed")} undone, ${deaths} deaths of the runner, ${calls} changing calls, 0 orphans, 0 doubles`
        )
        assert.isAbove(deaths, 5)
        assert.isAbove(count("failed"), 50)
      }).pipe(Effect.provide(Layer.fresh(world()))),
    120_000
  )
})
