/** Actions around a feature's release: deploying what was merged, looking whether it is well, and going back. */
import type { FeatureDecision } from "@rdev/sdlc/model/Decision"
import { Clock, Effect } from "effect"
import { Deployer } from "../../../ports/infra/Deployer.ts"
import * as Environments from "../../projects/Environments.ts"
import * as Variables from "../../projects/Variables.ts"
import * as Releasing from "../../releases/Releasing.ts"
import type { Snapshot } from "../read/FeatureFiles.ts"
import * as Log from "../report/FeatureLog.ts"
import * as ReleaseRecord from "../report/ReleaseRecord.ts"
import { draft, type Outcome } from "./Outcome.ts"

/** Where features are released to. */
const environment = "production" as const

/** What building, releasing and routing fail with; other trouble is not the release's. */
const ofRelease: ReadonlySet<string> = new Set(["BuilderError", "DeployerError", "RouterError"])

/** Whether another attempt would fail the same way. */
const isFinal = (error: { readonly _tag: string; readonly retryable?: boolean }): boolean =>
  ofRelease.has(error._tag) && error.retryable === false

/** Host names of the environment that features are released to. */
const hostsOf = (snapshot: Snapshot) =>
  Effect.map(Environments.of(snapshot.project.id), (all) => all.find(({ name }) => name === environment)?.hosts ?? [])

export const deploy = Effect.fn("ReleaseActions.deploy")(function* (snapshot: Snapshot, decision: FeatureDecision) {
  const sha = snapshot.state.merge.sha ?? snapshot.sha
  const started = yield* Clock.currentTimeMillis
  const env = yield* Variables.ofEnvironment(snapshot.project.id, environment)
  const hosts = yield* hostsOf(snapshot)
  const key = decision.idempotencyKey
  return yield* Releasing.release(snapshot.target, { key, environment, sha, env, hosts }).pipe(
    Effect.tap((release) => Log.deployed(snapshot, release, started)),
    Effect.tap((release) => ReleaseRecord.live(snapshot.project.id, release)),
    Effect.map((release): Outcome => ({
      events: [
        draft("deploy-started", { deploy: release.id, sha, environment }),
        draft("deploy-recorded", { deploy: release.id, status: "succeeded", url: release.url })
      ]
    })),
    Effect.catchIf(
      (error) => isFinal(error),
      (error) =>
        Effect.succeed<Outcome>({
          events: [
            draft("deploy-started", { deploy: decision.idempotencyKey, sha, environment }),
            draft("deploy-recorded", { deploy: decision.idempotencyKey, status: "failed", error: error.message })
          ]
        })
    )
  )
})

export const verify = Effect.fn("ReleaseActions.verify")(function* (snapshot: Snapshot) {
  const deployer = yield* Deployer
  const health = yield* deployer.verify(snapshot.target, environment)
  const id = snapshot.state.release.deploy ?? ""
  const bad = health.checks.filter((check) => !check.ok)
  return {
    events: [
      health.healthy
        ? draft("release-verified", { deploy: id, version: (snapshot.state.merge.sha ?? snapshot.sha).slice(0, 12) })
        : draft("release-unhealthy", {
            deploy: id,
            check: bad.map((check) => `${check.name}: ${check.detail}`).join("; ") || "health check"
          })
    ]
  } satisfies Outcome
})

export const rollback = Effect.fn("ReleaseActions.rollback")(function* (snapshot: Snapshot) {
  const id = snapshot.state.release.deploy ?? ""
  const started = draft("rollback-started", { deploy: id })
  return yield* Releasing.rollback(snapshot.target, environment, yield* hostsOf(snapshot)).pipe(
    Effect.tap((release) => ReleaseRecord.live(snapshot.project.id, release)),
    Effect.map((): Outcome => ({ events: [started, draft("rollback-recorded", { deploy: id, status: "succeeded" })] })),
    Effect.catchIf(
      (error) => isFinal(error),
      (error) =>
        Effect.succeed<Outcome>({
          events: [started, draft("rollback-recorded", { deploy: id, status: "failed", error: error.message })]
        })
    )
  )
})
